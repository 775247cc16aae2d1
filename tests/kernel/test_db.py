"""A pipeline is a transaction, whoever has the accident."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from tuan.kernel.db import Connection, Pool, build_pool, transaction
from tuan.kernel.errors import Overloaded, Unreachable

WRITE = "INSERT INTO source VALUES ('x', 'x', now())"


@pytest.fixture
async def pool(market_database: str) -> AsyncIterator[Pool]:
    async with build_pool(market_database, size=1) as pool:
        yield pool


def rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        [[count]] = connection.execute("SELECT count(*) FROM source").fetchall()
    return int(count)


async def test_leaving_commits(pool: Pool, market_database: str) -> None:
    async with transaction(pool) as connection:
        await connection.execute(WRITE)

    assert rows(market_database) == 1


async def test_a_read_in_between_commits_nothing(pool: Pool, market_database: str) -> None:
    async with transaction(pool) as connection:
        await connection.execute(WRITE)
        await (await connection.execute("SELECT 1")).fetchall()

        assert rows(market_database) == 0
    assert rows(market_database) == 1


@pytest.mark.parametrize("accident", [ValueError, asyncio.CancelledError])
async def test_our_accident_leaves_nothing_written(
    pool: Pool, market_database: str, accident: type[BaseException]
) -> None:
    async def fail() -> None:
        async with transaction(pool) as connection:
            await connection.execute(WRITE)
            await (await connection.execute("SELECT 1")).fetchall()
            raise accident

    with pytest.raises(accident):
        await fail()

    assert rows(market_database) == 0


async def test_after_our_accident_pinned_statements_are_there(market_database: str) -> None:
    async def ask(connection: Connection, times: int) -> None:
        for _ in range(times):
            answer = await connection.execute("SELECT %s::int", [1])
            assert await answer.fetchall() == [(1,)]

    async def fail(pool: Pool, times: int) -> None:
        async with transaction(pool) as connection:
            await ask(connection, times)
            raise NotImplementedError

    async with build_pool(market_database, size=1, pinned_plans=True) as pool:
        for times in (1, 2, 3):
            with pytest.raises(NotImplementedError):
                await fail(pool, times)
            async with transaction(pool) as connection:
                await ask(connection, times + 2)


async def test_an_accident_of_postgres_leaves_nothing_written(pool: Pool, market_database: str) -> None:
    async def write_twice() -> None:
        async with transaction(pool) as connection:
            await connection.execute(WRITE)
            await connection.execute(WRITE)

    with pytest.raises(psycopg.errors.UniqueViolation):
        await write_twice()

    assert rows(market_database) == 0


async def test_a_transaction_that_hangs_between_two_statements_is_ended(pool: Pool) -> None:
    async with transaction(pool) as connection:
        answer = await connection.execute("SHOW transaction_timeout")

        assert await answer.fetchone() == ("10s",)


async def test_no_free_connection_is_overload(pool: Pool) -> None:
    async with transaction(pool):
        with pytest.raises(Overloaded):
            async with transaction(pool):
                pass


async def test_a_connection_that_dies_is_unreachable(pool: Pool) -> None:
    async def die() -> None:
        async with transaction(pool) as connection:
            await (await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")).fetchall()

    with pytest.raises(Unreachable):
        await die()
