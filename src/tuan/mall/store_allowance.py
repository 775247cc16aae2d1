"""What is left of each allowance, counted once for all backends."""

from datetime import datetime
from typing import Final

from tuan.kernel.db import Connection
from tuan.mall.allowance import Allowance, TooOften

# Each time moves the moment of being whole again away by a step, and never further than `within`.
TAKE: Final = """
    INSERT INTO allowance AS kept (name, who, whole_at)
    VALUES (%(name)s, %(who)s, %(now)s::timestamptz + %(step)s)
    ON CONFLICT (name, who) DO UPDATE SET whole_at = greatest(kept.whole_at, %(now)s) + %(step)s
    WHERE greatest(kept.whole_at, %(now)s) + %(step)s <= %(now)s::timestamptz + %(within)s
    RETURNING who"""

FORGET: Final = "DELETE FROM allowance WHERE whole_at < %(now)s"


async def take(connection: Connection, allowance: Allowance, *, who: str, now: datetime) -> None:
    """Within the caller's transaction. Raises TooOften."""
    asked = {
        "name": allowance.name,
        "who": who,
        "step": allowance.step,
        "within": allowance.within,
        "now": now,
    }
    answer = await connection.execute(TAKE, asked)
    if await answer.fetchone() is None:
        raise TooOften(wait=allowance.step)


async def forget_whole(connection: Connection, *, now: datetime) -> None:
    """Who was not here lately need not be remembered, and has lost nothing."""
    await connection.execute(FORGET, {"now": now})
