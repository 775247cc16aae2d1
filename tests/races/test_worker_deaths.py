"""A worker killed anywhere between taking a webhook in hand and noting that it was taken: it is told at
least once and lost never, under one id."""

import asyncio
import itertools
from datetime import timedelta

import pytest
from forked import Nursery, kill
from market_processes import query
from procrastinate.sql import queries
from receiver import Receiver
from webhook_builders import change, jobs, ping, pool
from wire import COMMITTED, STATEMENTS, Passing, Wire

from tuan.kernel.audit import audit
from tuan.kernel.clock import utc_now
from tuan.kernel.db import Pool
from tuan.kernel.jobs import Jobs
from tuan.market.store_audit import RULES
from tuan.market.store_webhook import PARCEL, SAVE_ATTEMPT

__all__ = ["jobs", "pool"]

# The worker's transactions, and how often the receiver hears if it dies before one is committed.
HEARS = {
    "claim": (queries["fetch_job"], 1),
    "read": (PARCEL, 1),
    "mark": (SAVE_ATTEMPT, 2),
    "finish": (queries["finish_job"], 1),
}
A_MINUTE_PASSES = "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 minute'"


def settings(url: str) -> dict[str, str]:
    return {"TUAN_MARKET_DATABASE_URL": url, "TUAN_MARKET_ALLOW_PRIVATE_WEBHOOKS": "true"}


async def rescue(forks: Nursery, url: str) -> None:
    """What a dead worker held is handed on when it has shown no life for half a minute."""
    change(url, A_MINUTE_PASSES)
    with forks.process("market", "worker", settings=settings(url)):
        async with asyncio.timeout(20):
            while query(url, "SELECT count(*) FROM procrastinate_jobs") != [(0,)]:
                await asyncio.sleep(0.01)
    assert query(url, "SELECT DISTINCT status FROM delivery") == [("delivered",)]
    assert audit(url, RULES, overdue=utc_now() - timedelta(hours=1)) == []


@pytest.mark.parametrize("name", HEARS)
async def test_killed_in_any_transaction_of_a_delivery(
    market_database: str, wire: Wire, forks: Nursery, receiver: Receiver, pool: Pool, jobs: Jobs, name: str
) -> None:
    begins, hears = HEARS[name]

    async def killed(counted: Passing, at: int) -> tuple[bool, int]:
        """Whether a worker was killed on the way, and how often the receiver heard in the end."""
        event_id = await ping(pool, jobs)
        point = wire.break_at(begins, counted, at)
        with forks.process("market", "worker", settings=settings(wire.url)) as pid:
            point.then = lambda: kill(pid)
            await point.over.wait()
        await rescue(forks, market_database)
        return point.happened, receiver.came[event_id]

    for n in itertools.count(1):
        was_killed, heard = await killed(STATEMENTS, at=n)
        if not was_killed:
            break
        assert heard == hears
    assert n > 2  # A statement and a commit, at the least.
    assert await killed(COMMITTED, at=1) == (True, 1)
    assert len(receiver.came) == n + 1


@pytest.mark.parametrize("moment", ["before_answer", "after_answer"])
async def test_killed_during_the_call(
    market_database: str, wire: Wire, forks: Nursery, receiver: Receiver, pool: Pool, jobs: Jobs, moment: str
) -> None:
    event_id = await ping(pool, jobs)
    called = asyncio.Event()
    with forks.process("market", "worker", settings=settings(wire.url)) as pid:

        def die() -> None:
            kill(pid)
            called.set()

        setattr(receiver, moment, die)
        await called.wait()
    setattr(receiver, moment, lambda: None)
    await rescue(forks, market_database)

    assert receiver.came == {event_id: 2}
