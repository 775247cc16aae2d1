"""Puts the mall together; the only module that knows all its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry

from tuan.kernel.clock import Clock
from tuan.kernel.database_clock import DatabaseClock
from tuan.kernel.db import Pool, build_pool, opened_pool
from tuan.kernel.demo_clock import moved
from tuan.kernel.jobs import Jobs
from tuan.kernel.measure import Calls, Levels
from tuan.kernel.observe import Observed
from tuan.kernel.original import beside
from tuan.kernel.queue import Listen, hear_nothing
from tuan.kernel.revision import is_migrated
from tuan.kernel.service import Service, together
from tuan.kernel.trace import trace_of
from tuan.mall.allowance import Allowance
from tuan.mall.api import build_api
from tuan.mall.compat import ALIPAY, LOGIN, WEIXIN, build_compat
from tuan.mall.config import MallSettings
from tuan.mall.consume import DEAD, EXCHANGE, QUEUES, Hearing
from tuan.mall.dead_letter import keep_trouble
from tuan.mall.doors import Doors
from tuan.mall.gateways.offered import build_gateways
from tuan.mall.market_client import MarketClient
from tuan.mall.market_operators import Operators
from tuan.mall.message import Messages, Occasion
from tuan.mall.reconcile import list_breaks, reconcile_day
from tuan.mall.sign_in_link import SignInLinks
from tuan.mall.store_break import BreakSeen, BreakStatus
from tuan.mall.store_measure import LEVELS
from tuan.mall.store_reconcile import Run
from tuan.mall.sweep import Sweep
from tuan.mall.wechat import WeChat
from tuan.mall.wechat_push import PushReader
from tuan.mall.wechat_reply import ReplyWriter
from tuan.mall.worker import assign

MIGRATIONS = Path(__file__).parent / "migrations"
POOL_SIZE, CONSOLE_POOL_SIZE = 8, 4


def build(
    settings: MallSettings, *, clock: Clock | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> Service:
    """`transport` carries every call we make; without one they go out through sockets. The clock is the
    database's, unless another is given."""
    pool = build_pool(settings.database_url, size=POOL_SIZE, pinned_plans=True, pooler=settings.pooler_url)
    console_pool = build_pool(settings.database_url, size=CONSOLE_POOL_SIZE, pooler=settings.pooler_url)
    database_clock = DatabaseClock(console_pool)
    clock = moved(clock or database_clock, settings.demo_clock)
    trace = trace_of("mall")
    tell = partial(keep_trouble, console_pool)
    jobs = Jobs(settings.database_url, clock, database_clock=database_clock, tell=tell, trace=trace)
    registry = CollectorRegistry()
    calls = Calls(transport or httpx.AsyncHTTPTransport(), registry=registry, names=_names(settings))
    http = httpx.AsyncClient(transport=trace.calling(calls), follow_redirects=False, trust_env=False)
    doors = _doors(settings, http, pool=pool, console_pool=console_pool, jobs=jobs, clock=clock)
    assign(doors)
    sweep = Sweep(
        pool=console_pool, jobs=jobs, gateways=doors.gateways, market=doors.market, clock=doors.clock
    )
    listen = _listen(settings, doors)

    async def ready() -> bool:
        return await is_migrated(console_pool, MIGRATIONS)

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        async with opened_pool(pool), opened_pool(console_pool), database_clock.steered(), http:
            yield
        await trace.close()

    async def work() -> None:
        await database_clock.steer()  # Nothing is done by a clock that nobody has set.
        await together(jobs.work(), sweep.keep_sweeping(), listen())

    async def drain() -> None:
        await sweep.sweep()
        await jobs.drain()

    levels = Levels(registry, console_pool, LEVELS)
    api = build_api(doors, ready=ready, registry=registry, measure=levels.measure)
    compat = build_compat(doors)
    return Service(
        app=trace.serving(
            Observed(beside(api, compat, under=[LOGIN, WEIXIN, ALIPAY]), service="mall", registry=registry)
        ),
        opened=opened,
        work=work,
        drain=drain,
        registry=registry,
    )


async def reconcile_once(
    settings: MallSettings,
    *,
    gateway: str,
    day: date,
    clock: Clock | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> tuple[Run, list[BreakSeen]]:
    """One day, now, and what is left open of it. Raises what reconcile_day raises."""
    pool = build_pool(settings.database_url, size=POOL_SIZE, pooler=settings.pooler_url)
    database_clock = DatabaseClock(pool)
    jobs = Jobs(settings.database_url, database_clock, database_clock=database_clock)
    http = httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)
    doors = _doors(settings, http, pool=pool, console_pool=pool, jobs=jobs, clock=clock or database_clock)
    async with opened_pool(pool), database_clock.steered(), http:
        run = await reconcile_day(pool, jobs, doors.gateways, gateway=gateway, day=day, now=doors.clock())
        left = await list_breaks(pool, gateway=gateway, day=day, status=BreakStatus.OPEN)
    return run, left


def _doors(
    settings: MallSettings,
    http: httpx.AsyncClient,
    *,
    pool: Pool,
    console_pool: Pool,
    jobs: Jobs,
    clock: Clock,
) -> Doors:
    public_url, shop_url = settings.public_url.rstrip("/"), settings.shop_url.rstrip("/")
    wechat = _wechat(settings, http)
    return Doors(
        public_url=public_url,
        shop_url=shop_url,
        pay_within=timedelta(minutes=settings.payment_minutes),
        demo=settings.demo,
        guests=settings.guests,
        original_scan_confirms=settings.original_scan_confirms,
        sign_ins=Allowance(name="sign_in", times=settings.sign_ins_per_minute, within=timedelta(minutes=1)),
        refund_limit_fen=settings.refund_limit_fen,
        market_webhook_secret=settings.market_webhook_secret.get_secret_value(),
        clock=clock,
        pool=pool,
        console_pool=console_pool,
        jobs=jobs,
        market=MarketClient(
            http,
            url=settings.market_url,
            api_key=settings.market_api_key.get_secret_value(),
            channel=settings.channel,
        ),
        operators=Operators(http, url=settings.market_url),
        wechat=wechat,
        messages=Messages(
            pool=pool,
            jobs=jobs,
            wechat=wechat,
            templates=_templates(settings),
            shop_url=shop_url,
            clock=clock,
        ),
        links=SignInLinks(public_url=public_url, app_secret=settings.wechat_app_secret.get_secret_value()),
        pushes=PushReader(
            token=settings.wechat_token.get_secret_value(),
            aes_key=settings.wechat_aes_key.get_secret_value(),
            app_id=settings.wechat_app_id,
        ),
        replies=_replies(settings),
        gateways=build_gateways(settings, http, public_url=public_url),
    )


def _listen(settings: MallSettings, doors: Doors) -> Listen:
    if not (url := settings.rabbit_url.get_secret_value()):
        return hear_nothing
    from tuan.kernel.rabbit import RabbitReader

    take = Hearing(doors=doors).take
    return RabbitReader(url=url, exchange=EXCHANGE, queues=QUEUES, dead=DEAD, take=take).listen


def _wechat(settings: MallSettings, http: httpx.AsyncClient) -> WeChat:
    return WeChat(
        http,
        url=settings.wechat_api_url,
        app_id=settings.wechat_app_id,
        app_secret=settings.wechat_app_secret.get_secret_value(),
    )


def _templates(settings: MallSettings) -> dict[Occasion, str]:
    templates = {
        Occasion.SIGNED_IN: settings.wechat_signed_in_template,
        Occasion.TEAM_FORMED: settings.wechat_formed_template,
    }
    return {occasion: template_id for occasion, template_id in templates.items() if template_id}


def _names(settings: MallSettings) -> dict[str, str]:
    names = {"market": settings.market_url, "wechat": settings.wechat_api_url}
    if settings.alipay:
        names["alipay"] = settings.alipay.gateway_url
    if settings.wechatpay:
        names["wechatpay"] = settings.wechatpay.api_url
    # The longest first: the sandbox's addresses begin alike.
    return dict(sorted(names.items(), key=lambda named: -len(named[1])))


def _replies(settings: MallSettings) -> ReplyWriter:
    return ReplyWriter(
        token=settings.wechat_token.get_secret_value(),
        aes_key=settings.wechat_aes_key.get_secret_value(),
        app_id=settings.wechat_app_id,
    )
