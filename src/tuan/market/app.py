"""Puts the market together; the only module that knows all its pieces."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry, Gauge

from tuan.kernel.clock import Clock
from tuan.kernel.database_clock import DatabaseClock
from tuan.kernel.db import Pool, build_pool, opened_pool, transaction
from tuan.kernel.demo_clock import moved
from tuan.kernel.desk import Desk
from tuan.kernel.errors import Refusal
from tuan.kernel.jobs import Jobs
from tuan.kernel.measure import Desks, Levels
from tuan.kernel.observe import Observed
from tuan.kernel.original import beside
from tuan.kernel.queue import NoBroker, Publisher
from tuan.kernel.revision import is_migrated
from tuan.kernel.service import Service, together
from tuan.kernel.trace import OFF, trace_of
from tuan.market.api import build_api
from tuan.market.catalog import Catalog
from tuan.market.compat import GBM, TEST, build_compat
from tuan.market.compat_caller import Callers
from tuan.market.compat_config import IndexPage
from tuan.market.compat_trade import Trade
from tuan.market.config import MarketSettings
from tuan.market.console_guard import Doors
from tuan.market.console_segment import IMPORT_MAX_BYTES, IMPORT_PATH
from tuan.market.console_shapes import CONSOLE
from tuan.market.live import Watch
from tuan.market.lock import lock_seats
from tuan.market.lock_alone import TeamMemory, lock_alone
from tuan.market.published import EXCHANGE
from tuan.market.quote_count import QuoteCounts
from tuan.market.release import release_seats
from tuan.market.segment_rule import Schedule
from tuan.market.settle import settle_seats
from tuan.market.store import Store
from tuan.market.store_measure import LEVELS
from tuan.market.sweep import Sweep
from tuan.market.team import GiveBack, Payment, Seat, SeatRequest, Team
from tuan.market.way_out import way_out
from tuan.market.worker import assign

MIGRATIONS = Path(__file__).parent / "migrations"
READERS = 6
JOBS_AT_ONCE = 32  # They wait for other machines, most of the time.

LARGER_BODIES = {("PUT", f"{CONSOLE}{IMPORT_PATH}"): IMPORT_MAX_BYTES}

Locking = Desk[SeatRequest, tuple[Seat, Team]]
Settling = Desk[Payment, tuple[Seat, Team]]
Releasing = Desk[GiveBack, tuple[Seat, Team]]


def locking_desk(pool: Pool, jobs: Jobs, catalog: Catalog, clock: Clock, *, clerks_max: int = 2) -> Locking:
    memory = TeamMemory()

    async def serve(requests: Sequence[SeatRequest]) -> list[tuple[Seat, Team] | Refusal]:
        switches = await catalog.switches()
        if len(requests) == 1:
            one = await lock_alone(pool, catalog, memory, requests[0], switches=switches, now=clock())
            if one:
                return [one]
        async with transaction(pool) as connection:
            outcomes = await lock_seats(Store(connection, jobs), requests, switches=switches, now=clock())
        memory.keep(outcome[1] for outcome in outcomes if not isinstance(outcome, Refusal))
        return outcomes

    return Desk(serve, clerks_max=clerks_max)


def settling_desk(pool: Pool, jobs: Jobs, catalog: Catalog, clock: Clock, *, clerks_max: int = 2) -> Settling:
    async def serve(payments: Sequence[Payment]) -> list[tuple[Seat, Team] | Refusal]:
        switches = await catalog.switches()
        async with transaction(pool) as connection:
            return await settle_seats(Store(connection, jobs), payments, switches=switches, now=clock())

    return Desk(serve, clerks_max=clerks_max)


def releasing_desk(pool: Pool, jobs: Jobs, clock: Clock) -> Releasing:
    async def serve(requests: Sequence[GiveBack]) -> list[tuple[Seat, Team] | Refusal]:
        async with transaction(pool) as connection:
            return await release_seats(Store(connection, jobs), requests, now=clock())

    return Desk(serve, clerks_max=1)


def build(
    settings: MarketSettings, *, clock: Clock | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> Service:
    """The clock is the database's, unless another is given."""
    url = settings.database_url
    pooler = settings.pooler_url
    writers = build_pool(url, size=2 * settings.clerks_max, pinned_plans=True, pooler=pooler)
    readers = build_pool(url, size=READERS, pooler=pooler)
    database_clock = DatabaseClock(readers)
    clock = moved(clock or database_clock, settings.demo_clock)
    egress = way_out(allow_private=settings.allow_private_webhooks)
    trace = trace_of("market")
    out = trace.calling(transport or egress)
    client = httpx.AsyncClient(transport=out, follow_redirects=False, trust_env=False)
    jobs = Jobs(url, clock, database_clock=database_clock, trace=trace)
    broker = _broker(settings)
    assign(jobs, pool=readers, client=client, broker=broker, clock=clock)

    catalog = Catalog(readers, url, clock)
    locking = locking_desk(writers, jobs, catalog, clock, clerks_max=settings.clerks_max)
    settling = settling_desk(writers, jobs, catalog, clock, clerks_max=settings.clerks_max)
    releasing = releasing_desk(writers, jobs, clock)
    sweep = Sweep(pool=readers, jobs=jobs, clock=clock, grace=timedelta(minutes=settings.grace_minutes))
    schedule = Schedule(pool=readers, clock=clock)
    watch = Watch(readers, clock)
    counts = QuoteCounts(readers, clock)
    registry = CollectorRegistry()
    Desks(registry, {"lock": locking.tally, "settle": settling.tally, "release": releasing.tally})
    Gauge("tuan_streams", "Watchers of teams", registry=registry).set_function(watch.watchers)
    console = Doors(
        pool=readers,
        jobs=jobs,
        clock=clock,
        public_url=settings.public_url,
        egress=egress,
        publishes=bool(settings.rabbit_url.get_secret_value()),
    )
    api = build_api(
        locking=locking,
        settling=settling,
        releasing=releasing,
        catalog=catalog,
        watch=watch,
        counts=counts,
        console=console,
        readers=readers,
        clock=clock,
        ready=lambda: is_migrated(readers, MIGRATIONS),
        registry=registry,
        measure=Levels(registry, readers, LEVELS).measure,
    )
    compat = build_compat(
        IndexPage(catalog=catalog, counts=counts, pool=readers, clock=clock),
        Trade(
            locking=locking,
            settling=settling,
            releasing=releasing,
            callers=Callers(catalog=catalog, trusted=settings.trusted_callers),
            catalog=catalog,
            pool=readers,
            clock=clock,
        ),
        console,
    )

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        pools = opened_pool(writers), opened_pool(readers)
        async with pools[0], pools[1], database_clock.steered(), client, egress:
            async with catalog.listening(), watch.looking(), counts.saved():
                yield
            await asyncio.gather(locking.close(), settling.close(), releasing.close(), broker.close())
        await trace.close()

    async def work() -> None:
        await database_clock.steer()  # Nothing is done by a clock that nobody has set.
        await together(jobs.work(concurrency=JOBS_AT_ONCE), sweep.keep_sweeping(), schedule.keep())

    async def drain() -> None:
        await sweep.sweep()
        await schedule.catch_up()
        await jobs.drain()

    app = Observed(
        beside(api, compat, under=[GBM, TEST]),
        service="market",
        registry=registry,
        larger=LARGER_BODIES,
        shell=api,
    )
    return Service(
        app=trace.serving(app),
        straight=app.straight if trace is OFF else None,
        opened=opened,
        work=work,
        drain=drain,
        registry=registry,
    )


def _broker(settings: MarketSettings) -> Publisher:
    if not (url := settings.rabbit_url.get_secret_value()):
        return NoBroker()
    from tuan.kernel.rabbit import RabbitPublisher

    return RabbitPublisher(url=url, exchange=EXCHANGE)
