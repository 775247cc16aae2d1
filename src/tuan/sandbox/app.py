"""Puts the sandbox together; the only module that knows all of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from tuan.kernel.clock import Clock, utc_now
from tuan.kernel.db import build_pool, opened_pool
from tuan.kernel.demo_clock import DemoClock
from tuan.kernel.errors import Refusal
from tuan.kernel.observe import Observed
from tuan.kernel.revision import is_migrated
from tuan.kernel.rsa import load_private_key, load_public_key
from tuan.kernel.service import Service, together
from tuan.kernel.web import add_probes, build_fastapi
from tuan.sandbox.access import WechatError
from tuan.sandbox.admin import AdminPages
from tuan.sandbox.alipay import Account
from tuan.sandbox.alipay_api import Gateway
from tuan.sandbox.bill_api import Bills
from tuan.sandbox.cashier_pages import CashierPages
from tuan.sandbox.clock_pages import ClockPages
from tuan.sandbox.config import SandboxSettings
from tuan.sandbox.deliver import Notifier, deliver_due, keep_delivering
from tuan.sandbox.message_api import MessageApi
from tuan.sandbox.notify import AlipayVoice
from tuan.sandbox.pages import Pages
from tuan.sandbox.phone_pages import PhonePages
from tuan.sandbox.scan import Pusher, keep_pushing, push_late
from tuan.sandbox.trouble_pages import TroublePages
from tuan.sandbox.wechat_api import WechatApi, wechat_refused
from tuan.sandbox.wechatpay import PayMerchant, Platform, Signer, serial_of
from tuan.sandbox.wechatpay_api import WechatPayApi
from tuan.sandbox.wechatpay_notify import WechatPayVoice
from tuan.sandbox.wechatpay_pages import WechatPayPages

MIGRATIONS = Path(__file__).with_name("migrations")
POOL_SIZE = 6


def build(
    settings: SandboxSettings, *, clock: Clock = utc_now, transport: httpx.AsyncBaseTransport | None = None
) -> Service:
    demo = DemoClock(settings.demo_clock, clock) if settings.demo_clock else None
    clock = demo or clock
    pool = build_pool(settings.database_url, size=POOL_SIZE)
    client = httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)
    account, pay_merchant, platform = _account(settings), _pay_merchant(settings), _platform(settings)
    by_key = settings.wechatpay_notifies_by == "public_key"
    wechatpay_voice = WechatPayVoice(
        signer=platform.by_public_key if by_key else platform.by_certificate,
        api_v3_key=pay_merchant.api_v3_key,
    )
    notifier = Notifier(
        pool=pool,
        client=client,
        account=account,
        voices={"alipay": AlipayVoice(account=account), "wechatpay": wechatpay_voice},
        time_scale=settings.notify_time_scale,
        clock=clock,
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
    registry = CollectorRegistry()

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        async with opened_pool(pool), client:
            yield

    async def work() -> None:
        await together(keep_delivering(notifier, woken), keep_pushing(pusher))

    async def drain() -> None:
        await push_late(pusher)
        await deliver_due(notifier)

    return Service(
        app=_build_app(
            settings,
            notifier=notifier,
            pusher=pusher,
            pay_merchant=pay_merchant,
            platform=platform,
            demo=demo,
            woken=woken,
            registry=registry,
        ),
        opened=opened,
        work=work,
        drain=drain,
        registry=registry,
    )


def _build_app(
    settings: SandboxSettings,
    *,
    notifier: Notifier,
    pusher: Pusher,
    pay_merchant: PayMerchant,
    platform: Platform,
    demo: DemoClock | None,
    woken: asyncio.Event,
    registry: CollectorRegistry,
) -> ASGIApp:
    pool, clock, account = notifier.pool, notifier.clock, notifier.account
    pages = Pages(settings.public_url)
    api = build_fastapi("sandbox")
    api.add_exception_handler(Refusal, pages.refused)
    api.add_exception_handler(WechatError, wechat_refused)

    bills = Bills(pool=pool, account=account, pages=pages, fee_rate_bp=settings.alipay_fee_bp, clock=clock)
    secret = settings.wechat_app_secret.get_secret_value()
    for part in (
        Gateway(pool=pool, account=account, pages=pages, bills=bills, clock=clock, woken=woken),
        bills,
        CashierPages(pool=pool, account=account, pages=pages, notifier=notifier, clock=clock, woken=woken),
        WechatApi(pool=pool, pages=pages, app_id=settings.wechat_app_id, app_secret=secret, clock=clock),
        PhonePages(pool=pool, pages=pages, pusher=pusher),
        WechatPayApi(
            pool=pool, merchant=pay_merchant, platform=platform, pages=pages, clock=clock, woken=woken
        ),
        WechatPayPages(pool=pool, pages=pages, clock=clock, woken=woken),
        MessageApi(pages=pages, pusher=pusher),
        AdminPages(pool=pool, pages=pages, demo=demo, clock=clock, woken=woken),
        TroublePages(pool=pool, pages=pages, clock=clock, woken=woken),
    ):
        api.include_router(part.router())
    if demo:
        api.include_router(ClockPages(demo=demo, pages=pages, woken=woken).router())

    add_probes(api, ready=lambda: is_migrated(pool, MIGRATIONS), registry=registry)
    return Observed(api, service="sandbox", registry=registry)


def _account(settings: SandboxSettings) -> Account:
    return Account(
        app_id=settings.alipay_app_id,
        seller_id=settings.alipay_seller_id,
        app_key=load_public_key(settings.alipay_app_public_key),
        alipay_key=load_private_key(settings.alipay_private_key.get_secret_value()),
    )


def _pay_merchant(settings: SandboxSettings) -> PayMerchant:
    return PayMerchant(
        app_id=settings.wechatpay_app_id,
        mch_id=settings.wechatpay_mch_id,
        serial_no=settings.wechatpay_serial_no,
        key=load_public_key(settings.wechatpay_merchant_public_key),
        api_v3_key=settings.wechatpay_api_v3_key.get_secret_value().encode(),
    )


def _platform(settings: SandboxSettings) -> Platform:
    certificate = settings.wechatpay_certificate
    key = load_private_key(settings.wechatpay_private_key.get_secret_value())
    bare_key = load_private_key(settings.wechatpay_public_key_private_key.get_secret_value())
    return Platform(
        certificate_pem=certificate,
        by_certificate=Signer(serial=serial_of(certificate), key=key),
        by_public_key=Signer(serial=settings.wechatpay_public_key_id, key=bare_key),
    )
