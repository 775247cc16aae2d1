"""What is owed is saved with its cause, done once it is committed, and again until it is done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest

from tuan.kernel.clock import utc_now
from tuan.kernel.db import Pool, build_pool, transaction
from tuan.kernel.jobs import Again, Jobs, jittered

PAYLOADS = [{"n": 1, "lock": "a"}, {"n": 2, "lock": "a"}, {"n": 3, "lock": "b"}]


@pytest.fixture
async def pool(market_database: str) -> AsyncIterator[Pool]:
    async with build_pool(market_database, size=2) as pool:
        yield pool


def left(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT status, attempts FROM procrastinate_jobs ORDER BY id").fetchall()


def make_due(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")


async def test_what_is_owed_is_done_in_order_and_forgotten(pool: Pool, market_database: str) -> None:
    jobs, done = Jobs(market_database), []

    async def work(n: int) -> None:
        done.append(n)

    jobs.does("work", work)
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS)
    await jobs.drain()

    assert done == [1, 2, 3]


async def test_a_cause_that_fails_owes_nothing(pool: Pool, market_database: str) -> None:
    jobs = Jobs(market_database)

    async def cause() -> None:
        async with transaction(pool) as connection:
            await jobs.owe(connection, "work", PAYLOADS)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await cause()

    assert left(market_database) == []


async def test_what_fails_is_tried_again_and_then_stays_as_failed(pool: Pool, market_database: str) -> None:
    jobs, tries = Jobs(market_database), []

    async def work(n: int) -> None:
        tries.append(n)
        raise ConnectionError

    jobs.does("work", work, steps=[60])
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS[:1])

    await jobs.drain()
    assert (tries, left(market_database)) == ([1], [("todo", 1)])
    make_due(market_database)
    await jobs.drain()
    assert (tries, left(market_database)) == ([1, 1], [("failed", 2)])


async def test_work_that_says_when_is_tried_again_then_and_never_given_up(
    pool: Pool, market_database: str
) -> None:
    jobs, tries = Jobs(market_database), []

    async def work(n: int) -> None:
        tries.append(n)
        raise Again("busy", after=timedelta(hours=1))

    jobs.does("work", work, steps=[60])
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS[:1])
    for _ in range(3):
        await jobs.drain()
        make_due(market_database)

    assert (tries, left(market_database)) == ([1, 1, 1], [("todo", 3)])


async def test_work_somebody_waits_for_forever_repeats_the_last_step(
    pool: Pool, market_database: str
) -> None:
    jobs, tries = Jobs(market_database), []

    async def work(n: int) -> None:
        tries.append(n)
        raise ConnectionError

    jobs.does("work", work, steps=[60], forever=True)
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS[:1])
    for _ in range(3):
        await jobs.drain()
        make_due(market_database)

    assert (tries, left(market_database)) == ([1, 1, 1], [("todo", 3)])


async def test_what_is_owed_now_is_brought_forward_and_not_owed_twice(
    pool: Pool, market_database: str
) -> None:
    jobs, done = Jobs(market_database), []

    async def work(n: int) -> None:
        done.append(n)

    jobs.does("work", work)
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS[:1], after=timedelta(days=1))
    await jobs.drain()
    assert done == []

    async with transaction(pool) as connection:
        await jobs.owe_now(connection, "work", PAYLOADS[:2])
    await jobs.drain()
    assert done == [1, 2]


def test_what_failed_together_does_not_come_back_together() -> None:
    waits = [jittered(timedelta(seconds=100)) for _ in range(20)]

    assert len(set(waits)) > 1
    assert all(timedelta(seconds=100) <= wait <= timedelta(seconds=110) for wait in waits)


async def test_a_failing_job_keeps_its_place_before_others_of_its_lock(
    pool: Pool, market_database: str
) -> None:
    jobs, done = Jobs(market_database), []
    broken = True

    async def work(n: int) -> None:
        if n == 1 and broken:
            raise ConnectionError
        done.append(n)

    jobs.does("work", work, steps=[60])
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS)
    await jobs.drain()
    assert done == [3]

    broken = False
    make_due(market_database)
    await jobs.drain()
    assert done == [3, 1, 2]


async def test_the_job_of_a_dead_worker_goes_to_another(pool: Pool, market_database: str) -> None:
    jobs, done = Jobs(market_database), asyncio.Event()

    async def work(n: int) -> None:
        done.set()

    jobs.does("work", work)
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS[:1])
    with psycopg.connect(market_database) as taken:  # A worker takes it, and is heard of no more.
        taken.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
        taken.execute(
            "UPDATE procrastinate_jobs SET status = 'doing',"
            " worker_id = (SELECT max(id) FROM procrastinate_workers)"
        )

    working = asyncio.create_task(jobs.work())
    async with asyncio.timeout(10):
        await done.wait()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def test_a_clock_moved_ahead_makes_due_what_is_due_by_it(pool: Pool, market_database: str) -> None:
    ahead = timedelta()
    jobs, tries = Jobs(market_database, lambda: utc_now() + ahead), []

    async def work(n: int) -> None:
        tries.append(n)
        raise Again("busy", after=timedelta(hours=1))

    jobs.does("work", work)
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS[:1], after=timedelta(hours=1))
    counts = []
    for moved in (timedelta(), timedelta(minutes=59), timedelta(hours=1), timedelta(hours=1, minutes=59)):
        ahead = moved
        await jobs.drain()
        counts.append(len(tries))

    assert counts == [0, 0, 1, 1]


async def test_a_worker_notices_that_its_clock_was_moved(pool: Pool, market_database: str) -> None:
    ahead, done = timedelta(), asyncio.Event()
    jobs = Jobs(market_database, lambda: utc_now() + ahead)

    async def work(n: int) -> None:
        done.set()

    jobs.does("work", work)
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS[:1], after=timedelta(hours=1))

    working = asyncio.create_task(jobs.work())
    ahead = timedelta(hours=1)
    async with asyncio.timeout(10):
        await done.wait()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def test_a_clock_that_is_behind_puts_nothing_before_its_time(pool: Pool, market_database: str) -> None:
    jobs, tries = Jobs(market_database, lambda: utc_now() - timedelta(days=2)), []

    async def work(n: int) -> None:
        tries.append(n)
        raise Again("busy", after=timedelta(hours=1))

    jobs.does("work", work)
    async with transaction(pool) as connection:
        await jobs.owe(connection, "work", PAYLOADS[:1])
    await jobs.drain()

    assert (tries, left(market_database)) == ([1], [("todo", 1)])
