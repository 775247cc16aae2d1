"""Two processes of the market, each with its own desk, and buyers who do not care which one answers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack

import httpx
import psycopg
import pytest
from market_builders import API_KEY, NOW
from market_processes import query
from served import served

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
PAID = {"paid_at": NOW.isoformat()}
WAITING = "SELECT count(*)::int FROM pg_locks WHERE NOT granted"


@pytest.fixture
async def doors(selling: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    with ExitStack() as stack:
        settings = {"TUAN_MARKET_DATABASE_URL": selling}
        addresses = [stack.enter_context(served("market", settings)) for _ in range(2)]
        headers = {"authorization": f"Bearer {API_KEY}"}
        clients = [httpx.AsyncClient(base_url=address, headers=headers, timeout=20) for address in addresses]
        yield clients
        for client in clients:
            await client.aclose()


async def lock(http: httpx.AsyncClient, n: int, team_id: str | None = None) -> httpx.Response:
    return await http.put(f"/v1/seats/T{n}", json=LOCK | {"buyer_id": f"b{n}", "team_id": team_id})


async def test_forty_buyers_at_two_processes_want_the_last_four_seats(
    doors: list[httpx.AsyncClient], market_database: str
) -> None:
    team_id = (await lock(doors[0], 0)).json()["team_id"]

    answers = await asyncio.gather(*(lock(doors[n % 2], n, team_id) for n in range(1, 41)))

    assert Counter(answer.json().get("code", "seat") for answer in answers) == {"seat": 4, "team_full": 36}
    assert query(market_database, "SELECT seats_taken FROM team") == [(5,)]
    assert query(market_database, "SELECT count(*) FROM seat") == [(5,)]


async def test_the_last_two_pay_at_two_processes_and_the_team_forms_once(
    doors: list[httpx.AsyncClient], market_database: str
) -> None:
    for start in range(0, 50, 5):
        team_id = (await lock(doors[0], start)).json()["team_id"]
        await asyncio.gather(*(lock(doors[n % 2], start + n, team_id) for n in range(1, 5)))
        paid = [
            doors[n % 2].put(f"/v1/seats/T{start + n % 5}/settlement", json=PAID)
            for n in range(10)  # Each order twice, once at each process.
        ]
        assert {answer.status_code for answer in await asyncio.gather(*paid)} == {200}

    assert query(market_database, "SELECT status, seats_settled, count(*) FROM team GROUP BY 1, 2") == [
        ("formed", 5, 10)
    ]
    assert query(market_database, "SELECT count(*) FROM event") == [(10,)]


async def test_a_team_somebody_sits_on_keeps_no_other_team_waiting(
    doors: list[httpx.AsyncClient], market_database: str
) -> None:
    [http, _] = doors
    hot, cold = [(await lock(http, n)).json()["team_id"] for n in (1, 2)]
    async with await psycopg.AsyncConnection.connect(market_database) as sitting:
        await sitting.execute("SELECT FROM team WHERE id = %s FOR UPDATE", [hot])

        stuck = [asyncio.create_task(lock(http, 100 + n, hot)) for n in range(6)]
        async with asyncio.timeout(15):
            calm = await asyncio.gather(*(lock(http, 200 + n, cold) for n in range(3)))
            refused = await asyncio.gather(*stuck)

    assert {answer.status_code for answer in calm} <= {200, 503}
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    again = await asyncio.gather(*(lock(http, 200 + n, cold) for n in range(3)))
    assert {answer.status_code for answer in again} == {200}
    assert query(market_database, "SELECT count(*) FROM seat") == [(5,)]


async def test_who_meets_somebody_in_a_circle_is_asked_to_come_again(
    doors: list[httpx.AsyncClient], market_database: str
) -> None:
    [http, _] = doors
    team_id = (await lock(http, 1)).json()["team_id"]
    async with await psycopg.AsyncConnection.connect(market_database) as other:
        await other.execute("SELECT FROM team WHERE id = %s FOR UPDATE", [team_id])
        asked = asyncio.create_task(lock(http, 2, team_id))  # Holds its buyer, and waits for the team.
        async with asyncio.timeout(10):
            while query(market_database, WAITING) == [(0,)]:
                await asyncio.sleep(0.01)
            await other.execute("SELECT pg_advisory_xact_lock(hashtextextended('summer b2', 0))")
            refused = await asked

    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
        503, "overloaded", "1",
    )  # fmt: skip
    assert query(market_database, "SELECT count(*) FROM seat") == [(1,)]
    assert (await lock(http, 2, team_id)).status_code == 200
    assert query(market_database, "SELECT count(*) FROM seat") == [(2,)]
