"""Quotes come from memory, and memory is dropped when the database says so."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from market_builders import API_KEY, save_campaign

from tuan.kernel.db import Pool, build_pool
from tuan.kernel.ids import fingerprint
from tuan.market.catalog import Catalog

TEA = ("mall", "app", "tea")


@pytest.fixture
async def pool(market_database: str) -> AsyncIterator[Pool]:
    save_campaign(market_database)
    async with build_pool(market_database, size=2) as pool:
        yield pool


def change(url: str, sql: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(sql.encode())


async def price_becomes(catalog: Catalog, list_fen: int) -> None:
    async with asyncio.timeout(5):
        while (listing := await catalog.listing(TEA)) is None or listing.list_fen != list_fen:
            await asyncio.sleep(0)


async def kept_in_memory(catalog: Catalog, url: str) -> None:
    """Until a change that no trigger tells of goes unseen: then the catalog answers from memory."""
    async with asyncio.timeout(5):
        while True:
            before = await catalog.listing(TEA)
            with psycopg.connect(url) as connection:
                connection.execute("SET session_replication_role = replica")
                connection.execute("UPDATE listing SET list_fen = list_fen + 1")
            if await catalog.listing(TEA) == before:
                return


async def test_a_change_is_seen_by_who_listens(pool: Pool, market_database: str) -> None:
    catalog = Catalog(pool, market_database)
    async with catalog.listening():
        await kept_in_memory(catalog, market_database)
        change(market_database, "UPDATE listing SET list_fen = 12000")
        await price_becomes(catalog, 12000)


async def test_who_does_not_listen_keeps_nothing(pool: Pool, market_database: str) -> None:
    catalog = Catalog(pool, market_database)
    await price_becomes(catalog, 10000)
    change(market_database, "UPDATE listing SET list_fen = 12000")

    listing = await catalog.listing(TEA)

    assert listing is not None
    assert listing.list_fen == 12000


async def test_a_cut_off_listener_reads_again_and_listens_again(pool: Pool, market_database: str) -> None:
    catalog = Catalog(pool, market_database)
    async with catalog.listening():
        await kept_in_memory(catalog, market_database)
        change(
            market_database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN catalog'"
            " AND datname = current_database()",
        )
        change(market_database, "UPDATE listing SET list_fen = 12000")
        await price_becomes(catalog, 12000)
        change(market_database, "UPDATE listing SET list_fen = 13000")
        await price_becomes(catalog, 13000)


async def test_a_revoked_key_opens_nothing(pool: Pool, market_database: str) -> None:
    catalog = Catalog(pool, market_database)
    async with catalog.listening():
        await kept_in_memory(catalog, market_database)
        assert await catalog.source(API_KEY) == "mall"
        change(market_database, "UPDATE api_key SET revoked_at = now()")
        async with asyncio.timeout(5):
            while await catalog.source(API_KEY) is not None:
                await asyncio.sleep(0)


def test_keys_are_kept_as_fingerprints(market_database: str) -> None:
    save_campaign(market_database)
    with psycopg.connect(market_database) as connection:
        kept = connection.execute("SELECT fingerprint FROM api_key").fetchall()

    assert kept == [(fingerprint(API_KEY),)]
    assert len(kept[0][0]) == 32
