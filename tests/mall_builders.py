"""A mall between its neighbours, and people who use it. Valid by default; override what matters."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import httpx
import psycopg
from mall_stand_ins import (
    AES_KEY,
    ALIPAY,
    WECHAT_APP_ID,
    WECHAT_TOKEN,
    AlipayStandIn,
    ByHost,
    WeChatStandIn,
    link_in,
)
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Mount

from mall_market_stand_in import MarketStandIn
from mall_wechatpay_stand_in import WECHATPAY, WeChatPayStandIn
from tuan.kernel import webhook
from tuan.kernel.db import build_pool
from tuan.kernel.ids import new_id
from tuan.kernel.money import yuan_text
from tuan.kernel.service import Service
from tuan.mall.app import build
from tuan.mall.audit import audit
from tuan.mall.config import MallSettings
from tuan.mall.demo import load_demo
from tuan.mall.gateways.gateway import Gateway
from tuan.mall.gateways.offered import Gateways, build_gateways
from tuan.mall.market_client import MarketClient
from tuan.mall.order import Order, OrderKind
from tuan.mall.payment import Payment
from tuan.mall.store_audit import ALWAYS

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
TEA = "9890002"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHOP = "http://shop.test"
API = "/api/mall"
GROUP = {"product_id": TEA, "kind": "group", "campaign_id": "summer"}
ALONE = {"product_id": TEA, "kind": "alone"}

AN_ORDER = Order(
    number="261123ABCDEFGHJKMNPQ",
    buyer_id="b1",
    idempotency_key="press-01",
    request_fingerprint=b"\1" * 32,
    kind=OrderKind.GROUP,
    product_id=TEA,
    product_title="武夷岩茶·肉桂 125g",
    product_picture=f"/goods/{TEA}-1.svg",
    campaign_id="summer",
    team_id="team-1",
    list_fen=128_00,
    discount_fen=0,
    payable_fen=128_00,
    created_at=NOW,
)
A_PAYMENT = Payment(
    number=AN_ORDER.number,
    order_number=AN_ORDER.number,
    gateway="alipay",
    amount_fen=108_00,
    opened_at=NOW,
    expires_at=NOW + timedelta(minutes=15),
)


def an_order(**changes: Any) -> Order:
    return replace(AN_ORDER, **changes)


def a_payment(**changes: Any) -> Payment:
    return replace(A_PAYMENT, **changes)


def some_settings(database: str, **changes: Any) -> MallSettings:
    settings = MallSettings(
        database_url=database,
        public_url=f"{SHOP}{API}",
        shop_url=SHOP,
        market_url="http://market.test",
        market_api_key=SecretStr("market-key"),
        market_webhook_secret=SecretStr(WEBHOOK_SECRET),
        alipay=ALIPAY,
        wechatpay=WECHATPAY,
        wechat_api_url="http://wechat.test",
        wechat_app_id=WECHAT_APP_ID,
        wechat_app_secret=SecretStr("wechat-secret"),
        wechat_token=SecretStr(WECHAT_TOKEN),
        wechat_aes_key=SecretStr(AES_KEY),
        original_scan_confirms=True,
        sign_ins_per_minute=1000,
    )
    return settings.model_copy(update=changes)


@dataclass
class Wall:
    """A clock that moves when told."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass(kw_only=True)
class World:
    database: str
    clock: Wall
    market: MarketStandIn
    alipay: AlipayStandIn
    wechatpay: WeChatPayStandIn
    wechat: WeChatStandIn
    network: ByHost
    service: Service
    scans: int = 0

    @property
    def gateway(self) -> Gateway:
        return self.gateways["alipay"]

    @property
    def gateways(self) -> Gateways:
        """Doors of our own, for flows that no route leads to."""
        http = httpx.AsyncClient(transport=self.network)
        return build_gateways(some_settings(self.database), http, public_url=f"{SHOP}{API}")

    @property
    def market_door(self) -> MarketClient:
        http = httpx.AsyncClient(transport=self.network)
        return MarketClient(http, url="http://market.test", api_key="market-key", channel="c01")

    def browser(self, *, address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(Starlette(routes=[Mount(API, self.service.app)]), client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url=SHOP, headers=headers)

    async def sign_in(self, browser: httpx.AsyncClient, openid: str) -> dict[str, Any]:
        ticket = (await browser.post(f"{API}/v1/login/tickets")).json()
        self.scans += 1
        await self.scan_and_confirm(ticket["id"], openid, created=self.scans)
        answer = await browser.post(f"{API}/v1/sessions", json={"ticket_id": ticket["id"]})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def scan(self, scene: str, openid: str, *, event: str = "SCAN", created: int = 1) -> httpx.Response:
        query, body = self.wechat.scan(openid, scene, event=event, created=created)
        async with self.browser() as sender:
            return await sender.post(f"{API}/hooks/wechat?{query}", content=body)

    async def scan_and_confirm(self, scene: str, openid: str, *, created: int = 1) -> httpx.Response:
        """As people do who find their own browser named in what WeChat shows them."""
        words = self.wechat.read_reply((await self.scan(scene, openid, created=created)).text)
        async with self.browser() as phone:
            return await phone.post(link_in(words))

    async def notify(self, fields: dict[str, str]) -> str:
        async with self.browser() as sender:
            answer = await sender.post(f"{API}/hooks/alipay", data=fields)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def pay(self, order: dict[str, Any], **changes: str) -> str:
        amount = yuan_text(order["payable_fen"])
        trade = self.alipay.pay(order["number"], amount)
        fields = self.alipay.notify(order["number"], amount, trade_no=trade["trade_no"])
        return await self.notify(fields | changes)

    async def team_formed(
        self, team_id: str, *numbers: str, id: str = "wh-1", **signing: Any
    ) -> httpx.Response:
        data = {"team_id": team_id, "campaign_id": "summer", "goods_id": TEA, "out_trade_nos": numbers}
        return await self.tell("team.formed", data, id=id, **signing)

    async def team_failed(
        self, team_id: str, *, paid: Sequence[str] = (), unpaid: Sequence[str] = (), id: str = "wh-1"
    ) -> httpx.Response:
        data = {"team_id": team_id, "out_trade_nos": paid, "released_out_trade_nos": unpaid}
        return await self.tell("team.failed", data, id=id)

    async def tell(
        self, kind: str, data: Mapping[str, object], *, id: str = "wh-1", **signing: Any
    ) -> httpx.Response:
        """A webhook of the market."""
        body = json.dumps({"type": kind, "timestamp": NOW.isoformat(), "data": data})
        secret, at = signing.get("secret", WEBHOOK_SECRET), signing.get("at", self.clock())
        headers = webhook.signed_headers(secret, id=id, at=at, body=body)
        async with self.browser() as sender:
            return await sender.post(
                f"{API}/hooks/market", content=signing.get("body", body), headers=headers
            )

    async def settle_down(self) -> None:
        """What is due is done, and what that makes due."""
        for _ in range(3):
            self.make_jobs_due()
            await self.service.drain()

    async def findings(self, *, only_always: bool = False) -> list[str]:
        """Which invariants are broken, and where."""
        async with build_pool(self.database, size=1) as pool:
            found = await audit(pool, self.clock.now)
        broken = [one for one in found if one.name in ALWAYS or not only_always]
        return [f"{one.name}: {', '.join(one.sample)}" for one in broken]

    def rows(self, query: LiteralString) -> list[Any]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(query).fetchall()

    def everything(self) -> list[Any]:
        """All that money touches, to show that a refusal changed nothing."""
        return self.rows(
            "SELECT to_jsonb(o), (SELECT jsonb_agg(p) FROM payment p), (SELECT jsonb_agg(r) FROM refund r),"
            " (SELECT jsonb_agg(d) FROM delivery d), (SELECT count(*) FROM procrastinate_jobs)"
            " FROM mall_order o ORDER BY number"
        )

    def make_jobs_due(self) -> None:
        with psycopg.connect(self.database) as connection:
            connection.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")


@asynccontextmanager
async def a_world(database: str, *, clock: Wall | None = None, **changes: Any) -> AsyncIterator[World]:
    clock = clock or Wall()
    market, alipay, wechat = MarketStandIn(clock), AlipayStandIn(clock), WeChatStandIn(clock)
    wechatpay = WeChatPayStandIn(clock)
    network = ByHost(
        {
            "market.test": market.app,
            "alipay.test": alipay.app,
            "wechatpay.test": wechatpay.app,
            "wechat.test": wechat.app,
        }
    )
    async with build_pool(database, size=1) as pool:
        await load_demo(pool)
    service = build(some_settings(database, **changes), clock=clock, transport=network)
    async with service.opened():
        yield World(
            database=database,
            clock=clock,
            market=market,
            alipay=alipay,
            wechatpay=wechatpay,
            wechat=wechat,
            network=network,
            service=service,
        )


@dataclass
class Shopper:
    """Somebody signed in, with a browser of their own."""

    browser: httpx.AsyncClient
    id: str

    async def order(self, *, key: str | None = None, **changes: Any) -> httpx.Response:
        headers = {"idempotency-key": key or new_id()}
        return await self.browser.post(f"{API}/v1/orders", json=GROUP | changes, headers=headers)

    async def buy_alone(self) -> dict[str, Any]:
        headers = {"idempotency-key": new_id()}
        return dict((await self.browser.post(f"{API}/v1/orders", json=ALONE, headers=headers)).json())

    async def ordered(self, **changes: Any) -> dict[str, Any]:
        answer = await self.order(**changes)
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        return order

    async def see(self, number: str) -> dict[str, Any]:
        return dict((await self.browser.get(f"{API}/v1/orders/{number}")).json())

    async def cancel(self, number: str) -> httpx.Response:
        return await self.browser.post(f"{API}/v1/orders/{number}/cancellation", json={})

    async def ask_refund(self, number: str, reason: str = "不想要了") -> httpx.Response:
        return await self.browser.post(f"{API}/v1/orders/{number}/refund", json={"reason": reason})


@asynccontextmanager
async def a_shopper(world: World, openid: str) -> AsyncIterator[Shopper]:
    async with world.browser() as browser:
        buyer = await world.sign_in(browser, openid)
        yield Shopper(browser, buyer["id"])
