"""Two processes of the market on one database, each with its own pool and desks; and a look at the tables."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import psycopg
import pytest
from market_builders import a_request, save_campaign

from tuan.kernel.clock import utc_now
from tuan.kernel.db import Pool, build_pool
from tuan.kernel.errors import Refusal
from tuan.kernel.jobs import Jobs
from tuan.market.app import Locking, Settling, locking_desk, settling_desk
from tuan.market.catalog import Catalog
from tuan.market.team import Payment


@dataclass(frozen=True)
class Process:
    pool: Pool
    jobs: Jobs
    locking: Locking
    settling: Settling

    async def lock(self, n: int, **changes: str | None) -> str:
        """The team the seat is in, or the code of the refusal."""
        try:
            seat, _ = await self.locking.ask(a_request(n, **changes))
        except Refusal as refusal:
            return refusal.code
        return seat.team_id

    async def settle(self, payment: Payment) -> str:
        try:
            seat, _ = await self.settling.ask(payment)
        except Refusal as refusal:
            return refusal.code
        return seat.status


@pytest.fixture
def selling(market_database: str) -> str:
    """The market's database, with a campaign that runs."""
    save_campaign(market_database)
    return market_database


@pytest.fixture
async def processes(selling: str) -> AsyncIterator[list[Process]]:
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(2):
            pool = build_pool(selling, size=8, pinned_plans=True)
            await stack.enter_async_context(pool)
            await pool.resize(8, 8)  # Warm, or racers queue for a connection and never meet.
            await pool.wait()
            jobs = Jobs(selling)
            catalog = Catalog(pool, selling)
            await stack.enter_async_context(catalog.listening())
            locking = locking_desk(pool, jobs, catalog, utc_now)
            found.append(Process(pool, jobs, locking, settling_desk(pool, jobs, catalog, utc_now)))
        yield found


def query(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(sql.encode()).fetchall()
