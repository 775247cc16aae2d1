"""Whom the market serves: switches, audiences, and how fast one buyer may go."""

import asyncio
import json

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_builders import NOW
from market_processes import query

from tuan.market.switch import OutsideRollout, Switchboard, rollout_place

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
PAID = {"paid_at": NOW.isoformat()}
QUOTE = {"goods_id": "tea", "channel": "app", "buyer_id": "b1"}


def turn(url: str, **switches: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO switchboard (id) VALUES (true) ON CONFLICT DO NOTHING")
        for name, value in switches.items():
            written = json.dumps(value) if isinstance(value, list) else value
            connection.execute(f"UPDATE switchboard SET {name} = %s".encode(), [written])


async def lock(http: httpx.AsyncClient, n: int, *, buyer: str = "") -> httpx.Response:
    return await http.put(f"/v1/seats/T{n}", json=LOCK | {"buyer_id": buyer or f"b{n}"})


@pytest.mark.parametrize(
    ("switches", "status", "code"),
    [
        ({"downgraded": True}, 503, "downgraded"),
        ({"rollout_percent": 0}, 403, "outside_rollout"),
        ({"blocked": [["mall", "app"]]}, 403, "source_blocked"),
    ],
)
async def test_a_switch_closes_quotes_and_locks_and_leaves_what_was_locked(
    http: httpx.AsyncClient, market_database: str, switches: dict[str, object], status: int, code: str
) -> None:
    seat = (await lock(http, 1)).json()
    turn(market_database, **switches)

    async with asyncio.timeout(5):
        while (await http.post("/v1/quotes", json=QUOTE)).status_code == 200:
            await asyncio.sleep(0)
    quoted, locked, again = (
        await http.post("/v1/quotes", json=QUOTE),
        await lock(http, 2),
        await lock(http, 1),
    )

    assert [(answer.status_code, answer.json()["code"]) for answer in (quoted, locked)] == [
        (status, code)
    ] * 2
    assert again.json() == seat
    assert query(market_database, "SELECT count(*) FROM seat") == [(1,)]


async def test_a_blocked_source_settles_once_it_is_let_in_again(
    http: httpx.AsyncClient, market_database: str
) -> None:
    await lock(http, 1)
    turn(market_database, blocked=[["mall", "app"], ["rival", "web"]])
    async with asyncio.timeout(5):
        while (await http.post("/v1/quotes", json=QUOTE)).status_code == 200:
            await asyncio.sleep(0)

    refused = await http.put("/v1/seats/T1/settlement", json=PAID)
    assert refused.json()["code"] == "source_blocked"
    assert query(market_database, "SELECT seats_settled FROM team") == [(0,)]

    turn(market_database, blocked=[])
    async with asyncio.timeout(5):
        while (await http.put("/v1/seats/T1/settlement", json=PAID)).status_code != 200:
            await asyncio.sleep(0)


@given(st.text(min_size=1, max_size=64))
def test_a_rollout_of_none_admits_nobody_and_of_all_everybody(buyer_id: str) -> None:
    everybody, nobody = Switchboard(), Switchboard(rollout_percent=0)

    everybody.admit(source="s", channel="c", buyer_id=buyer_id)
    with pytest.raises(OutsideRollout):
        nobody.admit(source="s", channel="c", buyer_id=buyer_id)
    assert 0 <= rollout_place(buyer_id) <= 99


def test_a_rollout_admits_its_share_and_keeps_whom_it_admitted() -> None:
    buyers = [f"buyer-{n}" for n in range(10_000)]
    inside = {percent: {b for b in buyers if rollout_place(b) < percent} for percent in (10, 50)}

    assert 900 < len(inside[10]) < 1100
    assert 4800 < len(inside[50]) < 5200
    assert inside[10] < inside[50]


async def test_a_buyer_who_asks_for_prices_too_fast_waits_a_second(
    http: httpx.AsyncClient, market_database: str
) -> None:
    turn(market_database, quotes_per_second=2)

    async with asyncio.timeout(5):
        while (refused := await http.post("/v1/quotes", json=QUOTE)).status_code == 200:
            pass
    other = await http.post("/v1/quotes", json=QUOTE | {"buyer_id": "b2"})

    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
        429, "too_many_requests", "1",
    )  # fmt: skip
    assert other.status_code == 200


async def test_a_buyer_who_locks_too_fast_is_asked_for_patience(
    http: httpx.AsyncClient, market_database: str
) -> None:
    turn(market_database, locks_per_minute=2)
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE terms SET take_limit = 9")
    async with asyncio.timeout(5):
        while (await lock(http, 1, buyer="b1")).status_code != 200:
            await asyncio.sleep(0)
    await lock(http, 2, buyer="b1")

    refused = await lock(http, 3, buyer="b1")
    other = await lock(http, 4, buyer="b2")
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE seat SET locked_at = locked_at - interval '2 minutes'")
    patient = await lock(http, 5, buyer="b1")

    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
        429, "too_many_requests", "60",
    )  # fmt: skip
    assert (other.status_code, patient.status_code) == (200, 200)
    assert query(market_database, "SELECT count(*) FROM seat") == [(4,)]
