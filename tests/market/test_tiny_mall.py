"""The example is true: it sells to a team through the real market, and hears of it by webhook."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from runpy import run_path
from typing import Any

import httpx
import psycopg
import pytest
from market_builders import API_KEY, NOW, save_campaign
from market_processes import query

from tuan.kernel.service import Service
from tuan.market.app import build
from tuan.market.config import MarketSettings

TINY_MALL = run_path(str(Path(__file__).parents[2] / "examples/tiny_mall.py"))
SECRET = "whsec_c2VjcmV0IG9mIHRoZSBtYWxs"
PAID = {"paid_at": NOW.isoformat()}


@dataclass
class Shop:
    market: Service
    mall: httpx.AsyncClient
    url: str
    lost: list[str] = field(default_factory=list)  # Answers of the market that never arrived.

    async def post(self, path: str, body: object) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.mall.post(path, json=body)).json()
        return answer

    async def order(self, n: int, **changes: object) -> dict[str, Any]:
        return await self.post("/orders", {"number": f"T{n}", "buyer": f"b{n}", "goods_id": "tea"} | changes)


@dataclass
class Line:
    """To the market's own app; now and then an answer is lost on the way back."""

    to: httpx.ASGITransport
    lost: list[str]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = await self.to.handle_async_request(request)
        await answer.aread()
        if self.lost and request.url.path.endswith(self.lost[0]):
            self.lost.pop(0)
            raise httpx.ReadError("lost")
        return answer


@pytest.fixture
async def shop(market_database: str) -> AsyncIterator[Shop]:
    save_campaign(market_database)
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE terms SET seats_target = 2")
        connection.execute(
            "INSERT INTO endpoint (id, source, url, secret, created_at)"
            " VALUES ('e1', 'mall', 'http://mall.test/hooks/market', %s, now())",
            [SECRET],
        )
    lost: list[str] = []
    settings = MarketSettings(database_url=market_database)
    hooks: list[httpx.ASGITransport] = []

    async def to_the_mall(request: httpx.Request) -> httpx.Response:
        answer = await hooks[0].handle_async_request(request)
        await answer.aread()
        return answer

    market = build(settings, transport=httpx.MockTransport(to_the_mall))
    line = httpx.MockTransport(Line(httpx.ASGITransport(market.app), lost))
    key = {"authorization": f"Bearer {API_KEY}"}
    async with (
        market.opened(),
        httpx.AsyncClient(transport=line, base_url="http://market", headers=key) as to_market,
    ):
        hooks.append(httpx.ASGITransport(TINY_MALL["build"](to_market, webhook_secret=SECRET)))
        async with httpx.AsyncClient(transport=hooks[0], base_url="http://mall.test") as mall:
            yield Shop(market, mall, market_database, lost)


async def test_two_buyers_order_pay_and_are_delivered_when_their_team_forms(shop: Shop) -> None:
    first = await shop.order(1)
    second = await shop.order(2, team_id=first["team_id"])
    paid = [await shop.post(f"/orders/T{n}/paid", PAID) for n in (1, 2)]

    await shop.market.drain()

    ended = [await shop.order(n) for n in (1, 2)]
    assert [(order["status"], order["payable_fen"]) for order in (first, second)] == [
        ("awaiting_payment", 80_00)
    ] * 2
    assert [order["status"] for order in paid] == ["paid", "paid"]
    assert [order["status"] for order in ended] == ["delivered", "delivered"]
    assert query(shop.url, "SELECT status, seats_settled FROM team") == [("formed", 2)]
    assert query(shop.url, "SELECT status FROM delivery") == [("delivered",)]


async def test_an_answer_that_was_lost_is_asked_for_again_and_changes_nothing_twice(shop: Shop) -> None:
    shop.lost += ["/v1/quotes", "/v1/seats/T1", "/settlement"]

    await shop.order(1)
    paid = await shop.post("/orders/T1/paid", PAID)

    assert (paid["status"], shop.lost) == ("paid", [])
    assert query(shop.url, "SELECT seats_taken, seats_settled FROM team") == [(1, 1)]


async def test_a_refusal_reaches_the_buyer_as_the_markets_word_for_it(shop: Shop) -> None:
    team = (await shop.order(1))["team_id"]
    await shop.order(2, team_id=team)

    refused = await shop.order(3, team_id=team)

    assert refused == {"code": "team_full"}
    assert query(shop.url, "SELECT seats_taken FROM team") == [(2,)]


async def test_a_cancelled_order_is_closed_or_refunded_and_money_that_comes_late_goes_back(
    shop: Shop,
) -> None:
    await shop.order(1)
    await shop.order(2)
    await shop.post("/orders/T2/paid", PAID)

    cancelled = [await shop.post(f"/orders/T{n}/cancel", {}) for n in (1, 2)]
    late = await shop.post("/orders/T1/paid", PAID)
    await shop.market.drain()

    assert [order["status"] for order in cancelled] == ["closed", "refunded"]
    assert late["status"] == "refunded"
    assert query(shop.url, "SELECT kind, status FROM event JOIN delivery ON id = event_id ORDER BY 1") == [
        ("seat.refunded", "delivered"), ("seat.released", "delivered"),
    ]  # fmt: skip


async def test_a_team_that_fails_pays_back_who_paid_and_closes_who_did_not(shop: Shop) -> None:
    await shop.order(1)
    await shop.post("/orders/T1/paid", PAID)
    await shop.order(2)
    with psycopg.connect(shop.url) as connection:
        connection.execute("UPDATE team SET opened_at = now() - '2 days'::interval")
        connection.execute("UPDATE team SET closes_at = now() - '1 day'::interval")

    await shop.market.drain()

    assert [(await shop.order(n))["status"] for n in (1, 2)] == ["refunded", "closed"]
    assert query(shop.url, "SELECT status FROM team") == [("failed",), ("failed",)]


async def test_a_forged_webhook_moves_nothing(shop: Shop) -> None:
    await shop.order(1)
    await shop.post("/orders/T1/paid", PAID)
    forged = {"type": "team.formed", "timestamp": NOW.isoformat(), "data": {"out_trade_nos": ["T1"]}}
    headers = {"webhook-id": "x", "webhook-timestamp": str(int(NOW.timestamp())), "webhook-signature": "v1,x"}

    answer = await shop.mall.post("/hooks/market", content=json.dumps(forged), headers=headers)

    assert answer.status_code == 401
    assert (await shop.order(1))["status"] == "paid"
