"""Something passes a door, and a trouble that waits there befalls it."""

from collections.abc import Set

from tuan.kernel.db import Pool, transaction
from tuan.sandbox.trouble import Door, Kind, Occasion, Trouble
from tuan.sandbox.trouble_store import TroubleStore


async def meet(
    pool: Pool, door: Door, kinds: Set[Kind], *, about: str | None, method: str | None = None
) -> Trouble | None:
    """None on a good day."""
    occasion = Occasion(door=door, kinds=frozenset(kinds), about=about, method=method)
    async with transaction(pool) as connection:
        return await TroubleStore(connection).take(occasion)
