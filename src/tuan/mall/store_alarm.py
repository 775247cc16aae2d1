"""Every query about alarms."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from tuan.kernel.db import Connection, row_of
from tuan.kernel.ids import new_id

RING: Final = """
    INSERT INTO alarm (id, kind, about, detail, times, first_at, last_at)
    VALUES (%(id)s, %(kind)s, %(about)s, %(detail)s, 1, %(now)s, %(now)s)
    ON CONFLICT (kind, about) WHERE cleared_at IS NULL DO UPDATE SET detail = excluded.detail,
        times = alarm.times + 1, last_at = greatest(alarm.last_at, excluded.last_at)"""

# An id begins with the moment it rang first.
NEWEST: Final = """
    SELECT * FROM alarm
    WHERE (%(is_ringing)s::boolean IS NULL OR (cleared_at IS NULL) = %(is_ringing)s)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(about)s::text IS NULL OR about = %(about)s)
        AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s"""

HOLD: Final = "SELECT * FROM alarm WHERE id = %(id)s FOR UPDATE"

CLEAR: Final = "UPDATE alarm SET cleared_at = %(now)s WHERE id = %(id)s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    id: str
    kind: str
    about: str
    detail: str
    times: int
    first_at: datetime
    last_at: datetime
    cleared_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmFilter:
    is_ringing: bool | None = None
    kind: str | None = None
    about: str | None = None


async def ring(connection: Connection, *, kind: str, about: str, detail: str, now: datetime) -> None:
    """The same alarm about the same thing counts, until somebody clears it."""
    values = {"id": new_id(), "kind": kind, "about": about, "detail": detail, "now": now}
    await connection.execute(RING, values)


async def newest(
    connection: Connection, wanted: AlarmFilter, *, after: str | None, limit: int
) -> Sequence[Alarm]:
    async with connection.cursor(row_factory=row_of(Alarm)) as cursor:
        await cursor.execute(NEWEST, asdict(wanted) | {"after": after, "limit": limit})
        return await cursor.fetchall()


async def hold(connection: Connection, alarm_id: str) -> Alarm | None:
    """Locks it until the transaction ends."""
    async with connection.cursor(row_factory=row_of(Alarm)) as cursor:
        await cursor.execute(HOLD, {"id": alarm_id})
        return await cursor.fetchone()


async def clear(connection: Connection, alarm_id: str, *, now: datetime) -> None:
    await connection.execute(CLEAR, {"id": alarm_id, "now": now})
