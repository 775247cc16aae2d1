"""Every query about breaks: where a bill and our books differ, and what became of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from psycopg.types.json import Jsonb

from tuan.kernel.db import Connection, row_of
from tuan.kernel.errors import NotFound
from tuan.kernel.ids import new_id
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.mall.reconciliation import Break, BreakKind

# A break found again says nothing new, unless it was thought repaired or its figures are others.
FIND: Final = """
    INSERT INTO reconciliation_break AS known (id, gateway, day, kind, about, order_number, ours_fen,
        ledger_fen, bill_fen, detail, status, found_at)
    SELECT id, %(gateway)s, %(day)s, kind, about, order_number, ours_fen, ledger_fen, bill_fen, detail,
        'open', %(now)s
    FROM jsonb_to_recordset(%(found)s) AS new (id text, kind text, about text, order_number text,
        ours_fen bigint, ledger_fen bigint, bill_fen bigint, detail text)
    ORDER BY kind, about
    ON CONFLICT (gateway, kind, about) DO UPDATE SET day = excluded.day,
        order_number = excluded.order_number, ours_fen = excluded.ours_fen,
        ledger_fen = excluded.ledger_fen, bill_fen = excluded.bill_fen, detail = excluded.detail,
        status = 'open', found_at = excluded.found_at, ended_at = NULL, ended_by = NULL, reason = NULL
    WHERE known.status = 'repaired' OR (known.ours_fen, known.ledger_fen, known.bill_fen, known.detail)
        IS DISTINCT FROM (excluded.ours_fen, excluded.ledger_fen, excluded.bill_fen, excluded.detail)"""

REPAIRED: Final = """
    UPDATE reconciliation_break SET status = 'repaired', ended_at = %(now)s, ended_by = %(by)s
    WHERE gateway = %(gateway)s AND status = 'open' AND ((day = %(day)s
            AND NOT EXISTS (SELECT FROM jsonb_to_recordset(%(found)s) AS again (kind text, about text)
                WHERE (again.kind, again.about) = (reconciliation_break.kind, reconciliation_break.about)))
        OR (about = ANY(%(confirmed)s) AND day <> %(day)s))"""

OPEN_OF: Final = """
    SELECT kind, about, order_number, ours_fen, ledger_fen, bill_fen, detail FROM reconciliation_break
    WHERE gateway = %(gateway)s AND day = %(day)s AND status = 'open' ORDER BY kind, about"""

FOUND: Final = """
    SELECT id, gateway, day, kind, about, order_number, ours_fen, ledger_fen, bill_fen, detail, status,
        found_at, ended_at, ended_by, reason
    FROM reconciliation_break
    WHERE (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
        AND (%(day)s::date IS NULL OR day = %(day)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)"""

HOLD_BREAK: Final = """
    SELECT id, gateway, day, kind, about, order_number, ours_fen, ledger_fen, bill_fen, detail, status,
        found_at, ended_at, ended_by, reason
    FROM reconciliation_break WHERE id = %(id)s FOR UPDATE"""

RESOLVE: Final = """
    UPDATE reconciliation_break SET status = 'resolved', ended_at = %(now)s, ended_by = %(by)s,
        reason = %(reason)s
    WHERE id = %(id)s"""


class BreakStatus(StrEnum):
    OPEN = "open"
    REPAIRED = "repaired"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakSeen:
    """A break, and what became of it."""

    id: str
    gateway: str
    day: date
    kind: BreakKind
    about: str
    order_number: str | None
    ours_fen: int | None
    ledger_fen: int | None
    bill_fen: int | None
    detail: str
    status: BreakStatus
    found_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    reason: str | None


BREAKS: Final = Sorting[BreakSeen](
    columns={
        # A break's id begins with the moment it was found first; `found` is when it was found last.
        "id": Column("id", Kind.TEXT, lambda seen: seen.id),
        "found": Column("found_at", Kind.MOMENT, lambda seen: seen.found_at),
        "day": Column("day", Kind.DAY, lambda seen: seen.day),
        "kind": Column("kind", Kind.TEXT, lambda seen: seen.kind),
        "ours": Column("ours_fen", Kind.NUMBER, lambda seen: seen.ours_fen, may_be_empty=True),
        "ledger": Column("ledger_fen", Kind.NUMBER, lambda seen: seen.ledger_fen, may_be_empty=True),
        "bill": Column("bill_fen", Kind.NUMBER, lambda seen: seen.bill_fen, may_be_empty=True),
    },
    key=("id",),
    key_of=lambda seen: (seen.id,),
)


async def save_found(
    connection: Connection, found: Sequence[Break], *, gateway: str, day: date, now: datetime
) -> None:
    new = Jsonb([asdict(one) | {"id": new_id()} for one in found])
    await connection.execute(FIND, {"gateway": gateway, "day": day, "found": new, "now": now})


async def end_repaired(
    connection: Connection,
    found: Sequence[Break],
    confirmed: Sequence[str],
    *,
    gateway: str,
    day: date,
    by: str,
    now: datetime,
) -> None:
    """Those of the day that were not found again, and those of other days whose movement is confirmed now."""
    again = Jsonb([{"kind": one.kind, "about": one.about} for one in found])
    values = {"gateway": gateway, "day": day, "found": again, "confirmed": list(confirmed), "by": by}
    await connection.execute(REPAIRED, values | {"now": now})


async def open_of(connection: Connection, *, gateway: str, day: date) -> list[Break]:
    async with connection.cursor(row_factory=row_of(Break)) as cursor:
        await cursor.execute(OPEN_OF, {"gateway": gateway, "day": day})
        return await cursor.fetchall()


async def breaks(
    connection: Connection,
    turn: Turn,
    *,
    gateway: str | None,
    day: date | None,
    status: BreakStatus | None,
    limit: int,
) -> list[BreakSeen]:
    """`turn` is one of BREAKS."""
    asked = {"gateway": gateway, "day": day, "status": status, "limit": limit, **turn.values}
    async with connection.cursor(row_factory=row_of(BreakSeen)) as cursor:
        await cursor.execute(FOUND + turn.sql, asked)
        return await cursor.fetchall()


async def hold(connection: Connection, break_id: str) -> BreakSeen:
    """Locks it until the transaction ends. Raises NotFound."""
    async with connection.cursor(row_factory=row_of(BreakSeen)) as cursor:
        await cursor.execute(HOLD_BREAK, {"id": break_id})
        found = await cursor.fetchone()
    if found is None:
        raise NotFound
    return found


async def resolve(connection: Connection, break_id: str, *, by: str, reason: str, now: datetime) -> None:
    await connection.execute(RESOLVE, {"id": break_id, "by": by, "reason": reason, "now": now})
