"""The whole story through a real broker: the market publishes what became of its teams, the mall reads it."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aio_pika
import psycopg
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from broker import Broker
from rich.console import Console
from story_books import audits, doubts
from story_people import a_person, a_product
from story_world import URL, Ahead, World, a_world, at_work

from tuan.kernel.db import build_pool, transaction
from tuan.kernel.jobs import Jobs
from tuan.keyring import Keyring
from tuan.mall.consume import DEAD, EXCHANGE, TEAM_REFUND, TEAM_SUCCESS
from tuan.market.notify import redeliver
from tuan.market.published import ADDRESS
from tuan.story import tell
from tuan.story_failing import TEAM_FAILS

TEA, BOOK = "9890002", "9890001"  # In teams of two, and of three.
WITHIN_SECONDS = 90


@pytest.fixture
async def published(
    empty: dict[str, str],
    keyring: Keyring,
    broker: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[World]:
    """Of its teams the mall hears at the broker, in the original's words, and nowhere else."""
    monkeypatch.setenv("TUAN_MARKET_RABBIT_URL", broker.url)
    monkeypatch.setenv("TUAN_MALL_RABBIT_URL", broker.url)
    async with a_world(empty, keyring, clock=Ahead(), demo_clock=tmp_path / "clock") as world:
        with psycopg.connect(world.databases["market"]) as connection:
            connection.execute("UPDATE endpoint SET format = 'original', url = %s", [ADDRESS])
        world.room.away.add("/api/mall/hooks/market")
        async with at_work(world):
            yield world


async def test_a_team_buys_together_and_is_delivered(published: World) -> None:
    screen = io.StringIO()

    ended = await tell(URL, BOOK, Console(file=screen, width=100), transport=published.room)

    assert ended == 0, screen.getvalue()
    assert attempts(published) == [("team.formed", "delivered", 200, "confirmed", 1)]
    assert orders(published) == [("fulfilled", 3)]
    assert await asyncio.to_thread(audits, published) == ""


async def test_a_team_that_fails_has_every_fen_back(published: World) -> None:
    screen = io.StringIO()

    ended = await tell(URL, BOOK, Console(file=screen, width=100), plot=TEAM_FAILS, transport=published.room)

    assert ended == 0, screen.getvalue()
    assert attempts(published) == [("team.failed", "delivered", 200, "confirmed", 1)]
    assert published.rows("mall", "SELECT amount_fen, status FROM refund") == [(90_00, "done")] * 2
    assert published.rows("mall", "SELECT count(*) FROM inbox") == [(2,)]
    assert doubts(published) == []


async def test_a_broker_that_was_down_costs_time_and_nothing_else(
    published: World, broker: Broker, record_property: Callable[[str, object], None]
) -> None:
    product = await a_product(published, TEA)
    people = [await a_person(published, name) for name in ("安安", "小博")]
    opened = await people[0].order(product)
    joined = await people[1].order(product, opened["team_id"])
    await asyncio.to_thread(broker.kill)
    for person, order in zip(people, (opened, joined), strict=True):
        await person.pay_for(order["number"])
    await until(lambda: published.rows("market", "SELECT count(*) FROM attempt") == [(2,)])
    assert published.rows("market", "SELECT status FROM team") == [("formed",)]
    assert orders(published) == [("paid", 2)]

    await asyncio.to_thread(broker.start)
    back_at = time.monotonic()
    published.clock.pass_by(minutes=3)
    await until(lambda: orders(published) == [("fulfilled", 2)])
    delivered_after = time.monotonic() - back_at

    assert published.rows("market", "SELECT status FROM delivery") == [("delivered",)]
    assert published.rows("mall", "SELECT count(*), count(DISTINCT order_number) FROM delivery") == [(2, 2)]
    assert await asyncio.to_thread(audits, published) == ""
    told = f"killed while a team of 2 paid; both delivered once, {delivered_after:.1f} s after it was back"
    record_property("broker", told)


async def test_told_again_it_happens_once_and_what_is_forged_is_among_the_dead(
    published: World, broker: Broker
) -> None:
    product = await a_product(published, TEA)
    people = [await a_person(published, name) for name in ("安安", "小博")]
    opened = await people[0].order(product)
    joined = await people[1].order(product, opened["team_id"])
    await people[0].pay_for(opened["number"])
    formed = {"teamId": "1", "outTradeNoList": [opened["number"]]}
    given_back = {"type": "paid_formed", "teamId": "1", "outTradeNo": opened["number"]}

    async with await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        forge = await channel.get_exchange(EXCHANGE)
        graves = await channel.get_queue(DEAD)
        for topic, content in ((TEAM_SUCCESS, formed), (TEAM_REFUND, given_back)):
            signed = {
                "webhook-id": f"forged {topic}",
                "webhook-timestamp": "1",
                "webhook-signature": "v1,AAAA",
            }
            await forge.publish(aio_pika.Message(json.dumps(content).encode(), headers=dict(signed)), topic)
            assert (await dug(graves)).routing_key == topic
        await people[1].pay_for(joined["number"])
        await until(lambda: orders(published) == [("fulfilled", 2)])

        await tell_again(published)
        await until(lambda: published.rows("market", "SELECT count(*) FROM attempt") == [(2,)])
        await forge.publish(aio_pika.Message(b"behind it"), TEAM_SUCCESS)
        assert (await dug(graves)).body == b"behind it"

    assert published.rows("mall", "SELECT count(*) FROM inbox") == [(1,)]
    assert published.rows("mall", "SELECT count(*), count(DISTINCT order_number) FROM delivery") == [(2, 2)]
    assert published.rows("mall", "SELECT count(*) FROM refund") == [(0,)]


async def tell_again(world: World) -> None:
    url = world.databases["market"]
    async with build_pool(url, size=1) as pool, transaction(pool) as connection:
        rows = await (await connection.execute("SELECT event_id, endpoint_id FROM delivery")).fetchall()
        await redeliver(connection, Jobs(url), rows)


async def dug(graves: AbstractQueue) -> AbstractIncomingMessage:
    """The next of the dead, taken out."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while not (found := await graves.get(fail=False, no_ack=True)):
            await asyncio.sleep(0.05)
    return found


def orders(world: World) -> list[tuple[object, ...]]:
    return world.rows("mall", "SELECT status, count(*) FROM mall_order GROUP BY 1")


def attempts(world: World) -> list[tuple[object, ...]]:
    return world.rows(
        "market",
        "SELECT kind, delivery.status, status_code, answer, count(*) FROM attempt"
        " JOIN delivery USING (event_id, endpoint_id) JOIN event ON event.id = event_id GROUP BY 1, 2, 3, 4",
    )


async def until(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not happens():
            await asyncio.sleep(0.05)
