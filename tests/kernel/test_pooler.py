"""PgBouncer before PostgreSQL: where it is named, and says our limits; and found out where it is not."""

import asyncio
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import httpx
import psycopg
import pytest
from market_builders import API_KEY, save_campaign
from market_processes import query
from pooler import PGBOUNCER, a_pooler
from rich.console import Console
from served import served

from tuan.doctor import examine, questions
from tuan.kernel.db import build_pool, transaction
from tuan.kernel.errors import Overloaded
from tuan.market.config import MarketSettings

BUYERS, AT_ONCE = 60, 20
CONNECT_QUERY = re.compile(" connect_query=.*")


@pytest.fixture
def pooler(market_database: str) -> Iterator[str]:
    """The market's database through a real PgBouncer, set as deploy/ha says."""
    with a_pooler(market_database) as url:
        yield url


@pytest.fixture
def silent_pooler(market_database: str) -> Iterator[str]:
    """One that tells its sessions nothing."""
    with a_pooler(market_database, CONNECT_QUERY.sub("", PGBOUNCER)) as url:
        yield url


@pytest.fixture
def careless_pooler(market_database: str) -> Iterator[str]:
    """One that lets those in who tell their session its limits, and then forgets what they said."""
    with a_pooler(market_database, PGBOUNCER.rstrip() + ",options") as url:
        yield url


async def test_seats_are_locked_through_a_pooler(market_database: str, pooler: str) -> None:
    save_campaign(market_database)
    turn = asyncio.Semaphore(AT_ONCE)
    settings = {"TUAN_MARKET_DATABASE_URL": market_database, "TUAN_MARKET_POOLER_URL": pooler}
    headers = {"authorization": f"Bearer {API_KEY}"}
    with served("market", settings) as address:
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as http:

            async def lock(number: int) -> int:
                seat = {
                    "buyer_id": f"b{number}",
                    "goods_id": "tea",
                    "channel": "app",
                    "campaign_id": "summer",
                }
                async with turn:
                    return (await http.put(f"/v1/seats/T{number}", json=seat)).status_code

            answers = await asyncio.gather(*(lock(number % BUYERS) for number in range(2 * BUYERS)))

    assert answers == [200] * (2 * BUYERS)
    assert query(market_database, "SELECT count(*) FROM seat") == [(BUYERS,)]


async def test_a_lock_is_not_waited_for_without_end_through_a_pooler(
    market_database: str, pooler: str
) -> None:
    save_campaign(market_database)
    with psycopg.connect(market_database) as other:
        other.execute("SELECT * FROM campaign FOR UPDATE")
        async with build_pool(market_database, size=1, pooler=pooler) as pool:
            with pytest.raises(Overloaded):
                async with transaction(pool) as connection:
                    await connection.execute("SELECT * FROM campaign FOR UPDATE")
            async with transaction(pool) as connection:
                assert await (await connection.execute("SHOW lock_timeout")).fetchall() == [("2s",)]


async def test_a_pooler_that_says_no_limits_is_asked_nothing(
    market_database: str, silent_pooler: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with build_pool(market_database, size=1, pooler=silent_pooler) as pool:
        with pytest.raises(Overloaded):
            async with transaction(pool) as connection:
                await connection.execute("SELECT 1")

    assert "PgBouncer's connect_query must say our limits" in caplog.text


async def test_through_a_pooler_in_postgresqls_place_nothing_is_asked(
    careless_pooler: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with build_pool(careless_pooler, size=1) as pool:
        with pytest.raises(Overloaded):
            async with transaction(pool) as connection:
                await connection.execute("SELECT 1")

    assert "connect to PostgreSQL itself" in caplog.text


def test_the_doctor_says_what_to_do(pooler: str, tmp_path: Path) -> None:
    bad, said = examined(MarketSettings(database_url=pooler), tmp_path)

    assert bad == 1
    assert "a pooler answers in PostgreSQL's place" in said


def test_the_doctor_looks_at_the_limits(market_database: str, silent_pooler: str, tmp_path: Path) -> None:
    bad, said = examined(MarketSettings(database_url=market_database, pooler_url=silent_pooler), tmp_path)

    assert bad == 1
    assert "it lends sessions without our limits" in said


def test_the_doctor_finds_a_pooler_well(market_database: str, pooler: str, tmp_path: Path) -> None:
    bad, said = examined(MarketSettings(database_url=market_database, pooler_url=pooler), tmp_path)

    assert bad == 0
    assert "lends sessions with our limits" in said


def examined(settings: MarketSettings, folder: Path) -> tuple[int, str]:
    said = StringIO()
    return examine(questions(settings, None, folder), Console(file=said, width=200)), said.getvalue()
