"""Ten thousand buyers who come at once: to one seat, and to a thousand teams."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from customers import LOCK
from forked import Nursery
from market_processes import query
from stampede import Answer, Ask, stampede

BUYERS = 10_000
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def lock(n: int, team_id: str | None = None) -> Ask:
    return Ask(f"/v1/seats/T{n}", {**LOCK, "buyer_id": f"b{n}", "team_id": team_id})


@pytest.fixture
async def addresses(selling: str, forks: Nursery) -> AsyncIterator[list[str]]:
    """Of two processes."""
    async with forks.api(selling) as (one, _), forks.api(selling) as (another, _):
        yield [one, another]


def counted(answers: list[Answer]) -> Counter[tuple[int, str]]:
    return Counter((answer.status, answer.code) for answer in answers)


async def test_ten_thousand_want_one_seat(addresses: list[str], selling: str) -> None:
    [opened] = await stampede(addresses, [lock(0)])
    team_id = opened.content["team_id"]
    await stampede(addresses, [lock(n, team_id) for n in (1, 2, 3)])

    deadlocks = query(selling, DEADLOCKS)
    answers = await stampede(addresses, [lock(4 + n, team_id) for n in range(BUYERS)])

    assert counted(answers) == {(200, ""): 1, (409, "team_full"): BUYERS - 1}
    assert query(selling, "SELECT seats_taken, (SELECT count(*) FROM seat) FROM team") == [(5, 5)]
    assert query(selling, DEADLOCKS) == deadlocks


async def test_ten_thousand_want_the_seats_of_a_thousand_teams(addresses: list[str], selling: str) -> None:
    teams = [
        answer.content["team_id"] for answer in await stampede(addresses, [lock(n) for n in range(1000)])
    ]

    deadlocks = query(selling, DEADLOCKS)
    answers = await stampede(addresses, [lock(1000 + n, teams[n * 7 % 1000]) for n in range(BUYERS)])

    assert counted(answers) == {(200, ""): 4000, (409, "team_full"): BUYERS - 4000}
    assert query(selling, "SELECT seats_taken, count(*) FROM team GROUP BY 1") == [(5, 1000)]
    assert query(selling, "SELECT count(*) FROM seat") == [(5000,)]
    assert query(selling, DEADLOCKS) == deadlocks
