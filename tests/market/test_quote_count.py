"""Quotes are counted in memory and saved: by day, by two processes at once, and when a process stops."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
from market_builders import API_KEY, CAMPAIGN, save_campaign
from market_processes import query

from tuan.kernel.db import build_pool
from tuan.market.app import build
from tuan.market.config import MarketSettings
from tuan.market.quote_count import QuoteCounts

SAVED = "SELECT campaign_id, day::text, quotes FROM quote_count ORDER BY day, campaign_id"
LATE = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)  # A minute before midnight in Beijing.
EARLY = datetime(2026, 11, 22, 16, 1, tzinfo=UTC)


async def test_what_was_counted_is_added_to_its_day(market_database: str) -> None:
    save_campaign(market_database)
    async with build_pool(market_database, size=1) as pool:
        now = LATE
        counts = QuoteCounts(pool, lambda: now)
        for _ in range(3):
            counts.add("summer")
        await counts.save()
        counts.add("summer")
        await counts.save()
        await counts.save()
        now = EARLY
        counts.add("summer")
        await counts.save()

    assert query(market_database, SAVED) == [("summer", "2026-11-22", 4), ("summer", "2026-11-23", 1)]


async def test_a_process_that_is_told_to_stop_saves_what_it_has(market_database: str) -> None:
    save_campaign(market_database)
    async with build_pool(market_database, size=1) as pool:
        counts = QuoteCounts(pool, lambda: LATE)
        async with counts.saved():
            counts.add("summer")

    assert query(market_database, SAVED) == [("summer", "2026-11-22", 1)]


async def test_two_processes_add_up(market_database: str) -> None:
    save_campaign(market_database)
    async with build_pool(market_database, size=8) as pool:
        processes = [QuoteCounts(pool, lambda: LATE) for _ in range(8)]
        for process in processes:
            process.add("summer")
        await asyncio.gather(*(process.save() for process in processes))

    assert query(market_database, SAVED) == [("summer", "2026-11-22", 8)]


async def test_while_the_database_is_away_they_are_kept(market_database: str) -> None:
    save_campaign(market_database)
    async with build_pool(market_database, size=1) as pool:
        counts = QuoteCounts(pool, lambda: LATE)
        counts.add("summer")
        with psycopg.connect(market_database) as other:
            other.execute("LOCK quote_count IN ACCESS EXCLUSIVE MODE")
            await counts.save()
        assert query(market_database, SAVED) == []
        counts.add("summer")
        await counts.save()

    assert query(market_database, SAVED) == [("summer", "2026-11-22", 2)]


async def test_an_offer_is_counted_and_a_refusal_is_not(market_database: str) -> None:
    a_day = timedelta(days=1)
    save_campaign(market_database, replace(CAMPAIGN, starts_at=LATE - a_day, ends_at=LATE + a_day))
    market = build(MarketSettings(database_url=market_database), clock=lambda: LATE)
    asked = {"goods_id": "tea", "channel": "app", "buyer_id": "b1"}
    async with (
        market.opened(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(market.app),
            base_url="http://market",
            headers={"authorization": f"Bearer {API_KEY}"},
        ) as http,
    ):
        bodies = [asked, asked | {"buyer_id": "b2"}, asked | {"goods_id": "none"}]
        answers = [await http.post("/v1/quotes", json=body) for body in bodies]

    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert query(market_database, SAVED) == [("summer", "2026-11-22", 2)]
