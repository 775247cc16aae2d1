"""The whole story with a PgBouncer, in transaction mode, before each service's database."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pooler import a_pooler
from rich.console import Console
from story_books import audits
from story_world import URL, Ahead, World, a_world, at_work

from tuan.keyring import Keyring
from tuan.story import tell
from tuan.story_failing import TEAM_FAILS

BOOK = "9890001"  # In teams of three.


@pytest.fixture
async def pooled(
    empty: dict[str, str], keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    with a_pooler(empty["market"]) as market, a_pooler(empty["mall"]) as mall:
        monkeypatch.setenv("TUAN_MARKET_POOLER_URL", market)
        monkeypatch.setenv("TUAN_MALL_POOLER_URL", mall)
        clock = tmp_path / "clock"
        async with a_world(empty, keyring, clock=Ahead(), demo_clock=clock) as world, at_work(world):
            yield world


async def test_a_team_buys_together_through_poolers(pooled: World) -> None:
    screen = io.StringIO()

    ended = await tell(URL, BOOK, Console(file=screen, width=100), transport=pooled.room)

    assert ended == 0, screen.getvalue()
    assert pooled.rows("mall", "SELECT status, count(*) FROM mall_order GROUP BY 1") == [("fulfilled", 3)]
    assert await asyncio.to_thread(audits, pooled) == ""


async def test_a_team_that_fails_has_every_fen_back_through_poolers(pooled: World) -> None:
    screen = io.StringIO()

    ended = await tell(URL, BOOK, Console(file=screen, width=100), plot=TEAM_FAILS, transport=pooled.room)

    assert ended == 0, screen.getvalue()
    assert pooled.rows("mall", "SELECT amount_fen, status FROM refund") == [(90_00, "done")] * 2
    assert await asyncio.to_thread(audits, pooled) == ""
