"""Somebody moves the clock of a demonstration: everything that was to come comes, within seconds."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from story_books import audits, doubts
from story_people import a_person, a_product
from story_world import URL, Ahead, World, a_world, at_work

from tuan.keyring import Keyring
from tuan.story import tell
from tuan.story_failing import TEAM_FAILS

TEA, BOOK, COFFEE = "9890002", "9890001", "9890003"  # In teams of two, three and three.
WITHIN_SECONDS = 60  # Of a loaded machine; it takes a few.


@pytest.fixture
def clock_file(tmp_path: Path) -> Path:
    return tmp_path / "clock"


@pytest.fixture
async def demo(empty: dict[str, str], keyring: Keyring, clock_file: Path) -> AsyncIterator[World]:
    async with a_world(empty, keyring, clock=Ahead(), demo_clock=clock_file) as world, at_work(world):
        yield world


async def move(world: World, *, seconds: int) -> httpx.Response:
    async with world.browser() as hand:
        return await hand.post("/sandbox/admin/clock", json={"seconds": seconds})


async def server_time(world: World) -> datetime:
    async with world.browser() as visitor:
        said = (await visitor.get("/api/mall/v1/settings")).json()["server_time"]
        return datetime.fromisoformat(said)


async def until_all_is_over(world: World) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while doubts(world):
            await asyncio.sleep(0.1)


async def test_a_team_that_falls_one_short_fails_and_everybody_has_every_fen_back(demo: World) -> None:
    screen = io.StringIO()

    ended = await tell(URL, BOOK, Console(file=screen, width=100), plot=TEAM_FAILS, transport=demo.room)

    assert ended == 0, screen.getvalue()
    assert demo.rows("market", "SELECT status, seats_taken FROM team") == [("failed", 2)]
    assert demo.rows("mall", "SELECT amount_fen, status FROM refund") == [(90_00, "done")] * 2
    assert doubts(demo) == []
    assert demo.rows("mall", "SELECT status, count(*) FROM mall_order GROUP BY 1") == [("refunded", 2)]


async def test_a_jump_over_many_deadlines_ends_all_that_was_open(demo: World) -> None:
    people = [await a_person(demo, name) for name in ("安安", "小博", "彩彩")]
    numbers = []
    for person, product_id in zip(people, (TEA, BOOK, COFFEE), strict=True):
        product = await a_product(demo, product_id)
        paid, waiting = await person.order(product), await person.order(product)
        await person.pay_for(paid["number"])
        entered = await person.open_cashier(waiting["number"])
        assert entered
        await person.enter(entered)
        numbers += [(person, paid["number"], "refunded"), (person, waiting["number"], "closed")]

    await move(demo, seconds=2 * 24 * 3600)
    await until_all_is_over(demo)

    assert [await person.status(number) for person, number, _ in numbers] == [end for *_, end in numbers]
    assert demo.rows("market", "SELECT status, count(*) FROM team GROUP BY 1") == [("failed", 6)]
    assert demo.rows("sandbox", "SELECT status, count(*) FROM trade GROUP BY 1") == [("TRADE_CLOSED", 6)]
    assert await asyncio.to_thread(audits, demo) == ""


async def test_time_stays_where_it_was_over_a_new_start(
    empty: dict[str, str], keyring: Keyring, clock_file: Path
) -> None:
    times = []
    for seconds in (24 * 3600, 0):
        async with a_world(empty, keyring, clock=Ahead(), demo_clock=clock_file) as world:
            if seconds:
                assert (await move(world, seconds=seconds)).json()["ahead_seconds"] == seconds
            times.append(await server_time(world))

    assert times[0] <= times[1]


async def test_without_a_demonstration_nobody_moves_the_clock(world: World) -> None:
    before = await server_time(world)

    assert (await move(world, seconds=3600)).status_code == 404
    assert await server_time(world) - before < timedelta(minutes=30)
