"""Puts the sandbox together; the only module that knows all of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from tuan.kernel.clock import Clock, utc_now
from tuan.kernel.db import build_pool, opened_pool
from tuan.kernel.errors import Refusal
from tuan.kernel.observe import observed
from tuan.kernel.revision import is_migrated
from tuan.kernel.rsa import load_private_key, load_public_key
from tuan.kernel.service import Service
from tuan.kernel.web import add_probes, build_fastapi
from tuan.sandbox.access import WechatError
from tuan.sandbox.admin import AdminPages
from tuan.sandbox.alipay import Account
from tuan.sandbox.alipay_api import Gateway
from tuan.sandbox.cashier_pages import CashierPages
from tuan.sandbox.config import SandboxSettings
from tuan.sandbox.deliver import Notifier, deliver_due, keep_delivering
from tuan.sandbox.pages import Pages
from tuan.sandbox.phone_pages import PhonePages
from tuan.sandbox.scan import Pusher
from tuan.sandbox.wechat_api import WechatApi, wechat_refused

MIGRATIONS = Path(__file__).with_name("migrations")
POOL_SIZE = 6


def build(
    settings: SandboxSettings, *, clock: Clock = utc_now, transport: httpx.AsyncBaseTransport | None = None
) -> Service:
    pool = build_pool(settings.database_url, size=POOL_SIZE)
    client = httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)
    account = Account(
        app_id=settings.alipay_app_id,
        seller_id=settings.alipay_seller_id,
        app_key=load_public_key(settings.alipay_app_public_key),
        alipay_key=load_private_key(settings.alipay_private_key.get_secret_value()),
    )
    notifier = Notifier(
        pool=pool, client=client, account=account, time_scale=settings.notify_time_scale, clock=clock
    )
    pusher = Pusher(
        pool=pool,
        client=client,
        app_id=settings.wechat_app_id,
        token=settings.wechat_token.get_secret_value(),
        aes_key=settings.wechat_aes_key.get_secret_value(),
        push_url=settings.wechat_push_url,
        clock=clock,
    )
    woken = asyncio.Event()

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        async with opened_pool(pool), client:
            yield

    return Service(
        app=_build_app(settings, notifier=notifier, pusher=pusher, woken=woken),
        opened=opened,
        work=partial(keep_delivering, notifier, woken),
        drain=partial(deliver_due, notifier),
    )


def _build_app(
    settings: SandboxSettings, *, notifier: Notifier, pusher: Pusher, woken: asyncio.Event
) -> ASGIApp:
    pool, clock, account = notifier.pool, notifier.clock, notifier.account
    pages = Pages(settings.public_url)
    api = build_fastapi("sandbox")
    api.add_exception_handler(Refusal, pages.refused)
    api.add_exception_handler(WechatError, wechat_refused)

    secret = settings.wechat_app_secret.get_secret_value()
    for part in (
        Gateway(pool=pool, account=account, pages=pages, clock=clock, woken=woken),
        CashierPages(pool=pool, account=account, pages=pages, clock=clock, woken=woken),
        WechatApi(pool=pool, pages=pages, app_id=settings.wechat_app_id, app_secret=secret, clock=clock),
        PhonePages(pool=pool, pages=pages, pusher=pusher),
        AdminPages(pool=pool, pages=pages, clock=clock, woken=woken),
    ):
        api.include_router(part.router())

    registry = CollectorRegistry()
    add_probes(api, ready=lambda: is_migrated(pool, MIGRATIONS), registry=registry)
    return observed(api, service="sandbox", registry=registry)
