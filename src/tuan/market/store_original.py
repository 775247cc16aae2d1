"""The numbers by which the original's paths know our teams and orders: eight digits, and twelve."""

import secrets
from collections.abc import Callable, Sequence
from typing import Final, LiteralString

from tuan.kernel.db import Connection
from tuan.kernel.errors import Refusal

TEAM_DIGITS: Final = 8
SEAT_DIGITS: Final = 12
DRAWS_MAX: Final = 20

TEAM_NUMBER: Final = "SELECT number FROM original_team WHERE team_id = %s"
SEAT_NUMBER: Final = "SELECT number FROM original_seat WHERE (source, out_trade_no) = (%s, %s)"

# Nothing is added where the number is taken, or where another process was faster: the next look tells.
ADD_TEAM: Final = "INSERT INTO original_team (number, team_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"
ADD_SEAT: Final = """
    INSERT INTO original_seat (number, source, out_trade_no) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"""

TEAM_OF_NUMBER: Final = "SELECT team_id FROM original_team WHERE number = %s"
HAS_ENDPOINT: Final = """
    SELECT EXISTS (SELECT FROM endpoint WHERE (source, url) = (%s, %s) AND disabled_at IS NULL)"""


class NumbersTaken(Refusal):
    """No number was free, however often we drew."""

    code = "numbers_taken"
    status = 503


def drawn(digits: int) -> str:
    """Never with a zero in front: some callers would take it for a number, and lose it."""
    least: int = 10 ** (digits - 1)
    return str(least + secrets.randbelow(9 * least))


Draw = Callable[[int], str]


async def team_number(connection: Connection, team_id: str, *, draw: Draw = drawn) -> str:
    """The one it has, or has from now on. Raises NumbersTaken."""
    return await _number(connection, TEAM_NUMBER, ADD_TEAM, [team_id], lambda: draw(TEAM_DIGITS))


async def seat_number(connection: Connection, *, source: str, out_trade_no: str, draw: Draw = drawn) -> str:
    """The one it has, or has from now on. Raises NumbersTaken."""
    order = [source, out_trade_no]
    return await _number(connection, SEAT_NUMBER, ADD_SEAT, order, lambda: draw(SEAT_DIGITS))


async def team_of_number(connection: Connection, number: str) -> str | None:
    row = await (await connection.execute(TEAM_OF_NUMBER, [number])).fetchone()
    return row[0] if row else None


async def has_endpoint(connection: Connection, *, source: str, url: str) -> bool:
    """Whether this source is told things at exactly this URL."""
    row = await (await connection.execute(HAS_ENDPOINT, [source, url])).fetchone()
    return row is not None and bool(row[0])


async def _number(
    connection: Connection,
    find: LiteralString,
    add: LiteralString,
    key: Sequence[str],
    draw: Callable[[], str],
) -> str:
    for _ in range(DRAWS_MAX):
        row = await (await connection.execute(find, key)).fetchone()
        if row:
            return str(row[0])
        await connection.execute(add, [draw(), *key])
    raise NumbersTaken
