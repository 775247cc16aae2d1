"""The switchboard's one row, for whoever turns it."""

from typing import Final

from psycopg.types.json import Jsonb

from tuan.kernel.db import Connection
from tuan.market.store_catalog import switches
from tuan.market.switch import Switchboard

# The row must be there to be held, or the first two to turn a switch would not see each other.
DELIVER: Final = "INSERT INTO switchboard DEFAULT VALUES ON CONFLICT (id) DO NOTHING"
HOLD: Final = "SELECT id FROM switchboard FOR UPDATE"
SAVE: Final = """
    UPDATE switchboard SET downgraded = %s, rollout_percent = %s, blocked = %s, locks_per_minute = %s,
        quotes_per_second = %s"""


async def hold_switches(connection: Connection) -> Switchboard:
    await connection.execute(DELIVER)
    await connection.execute(HOLD)
    return await switches(connection)


async def save_switches(connection: Connection, board: Switchboard) -> None:
    await connection.execute(
        SAVE,
        [board.downgraded, board.rollout_percent, Jsonb(sorted(board.blocked)), board.locks_per_minute,
         board.quotes_per_second],
    )  # fmt: skip
