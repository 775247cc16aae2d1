"""An operator turns the switches, all at once, and what they were before is on record."""

from tuan.kernel.db import Pool, transaction
from tuan.market.operator import Deed
from tuan.market.store_operator import record
from tuan.market.store_switch import hold_switches, save_switches
from tuan.market.switch import Switchboard

ABOUT = "switches"


async def turn_switches(pool: Pool, board: Switchboard, *, deed: Deed) -> Switchboard:
    async with transaction(pool) as connection:
        before = await hold_switches(connection)
        await save_switches(connection, board)
        await record(connection, deed, "switches.turned", about=ABOUT, before=before, after=board)
    return board
