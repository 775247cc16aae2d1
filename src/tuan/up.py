"""Everything in one process, on one port: market, mall, sandbox, shop, and a PostgreSQL of our own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tuan.kernel.clock import Clock, utc_now
from tuan.kernel.database_clock import time_at
from tuan.kernel.db import build_pool
from tuan.kernel.revision import is_at_head
from tuan.kernel.serve import Proxy, Server, keep_working
from tuan.kernel.service import Service
from tuan.keyring import Keyring
from tuan.mall import app as mall
from tuan.mall import demo as mall_demo
from tuan.mall.config import MallSettings
from tuan.mall.gateways.alipay_settings import AlipaySettings
from tuan.mall.gateways.wechatpay_settings import WeChatPaySettings
from tuan.market import app as market
from tuan.market import demo as market_demo
from tuan.market.config import MarketSettings
from tuan.sandbox import app as sandbox
from tuan.sandbox import template
from tuan.sandbox.config import SandboxSettings
from tuan.site import site

SERVICES = ("market", "mall", "sandbox")
PACKAGE = Path(__file__).parent
ALIPAY_APP_ID = "9021000136624944"
ALIPAY_SELLER_ID = "2088721021621654"
WECHAT_APP_ID = "wx7a11c0de5a4db0c5"
WECHATPAY_MCH_ID = "1900007291"
WECHATPAY_SERIAL_NO = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
WECHATPAY_PUBLIC_KEY_ID = "PUB_KEY_ID_0119000072912026112200000001"


@dataclass(frozen=True, kw_only=True)
class Parts:
    market: Service
    mall: Service
    sandbox: Service

    @property
    def by_prefix(self) -> dict[str, Service]:
        return {"/api/market": self.market, "/api/mall": self.mall, "/sandbox": self.sandbox}


def settings_for(
    url: str,
    databases: dict[str, str],
    keyring: Keyring,
    *,
    inner_url: str | None = None,
    demo_clock: Path | None = None,
) -> tuple[MarketSettings, MallSettings, SandboxSettings]:
    """How the three find each other when all are served at `url`; callers' routes at `inner_url`."""
    return (
        MarketSettings(
            database_url=databases["market"],
            public_url=f"{url}/api/market",
            allow_private_webhooks=True,  # The mall is on this machine, and speaks http.
            demo_clock=demo_clock,
        ),
        MallSettings(
            database_url=databases["mall"],
            public_url=f"{url}/api/mall",
            shop_url=url,
            market_url=f"{inner_url or url}/api/market",
            market_api_key=SecretStr(keyring.market_api_key),
            market_webhook_secret=SecretStr(keyring.market_webhook_secret),
            alipay=AlipaySettings(
                gateway_url=f"{url}/sandbox/alipay/gateway.do",
                app_id=ALIPAY_APP_ID,
                seller_id=ALIPAY_SELLER_ID,
                private_key=SecretStr(keyring.alipay_app_private_key),
                public_key=keyring.alipay_gateway_public_key,
            ),
            wechatpay=WeChatPaySettings(
                api_url=f"{url}/sandbox/wechatpay",
                app_id=WECHAT_APP_ID,
                mch_id=WECHATPAY_MCH_ID,
                serial_no=WECHATPAY_SERIAL_NO,
                private_key=SecretStr(keyring.wechatpay_merchant_private_key),
                api_v3_key=SecretStr(keyring.wechatpay_api_v3_key),
            ),
            wechat_api_url=f"{url}/sandbox/wechat",
            wechat_app_id=WECHAT_APP_ID,
            wechat_app_secret=SecretStr(keyring.wechat_app_secret),
            wechat_token=SecretStr(keyring.wechat_token),
            wechat_aes_key=SecretStr(keyring.wechat_aes_key),
            wechat_signed_in_template=template.SIGNED_IN,
            wechat_formed_template=template.TEAM_FORMED,
            guests=True,
            original_scan_confirms=True,
            sign_ins_per_minute=600,  # Everybody who tries it sits at one machine.
            demo=True,
            demo_clock=demo_clock,
        ),
        SandboxSettings(
            database_url=databases["sandbox"],
            public_url=f"{url}/sandbox",
            demo_clock=demo_clock,
            alipay_app_id=ALIPAY_APP_ID,
            alipay_app_public_key=keyring.alipay_app_public_key,
            alipay_private_key=SecretStr(keyring.alipay_gateway_private_key),
            alipay_seller_id=ALIPAY_SELLER_ID,
            wechat_app_id=WECHAT_APP_ID,
            wechat_app_secret=SecretStr(keyring.wechat_app_secret),
            wechat_token=SecretStr(keyring.wechat_token),
            wechat_aes_key=SecretStr(keyring.wechat_aes_key),
            wechat_push_url=f"{url}/api/mall/hooks/wechat",
            wechatpay_app_id=WECHAT_APP_ID,
            wechatpay_mch_id=WECHATPAY_MCH_ID,
            wechatpay_serial_no=WECHATPAY_SERIAL_NO,
            wechatpay_merchant_public_key=keyring.wechatpay_merchant_public_key,
            wechatpay_api_v3_key=SecretStr(keyring.wechatpay_api_v3_key),
            wechatpay_certificate=keyring.wechatpay_certificate,
            wechatpay_private_key=SecretStr(keyring.wechatpay_private_key),
            wechatpay_public_key_id=WECHATPAY_PUBLIC_KEY_ID,
            wechatpay_public_key_private_key=SecretStr(keyring.wechatpay_public_key_private_key),
        ),
    )


def build_parts(
    url: str,
    databases: dict[str, str],
    keyring: Keyring,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Clock | None = None,
    demo_clock: Path | None = None,
) -> Parts:
    for_market, for_mall, for_sandbox = settings_for(url, databases, keyring, demo_clock=demo_clock)
    return Parts(
        market=market.build(for_market, clock=clock, transport=transport),
        mall=mall.build(for_mall, clock=clock, transport=transport),
        sandbox=sandbox.build(for_sandbox, clock=clock or utc_now, transport=transport),
    )


def migrate_all(databases: dict[str, str]) -> None:
    for service, url in databases.items():
        migrations = PACKAGE / service / "migrations"
        if not is_at_head(url, migrations):
            from tuan.kernel.migrate import upgrade

            upgrade(url, migrations)


async def load_demo(url: str, databases: dict[str, str], keyring: Keyring) -> None:
    """Things to buy, and the mall registered with the market. Safe to repeat."""
    async with build_pool(databases["market"], size=1) as pool:
        await market_demo.load_demo(
            pool,
            api_key=keyring.market_api_key,
            webhook_url=f"{url}/api/mall/hooks/market",
            webhook_secret=keyring.market_webhook_secret,
            operator_password=keyring.operator_password,
            now=time_at(databases["market"]),
        )
    async with build_pool(databases["mall"], size=1) as pool:
        await mall_demo.load_demo(pool)


def whole(parts: Parts) -> Starlette:
    """One app of all parts, under the addresses that nginx gives them when they run apart."""

    async def readyz(_: Request) -> Response:
        answers = await asyncio.gather(*(_ready(service) for service in parts.by_prefix.values()))
        waiting = [prefix for prefix, answer in zip(parts.by_prefix, answers, strict=True) if not answer]
        return JSONResponse({"waiting_for": waiting}, 503 if waiting else 200)

    return Starlette(
        routes=[
            Route("/readyz", readyz),
            *(Mount(prefix, service.app) for prefix, service in parts.by_prefix.items()),
            *_original(parts.market, "gbm", "test"),
            *_original(parts.mall, "login", "weixin", "alipay"),
            Mount("/", site()),
        ]
    )


def _original(service: Service, *folders: str) -> list[Route]:
    """The original's paths, where its front end looks for them."""
    return [Route(f"/api/v1/{folder}/{{rest:path}}", AsAddressed(service.app)) for folder in folders]


@dataclass(frozen=True)
class AsAddressed:
    """Hands a request on under the address it came to: no prefix is taken off."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@asynccontextmanager
async def opened(services: Sequence[Service]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for service in services:
            await stack.enter_async_context(service.opened())
        yield


async def serve(parts: Parts, *, host: str, port: int, proxy: Proxy, announce: Callable[[], None]) -> None:
    """Serve and work until told to stop; then finish what was begun."""
    services = list(parts.by_prefix.values())
    async with opened(services):
        server = Server(whole(parts), host=host, port=port, proxy=proxy, listens=announce)
        working = [asyncio.create_task(keep_working(service.work)) for service in services]
        try:
            await server.serve()
        finally:
            await _stop(working)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


async def _ready(service: Service) -> bool:
    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as inside:
        return (await inside.get("/readyz")).status_code == 200
