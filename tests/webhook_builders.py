"""Endpoints of a mall, and webhooks on their way to them."""

from collections.abc import AsyncIterator, Callable

import httpx
import psycopg
import pytest
from market_builders import save_campaign

from tuan.kernel.clock import utc_now
from tuan.kernel.db import Pool, build_pool, transaction
from tuan.kernel.jobs import Jobs
from tuan.kernel.service import Service
from tuan.market import notify
from tuan.market.app import build
from tuan.market.config import MarketSettings

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBtYWxs"
DELIVERY = "SELECT status, tries, delivered_at IS NOT NULL, died_at IS NOT NULL FROM delivery"
JOBS = "SELECT status FROM procrastinate_jobs WHERE status <> 'succeeded'"


class Mall:
    """Takes what it is sent, unless it has another answer ready."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response] = []
        self.requests: list[httpx.Request] = []
        self.refuses: Callable[[httpx.Request], bool] = lambda _: False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.refuses(request):
            return httpx.Response(500)
        return self.answers.pop(0) if self.answers else httpx.Response(204)


@pytest.fixture
def mall() -> Mall:
    return Mall()


@pytest.fixture
async def told(market_database: str, mall: Mall) -> AsyncIterator[Service]:
    save_campaign(market_database)
    add_endpoint(market_database, "e1")
    service = build(MarketSettings(database_url=market_database), transport=httpx.MockTransport(mall))
    async with service.opened():
        yield service


@pytest.fixture
def jobs(market_database: str) -> Jobs:
    return Jobs(market_database)


@pytest.fixture
async def pool(market_database: str) -> AsyncIterator[Pool]:
    async with build_pool(market_database, size=2) as pool:
        yield pool


def add_endpoint(url: str, id: str, *, format: str = "standard") -> None:
    change(
        url,
        "INSERT INTO endpoint (id, source, url, secret, format, created_at)"
        f" VALUES ('{id}', 'mall', 'https://{id}.example.com/hooks', '{SECRET}', '{format}', now())",
    )


def change(url: str, sql: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(sql.encode())


def make_due(url: str) -> None:
    change(url, "UPDATE procrastinate_jobs SET scheduled_at = NULL")


async def ping(pool: Pool, jobs: Jobs, endpoint_id: str = "e1") -> str:
    async with transaction(pool) as connection:
        return await notify.test_event(connection, jobs, endpoint_id, utc_now())


async def send_again(pool: Pool, jobs: Jobs, *deliveries: tuple[str, str]) -> int:
    async with transaction(pool) as connection:
        return await notify.redeliver(connection, jobs, deliveries)
