"""A mall written for the original, and the market it speaks to: three to a team, ten yuan off a hundred."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
from market_builders import API_KEY, CAMPAIGN, NOW, save_campaign

from tuan.kernel.db import build_pool
from tuan.kernel.service import Service
from tuan.market.app import build
from tuan.market.campaign import Campaign
from tuan.market.config import MarketSettings
from tuan.market.discount import Discount, Plan
from tuan.market.operator import Role
from tuan.market.sign_in import create_operator

TOLD_AT = "http://mall.test/api/v1/alipay/group_buy_notify"
SECRET = "whsec_c2VjcmV0IG9mIHRoZSBtYWxs"
CAMPAIGN_NUMBER = 100123
GBM = "/api/v1/gbm"
CONFIG = f"{GBM}/index/query_group_buy_market_config"
LOCK = f"{GBM}/trade/lock_market_pay_order"
SETTLE = f"{GBM}/trade/settlement_market_pay_order"
REFUND = f"{GBM}/trade/refund_market_pay_order"
TURN = f"{GBM}/dcc/update_config"

MYBATIS = replace(
    CAMPAIGN,
    id=str(CAMPAIGN_NUMBER),
    name="手写MyBatis拼团活动",
    terms=replace(
        CAMPAIGN.terms,
        id="100123-1",
        campaign_id=str(CAMPAIGN_NUMBER),
        seats_target=3,
        take_limit=1,
        team_minutes=600,
        hold_minutes=30,
        discount=Discount(id="25120208", plan=Plan.THRESHOLD, over_fen=100_00, off_fen=10_00),
    ),
)
WHERE = {"source": "s01", "channel": "c01"}
WHAT = WHERE | {"goodsId": "9890001"}


@dataclass
class Hands:
    """A clock that goes when it is told to."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **ahead: float) -> None:
        self.now += timedelta(**ahead)


@dataclass
class Callback:
    """Where the mall is told of its teams; it answers "success", unless told otherwise."""

    answers: list[str] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == TOLD_AT
        self.heard.append(json.loads(request.content))
        return httpx.Response(200, text=self.answers.pop(0) if self.answers else "success")


@dataclass
class OldMall:
    """Sends what the original's mall and page sent. Answers with code, info and data, as they came."""

    market: Service
    http: httpx.AsyncClient
    url: str
    clock: Hands
    callback: Callback

    async def config(self, buyer: str, **changes: object) -> dict[str, Any]:
        return await self.post(CONFIG, WHAT | {"userId": buyer} | changes)

    async def lock(self, n: int, *, team: str | None = None, **changes: object) -> dict[str, Any]:
        body = WHAT | {
            "userId": f"buyer-{n:04d}",
            "activityId": CAMPAIGN_NUMBER,
            "outTradeNo": f"{n:012d}",
            "teamId": team,
            "notifyUrl": TOLD_AT,
        }
        return await self.post(LOCK, body | changes)

    async def settle(self, n: int, **changes: object) -> dict[str, Any]:
        body = WHERE | {
            "userId": f"buyer-{n:04d}",
            "outTradeNo": f"{n:012d}",
            "outTradeTime": int(self.clock().timestamp() * 1000),
        }
        return await self.post(SETTLE, body | changes)

    async def refund(self, n: int, **changes: object) -> dict[str, Any]:
        body = WHERE | {"userId": f"buyer-{n:04d}", "outTradeNo": f"{n:012d}"}
        return await self.post(REFUND, body | changes)

    async def sign_in(self, role: Role = Role.OPERATOR) -> None:
        """As an operator, whose cookie every later request carries."""
        async with build_pool(self.url, size=1) as pool:
            await create_operator(pool, name=role, password="correct horse", role=role, now=self.clock())
        answer = await self.http.post(
            "/console/v1/sessions", json={"name": role, "password": "correct horse"}
        )
        assert answer.status_code == 201

    async def turn(self, key: str, value: str, **headers: str) -> dict[str, Any]:
        """One switch, as a page of ours would."""
        answer = await self.http.get(
            TURN, params={"key": key, "value": value}, headers={"sec-fetch-site": "same-origin"} | headers
        )
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        return told

    async def settle_down(self) -> None:
        """Whatever waits for its next try is tried now."""
        self.change("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
        await self.market.drain()

    async def post(self, path: str, body: object) -> dict[str, Any]:
        answer = await self.http.post(path, json=body)
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        assert set(told) == {"code", "info", "data"}
        return told

    async def fill(self, *numbers: int) -> str:
        """The team these have locked their seats in."""
        first, *others = numbers
        team = str((await self.lock(first))["data"]["teamId"])
        for n in others:
            assert (await self.lock(n, team=team))["code"] == "0000"
        return team

    async def form(self, *numbers: int) -> str:
        """The team these have locked and paid for their seats in."""
        team = await self.fill(*numbers)
        for n in numbers:
            assert (await self.settle(n))["code"] == "0000"
        return team

    def change(self, sql: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(sql.encode())

    def counts(self) -> list[tuple[object, ...]]:
        """Of each team: status, seats taken, seats settled."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(
                "SELECT status, seats_taken, seats_settled FROM team ORDER BY opened_at, id"
            ).fetchall()


async def until(code: str, ask: Callable[[], Awaitable[dict[str, Any]]]) -> None:
    """Switches are told to every process; the telling takes a moment."""
    async with asyncio.timeout(5):
        while (await ask())["code"] != code:
            await asyncio.sleep(0)


@asynccontextmanager
async def an_old_mall(
    url: str, campaign: Campaign = MYBATIS, *, list_fen: int = 100_00, **settings: Any
) -> AsyncIterator[OldMall]:
    save_campaign(url, campaign, source="s01")
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE listing SET channel = 'c01', goods_id = '9890001', list_fen = %s", [list_fen]
        )
        connection.execute(
            "INSERT INTO endpoint (id, source, url, format, secret, created_at)"
            " VALUES ('old', 's01', %s, 'original', %s, now())",
            [TOLD_AT, SECRET],
        )
    clock, callback = Hands(), Callback()
    service = build(
        MarketSettings(database_url=url, **settings), clock=clock, transport=httpx.MockTransport(callback)
    )
    # What breaks is answered, too; a test that expects otherwise sees it in the code.
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {API_KEY}"}
    async with (
        service.opened(),
        httpx.AsyncClient(transport=transport, base_url="http://market", headers=headers) as http,
    ):
        yield OldMall(service, http, url, clock, callback)
