"""One switch turned by the original's key and value, for whoever may turn switches."""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import InvalidRequest
from tuan.kernel.web import ID
from tuan.market.operator import Deed
from tuan.market.store_operator import record
from tuan.market.store_source import sources
from tuan.market.store_switch import hold_switches, save_switches
from tuan.market.switch import SourceChannel, Switchboard
from tuan.market.turn import ABOUT

AS_DELIVERED: Final = Switchboard()
NO_LIMIT: Final = 1_000_000
PERCENT: Final = re.compile(r"[0-9]{1,2}|100", re.ASCII)


async def turn_switch(pool: Pool, key: str, value: str, *, deed: Deed) -> Switchboard:
    """Raises InvalidRequest for a key, a value or a source there is not."""
    async with transaction(pool) as connection:
        known = [source.id for source in await sources(connection)]
        before = await hold_switches(connection)
        after = turned(before, key, value, known=known)
        await save_switches(connection, after)
        await record(connection, deed, "switches.turned", about=ABOUT, before=before, after=after)
    return after


def turned(board: Switchboard, key: str, value: str, *, known: Collection[str]) -> Switchboard:
    """`known` are the sources there are. Raises InvalidRequest."""
    match key, value:
        case "downgradeSwitch", "0" | "1":
            return replace(board, downgraded=value == "1")
        case "cutRange", _ if PERCENT.fullmatch(value):
            return replace(board, rollout_percent=int(value))
        case "scBlacklist" | "scBlackList", _:
            entries = [entry for part in value.split(",") if (entry := part.strip())]
            return replace(board, blocked=frozenset(_source_channel(entry, known) for entry in entries))
        case "rateLimiterSwitch", "open":
            return replace(
                board,
                locks_per_minute=AS_DELIVERED.locks_per_minute,
                quotes_per_second=AS_DELIVERED.quotes_per_second,
            )
        case "rateLimiterSwitch", "close":
            return replace(board, locks_per_minute=NO_LIMIT, quotes_per_second=NO_LIMIT)
        case _:
            raise InvalidRequest("There is no such switch, or it has no such position.")


def _source_channel(entry: str, known: Collection[str]) -> SourceChannel:
    """s02c02 → s02, c02: the longest source it begins with, and the rest."""
    found = [source for source in known if entry.startswith(source) and entry != source]
    if not found or not ID.fullmatch(entry):
        raise InvalidRequest(f"{entry} begins with no source there is.")
    source = max(found, key=len)
    return source, entry.removeprefix(source)
