"""Puts the mall together; the only module that knows all its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry

from tuan.kernel.clock import Clock, utc_now
from tuan.kernel.db import build_pool, opened_pool
from tuan.kernel.jobs import Jobs
from tuan.kernel.observe import observed
from tuan.kernel.revision import is_migrated
from tuan.kernel.rsa import load_private_key, load_public_key
from tuan.kernel.service import Service
from tuan.mall.api import build_api
from tuan.mall.config import MallSettings
from tuan.mall.doors import Doors
from tuan.mall.gateways.alipay import Alipay, AlipayAccount
from tuan.mall.market_client import MarketClient
from tuan.mall.sweep import Sweep
from tuan.mall.wechat import WeChat
from tuan.mall.wechat_push import PushReader
from tuan.mall.worker import assign

MIGRATIONS = Path(__file__).parent / "migrations"
POOL_SIZE = 8


def build(
    settings: MallSettings, *, clock: Clock = utc_now, transport: httpx.AsyncBaseTransport | None = None
) -> Service:
    """`transport` carries every call we make; without one they go out through sockets."""
    http = httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)
    doors = _doors(settings, clock, http)
    assign(doors)
    sweep = Sweep(pool=doors.pool, jobs=doors.jobs, gateways=doors.gateways, market=doors.market, clock=clock)
    registry = CollectorRegistry()

    async def ready() -> bool:
        return await is_migrated(doors.pool, MIGRATIONS)

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        async with opened_pool(doors.pool), http:
            yield

    async def work() -> None:
        await asyncio.gather(doors.jobs.work(), sweep.keep_sweeping())

    async def drain() -> None:
        await sweep.sweep()
        await doors.jobs.drain()

    api = build_api(doors, ready=ready, registry=registry)
    return Service(
        app=observed(api, service="mall", registry=registry),
        opened=opened,
        work=work,
        drain=drain,
    )


def _doors(settings: MallSettings, clock: Clock, http: httpx.AsyncClient) -> Doors:
    alipay = Alipay(http, alipay_account(settings))
    return Doors(
        public_url=settings.public_url.rstrip("/"),
        shop_url=settings.shop_url.rstrip("/"),
        pay_within=timedelta(minutes=settings.payment_minutes),
        demo=settings.demo,
        market_webhook_secret=settings.market_webhook_secret.get_secret_value(),
        clock=clock,
        pool=build_pool(settings.database_url, size=POOL_SIZE),
        jobs=Jobs(settings.database_url),
        market=MarketClient(
            http,
            url=settings.market_url,
            api_key=settings.market_api_key.get_secret_value(),
            channel=settings.channel,
        ),
        wechat=WeChat(
            http,
            url=settings.wechat_api_url,
            app_id=settings.wechat_app_id,
            app_secret=settings.wechat_app_secret.get_secret_value(),
        ),
        pushes=PushReader(
            token=settings.wechat_token.get_secret_value(),
            aes_key=settings.wechat_aes_key.get_secret_value(),
            app_id=settings.wechat_app_id,
        ),
        gateway=alipay,
        gateways={alipay.name: alipay},
    )


def alipay_account(settings: MallSettings) -> AlipayAccount:
    public_url = settings.public_url.rstrip("/")
    return AlipayAccount(
        gateway_url=settings.alipay_gateway_url,
        app_id=settings.alipay_app_id,
        seller_id=settings.alipay_seller_id,
        private_key=load_private_key(settings.alipay_private_key.get_secret_value()),
        public_key=load_public_key(settings.alipay_public_key),
        notify_url=f"{public_url}/hooks/alipay",
        return_url=f"{public_url}/return/alipay",
    )
