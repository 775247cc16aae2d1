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

from tuan.kernel.clock import utc_now
from tuan.kernel.db import build_pool
from tuan.kernel.revision import is_at_head
from tuan.kernel.serve import Server, keep_working
from tuan.kernel.service import Service
from tuan.keyring import Keyring
from tuan.mall import app as mall
from tuan.mall import demo as mall_demo
from tuan.mall.config import MallSettings
from tuan.market import app as market
from tuan.market import demo as market_demo
from tuan.market.config import MarketSettings
from tuan.sandbox import app as sandbox
from tuan.sandbox.config import SandboxSettings
from tuan.site import site

SERVICES = ("market", "mall", "sandbox")
PACKAGE = Path(__file__).parent
ALIPAY_APP_ID = "9021000136624944"
ALIPAY_SELLER_ID = "2088721021621654"
WECHAT_APP_ID = "wx7a11c0de5a4db0c5"


@dataclass(frozen=True, kw_only=True)
class Parts:
    market: Service
    mall: Service
    sandbox: Service

    @property
    def by_prefix(self) -> dict[str, Service]:
        return {"/api/market": self.market, "/api/mall": self.mall, "/sandbox": self.sandbox}


def settings_for(
    url: str, databases: dict[str, str], keyring: Keyring
) -> tuple[MarketSettings, MallSettings, SandboxSettings]:
    """How the three find each other when all are served at `url`."""
    return (
        MarketSettings(
            database_url=databases["market"],
            public_url=f"{url}/api/market",
            allow_private_webhooks=True,  # The mall is on this machine, and speaks http.
        ),
        MallSettings(
            database_url=databases["mall"],
            public_url=f"{url}/api/mall",
            shop_url=url,
            market_url=f"{url}/api/market",
            market_api_key=SecretStr(keyring.market_api_key),
            market_webhook_secret=SecretStr(keyring.market_webhook_secret),
            alipay_gateway_url=f"{url}/sandbox/alipay/gateway.do",
            alipay_app_id=ALIPAY_APP_ID,
            alipay_seller_id=ALIPAY_SELLER_ID,
            alipay_private_key=SecretStr(keyring.alipay_app_private_key),
            alipay_public_key=keyring.alipay_gateway_public_key,
            wechat_api_url=f"{url}/sandbox/wechat",
            wechat_app_id=WECHAT_APP_ID,
            wechat_app_secret=SecretStr(keyring.wechat_app_secret),
            wechat_token=SecretStr(keyring.wechat_token),
            wechat_aes_key=SecretStr(keyring.wechat_aes_key),
            demo=True,
        ),
        SandboxSettings(
            database_url=databases["sandbox"],
            public_url=f"{url}/sandbox",
            alipay_app_id=ALIPAY_APP_ID,
            alipay_app_public_key=keyring.alipay_app_public_key,
            alipay_private_key=SecretStr(keyring.alipay_gateway_private_key),
            alipay_seller_id=ALIPAY_SELLER_ID,
            wechat_app_id=WECHAT_APP_ID,
            wechat_app_secret=SecretStr(keyring.wechat_app_secret),
            wechat_token=SecretStr(keyring.wechat_token),
            wechat_aes_key=SecretStr(keyring.wechat_aes_key),
            wechat_push_url=f"{url}/api/mall/hooks/wechat",
        ),
    )


def build_parts(
    url: str,
    databases: dict[str, str],
    keyring: Keyring,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Parts:
    for_market, for_mall, for_sandbox = settings_for(url, databases, keyring)
    return Parts(
        market=market.build(for_market, transport=transport),
        mall=mall.build(for_mall, transport=transport),
        sandbox=sandbox.build(for_sandbox, transport=transport),
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
            now=utc_now(),
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
            Route("/api/v1/gbm/{rest:path}", AsAddressed(parts.market.app)),
            Route("/api/v1/test/{rest:path}", AsAddressed(parts.market.app)),
            Mount("/", site()),
        ]
    )


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


async def serve(parts: Parts, *, host: str, port: int, announce: Callable[[], None]) -> None:
    """Serve and work until told to stop; then finish what was begun."""
    services = list(parts.by_prefix.values())
    async with opened(services):
        server = Server(whole(parts), host=host, port=port, listens=announce)
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
