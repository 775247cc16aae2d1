"""An endpoint that was away for hours, and one that cannot take one thing: nothing is lost, nothing waits."""

import json
from collections import defaultdict

import httpx
from market_builders import NOW
from market_processes import query
from webhook_builders import Mall, make_due

from tuan.kernel.db import Pool, transaction
from tuan.kernel.jobs import Jobs
from tuan.kernel.service import Service
from tuan.market.store_given_back import Event, owe_events

TEAMS, EACH = 5, 4


async def tell(pool: Pool, jobs: Jobs, team: int, n: int) -> None:
    """The n-th event of a team."""
    number = f"T{team}-{n}"
    data = {"out_trade_no": number, "team_id": f"team{team}", "campaign_id": "summer", "goods_id": "tea"}
    event = Event(
        id=f"e{team}-{n}", source="mall", kind="seat.released", about=number, data=data, created_at=NOW
    )
    async with transaction(pool) as connection:
        await owe_events(connection, jobs, [event])


def of_team(request: httpx.Request) -> tuple[str, str]:
    data = json.loads(request.content)["data"]
    return data["team_id"], data["out_trade_no"]


async def test_an_endpoint_that_was_away_hears_all_of_it_and_each_team_in_order(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    for n in range(EACH):
        for team in range(TEAMS):
            await tell(pool, jobs, team, n)
    mall.answers = [httpx.Response(503)] * (3 * TEAMS)
    for _ in range(3):
        make_due(market_database)
        await told.drain()
    assert {of_team(request)[1] for request in mall.requests} == {f"T{team}-0" for team in range(TEAMS)}
    mall.requests.clear()

    make_due(market_database)
    await told.drain()

    heard = defaultdict(list)
    for request in mall.requests:
        name, number = of_team(request)
        heard[name].append(number)
    assert heard == {f"team{team}": [f"T{team}-{n}" for n in range(EACH)] for team in range(TEAMS)}
    assert query(market_database, "SELECT DISTINCT status FROM delivery") == [("delivered",)]


async def test_a_webhook_that_cannot_be_taken_keeps_no_other_team_waiting(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    poison = "T0-0"
    mall.refuses = lambda request: of_team(request)[1] == poison
    for team in range(TEAMS):
        await tell(pool, jobs, team, 0)

    for _ in range(14):
        make_due(market_database)
        await told.drain()

    statuses = "SELECT status, count(*) FROM delivery GROUP BY 1 ORDER BY 1"
    assert query(market_database, statuses) == [("dead", 1), ("delivered", TEAMS - 1)]
    taken = [of_team(request)[1] for request in mall.requests]
    assert taken.count(poison) == 14
    assert sorted({*taken} - {poison}) == [f"T{team}-0" for team in range(1, TEAMS)]
