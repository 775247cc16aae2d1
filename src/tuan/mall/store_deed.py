"""The record of what operators did: only ever added to, in the transaction of what it tells."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tuan.kernel.db import Connection, row_of
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.mall.operator import Deed

RECORD: Final = """
    INSERT INTO deed (at, operator_id, operator_name, action, about, before, after, reason)
    VALUES (%(at)s, %(operator_id)s, %(operator_name)s, %(action)s, %(about)s, %(before)s, %(after)s,
        %(reason)s)"""

FOUND: Final = """
    SELECT id, at, operator_id, operator_name, action, about, before, after, reason FROM deed
    WHERE (%(operator_id)s::text IS NULL OR operator_id = %(operator_id)s)
        AND (%(action)s::text IS NULL OR action = %(action)s)
        AND (%(about)s::text IS NULL OR about = %(about)s)
        AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR at < %(until)s)"""

JSON = msgspec.json.Encoder()


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    id: int
    at: datetime
    operator_id: str
    operator_name: str
    action: str
    about: str
    before: Any
    after: Any
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeedFilter:
    operator_id: str | None = None
    action: str | None = None
    about: str | None = None
    since: datetime | None = None
    until: datetime | None = None


DEEDS: Final = Sorting[Recorded](
    columns={
        # Deeds are numbered as they are recorded.
        "at": Column("id", Kind.NUMBER, lambda recorded: recorded.id),
        "operator": Column("operator_name", Kind.TEXT, lambda recorded: recorded.operator_name),
        "action": Column("action", Kind.TEXT, lambda recorded: recorded.action),
        "about": Column("about", Kind.TEXT, lambda recorded: recorded.about),
    },
    key=("id",),
    key_of=lambda recorded: (str(recorded.id),),
    key_kind=Kind.NUMBER,
)


async def record(
    connection: Connection,
    deed: Deed,
    action: str,
    *,
    about: str,
    before: object = None,
    after: object = None,
) -> None:
    """`about` is a noun and its id, as in product:9890001; `before` and `after` become JSON."""
    states = {
        name: None if state is None else JSON.encode(state).decode()
        for name, state in (("before", before), ("after", after))
    }
    await connection.execute(RECORD, asdict(deed) | states | {"action": action, "about": about})


async def deeds(connection: Connection, wanted: DeedFilter, turn: Turn, *, limit: int) -> Sequence[Recorded]:
    """`turn` is one of DEEDS."""
    async with connection.cursor(row_factory=row_of(Recorded)) as cursor:
        await cursor.execute(FOUND + turn.sql, asdict(wanted) | turn.values | {"limit": limit})
        return await cursor.fetchall()
