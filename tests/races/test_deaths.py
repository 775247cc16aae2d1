"""Processes killed and connections cut in the middle: what was acknowledged stands, retries are safe."""

import asyncio
import signal

import psycopg
from customers import buy, check, customer
from market_processes import query
from served import mortal, served

BUYERS = 60


async def test_a_process_killed_under_load_loses_nothing_it_acknowledged(selling: str) -> None:
    settings = {"TUAN_MARKET_DATABASE_URL": selling}
    with mortal("market", settings) as (address, process):
        async with customer(address) as http:
            buying = [asyncio.create_task(buy(http, n)) for n in range(BUYERS)]
            await asyncio.wait(buying[: BUYERS // 3], return_when=asyncio.FIRST_COMPLETED)
            process.send_signal(signal.SIGKILL)
            acknowledged = await asyncio.gather(*buying)
    check(selling, acknowledged)

    with served("market", settings) as address:
        async with customer(address) as http:
            again = await asyncio.gather(*(buy(http, n) for n in range(BUYERS)))
    assert again == [["locked", "settled"]] * BUYERS
    check(selling, again)
    assert query(selling, "SELECT count(*) FROM seat") == [(BUYERS,)]


async def test_connections_cut_again_and_again_lose_nothing_and_double_nothing(selling: str) -> None:
    with served("market", {"TUAN_MARKET_DATABASE_URL": selling}) as address:
        async with customer(address) as http:
            buying = [asyncio.create_task(buy(http, n)) for n in range(BUYERS)]
            for _ in range(5):
                cut_connections(selling)
                await asyncio.wait(buying, timeout=0.05)
            check(selling, await asyncio.gather(*buying))

            again: list[list[str]] = []
            async with asyncio.timeout(30):  # The pool replaces what was cut; callers try again meanwhile.
                while again != [["locked", "settled"]] * BUYERS:
                    again = await asyncio.gather(*(buy(http, n) for n in range(BUYERS)))
    check(selling, again)
    assert query(selling, "SELECT count(*) FROM seat") == [(BUYERS,)]


def cut_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
