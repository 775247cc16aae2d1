"""Every query about alarms."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from tuan.kernel.db import Connection, row_of
from tuan.kernel.ids import new_id
from tuan.kernel.sorting import Column, Kind, Sorting, Turn

RING: Final = """
    INSERT INTO alarm (id, kind, about, detail, times, first_at, last_at)
    VALUES (%(id)s, %(kind)s, %(about)s, %(detail)s, 1, %(now)s, %(now)s)
    ON CONFLICT (kind, about) WHERE cleared_at IS NULL DO UPDATE SET detail = excluded.detail,
        times = alarm.times + 1, last_at = greatest(alarm.last_at, excluded.last_at)"""

FOUND: Final = """
    SELECT * FROM alarm
    WHERE (%(is_ringing)s::boolean IS NULL OR (cleared_at IS NULL) = %(is_ringing)s)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(about)s::text IS NULL OR about = %(about)s)"""

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


ALARMS: Final = Sorting[Alarm](
    columns={
        # An alarm's id begins with the moment it rang first.
        "first": Column("id", Kind.TEXT, lambda alarm: alarm.id),
        "last": Column("last_at", Kind.MOMENT, lambda alarm: alarm.last_at),
        "times": Column("times", Kind.NUMBER, lambda alarm: alarm.times),
        "kind": Column("kind", Kind.TEXT, lambda alarm: alarm.kind),
    },
    key=("id",),
    key_of=lambda alarm: (alarm.id,),
)


async def ring(connection: Connection, *, kind: str, about: str, detail: str, now: datetime) -> None:
    """The same alarm about the same thing counts, until somebody clears it."""
    values = {"id": new_id(), "kind": kind, "about": about, "detail": detail, "now": now}
    await connection.execute(RING, values)


async def alarms(connection: Connection, wanted: AlarmFilter, turn: Turn, *, limit: int) -> Sequence[Alarm]:
    """`turn` is one of ALARMS."""
    async with connection.cursor(row_factory=row_of(Alarm)) as cursor:
        await cursor.execute(FOUND + turn.sql, asdict(wanted) | turn.values | {"limit": limit})
        return await cursor.fetchall()


async def hold(connection: Connection, alarm_id: str) -> Alarm | None:
    """Locks it until the transaction ends."""
    async with connection.cursor(row_factory=row_of(Alarm)) as cursor:
        await cursor.execute(HOLD, {"id": alarm_id})
        return await cursor.fetchone()


async def clear(connection: Connection, alarm_id: str, *, now: datetime) -> None:
    await connection.execute(CLEAR, {"id": alarm_id, "now": now})
