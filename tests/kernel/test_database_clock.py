"""What time it is, when the database's clock is not ours, is set, answers late, or is away."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tuan.kernel.database_clock import DatabaseClock, time_at
from tuan.kernel.db import Pool, build_pool
from tuan.kernel.errors import Unreachable

HOUR = timedelta(hours=1)
SetClock = Callable[[str], None]


@pytest.fixture
async def pool(spare_database: str) -> AsyncIterator[Pool]:
    """Of a database whose clock can be set, and is right until then."""
    async with build_pool(spare_database, size=1) as pool:
        async with pool.connection() as connection:
            await connection.execute("DROP SCHEMA IF EXISTS odd CASCADE")
            await connection.execute("CREATE SCHEMA odd")
            await connection.execute("SET search_path = odd, pg_catalog")
        yield pool


@pytest.fixture
def set_clock(spare_database: str, pool: Pool) -> SetClock:
    def set_clock(telling: str) -> None:
        with psycopg.connect(spare_database) as connection:
            connection.execute(
                "CREATE OR REPLACE FUNCTION odd.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
                f" AS $$ {telling} $$".encode()
            )

    set_clock("SELECT pg_catalog.clock_timestamp()")
    return set_clock


def is_near(moment: datetime, other: datetime) -> bool:
    return abs(moment - other) < timedelta(seconds=1)


async def test_nobody_knows_the_time_until_the_database_has_told(pool: Pool, spare_database: str) -> None:
    clock = DatabaseClock(pool)
    with pytest.raises(Unreachable):
        clock()

    await clock.steer()

    before = time_at(spare_database)
    assert is_near(clock(), before)
    assert clock().tzinfo is UTC


async def test_the_time_is_the_databases_and_follows_it_forward(pool: Pool, set_clock: SetClock) -> None:
    set_clock("SELECT pg_catalog.clock_timestamp() - interval '1 hour'")
    clock = DatabaseClock(pool)
    async with clock.steered():
        assert is_near(clock(), datetime.now(UTC) - HOUR)

        set_clock("SELECT pg_catalog.clock_timestamp() + interval '1 hour'")
        await clock.steer()
        assert is_near(clock(), datetime.now(UTC) + HOUR)


async def test_a_clock_that_is_ahead_stands_still_and_never_goes_back(
    pool: Pool, set_clock: SetClock
) -> None:
    clock = DatabaseClock(pool)
    await clock.steer()
    ahead = clock()

    set_clock("SELECT pg_catalog.clock_timestamp() - interval '1 hour'")
    await clock.steer()
    held = clock()
    assert ahead <= held
    assert [clock(), clock()] == [held, held]

    set_clock("SELECT pg_catalog.clock_timestamp()")
    await clock.steer()
    assert held < clock() < clock()


async def test_an_answer_that_took_long_does_not_move_it(pool: Pool, set_clock: SetClock) -> None:
    clock = DatabaseClock(pool)
    await clock.steer()
    believed = clock() - timedelta(seconds=time.monotonic())

    set_clock("SELECT pg_sleep(1); SELECT pg_catalog.clock_timestamp()")  # Half the round trip is not it.
    await clock.steer()

    assert abs(clock() - timedelta(seconds=time.monotonic()) - believed) < timedelta(milliseconds=250)


async def test_while_the_database_is_away_the_last_steering_holds(pool: Pool, spare_database: str) -> None:
    clock = DatabaseClock(pool)
    await clock.steer()
    await pool.close()

    with pytest.raises(Unreachable):
        await clock.steer()

    assert is_near(clock(), time_at(spare_database))
    assert clock() < clock()
