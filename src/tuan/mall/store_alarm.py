"""Every query about alarms."""

from datetime import datetime
from typing import Final

from tuan.kernel.db import Connection
from tuan.kernel.ids import new_id

RING: Final = """
    INSERT INTO alarm (id, kind, about, detail, times, first_at, last_at)
    VALUES (%(id)s, %(kind)s, %(about)s, %(detail)s, 1, %(now)s, %(now)s)
    ON CONFLICT (kind, about) WHERE cleared_at IS NULL DO UPDATE SET detail = excluded.detail,
        times = alarm.times + 1, last_at = greatest(alarm.last_at, excluded.last_at)"""


async def ring(connection: Connection, *, kind: str, about: str, detail: str, now: datetime) -> None:
    """The same alarm about the same thing counts, until somebody clears it."""
    values = {"id": new_id(), "kind": kind, "about": about, "detail": detail, "now": now}
    await connection.execute(RING, values)
