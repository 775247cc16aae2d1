"""What a real broker has confirmed is read, once it is acknowledged, by somebody, or is among the dead."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aio_pika
import pytest
from broker import Broker
from pydantic import SecretStr
from rich.console import Console

from tuan.doctor import examine, questions
from tuan.kernel.errors import Unreachable
from tuan.kernel.ids import new_id
from tuan.kernel.queue import Message, NoQueue, NotPublished, Unreadable
from tuan.kernel.rabbit import RabbitPublisher, RabbitReader
from tuan.market.config import MarketSettings

WITHIN_SECONDS = 60


@dataclass
class Ear:
    """Hears messages, and may be told to fail first."""

    broker: Broker
    name: str = field(default_factory=new_id)
    heard: list[Message] = field(default_factory=list)
    fails_by: list[Exception] = field(default_factory=list)
    tries: int = 0
    hangs: bool = False

    async def take(self, message: Message) -> None:
        self.tries += 1
        if self.fails_by:
            raise self.fails_by.pop(0)
        if self.hangs:
            await asyncio.Event().wait()
        self.heard.append(message)

    async def has_heard(self, count: int) -> bool:
        return len(self.heard) == count

    async def has_tried(self) -> bool:
        return self.tries > 0

    async def has_dead(self, count: int) -> bool:
        return await self.count("dead") == count

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        reader = RabbitReader(
            url=self.broker.url,
            exchange=self.name,
            queues={f"{self.name}-queue": "topic.told"},
            dead=f"{self.name}-dead",
            take=self.take,
        )
        task = asyncio.create_task(reader.listen())
        try:
            await until(self._is_at_the_queue)
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def count(self, queue: str) -> int:
        async with await aio_pika.connect(self.broker.url) as connection:
            channel = await connection.channel()
            found = await channel.get_queue(f"{self.name}-{queue}")
            return found.declaration_result.message_count or 0

    async def _is_at_the_queue(self) -> bool:
        with suppress(aio_pika.exceptions.AMQPException):
            async with await aio_pika.connect(self.broker.url) as connection:
                channel = await connection.channel()
                found = await channel.get_queue(f"{self.name}-queue")
                return found.declaration_result.consumer_count == 1
        return False


async def until(happens: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not await happens():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def a_publisher(ear: Ear) -> AsyncIterator[RabbitPublisher]:
    publisher = RabbitPublisher(url=ear.broker.url, exchange=ear.name)
    try:
        yield publisher
    finally:
        await publisher.close()


def told(n: int = 1, topic: str = "topic.told") -> Message:
    return Message(id=f"m{n}", topic=topic, body=b"{}", headers={"webhook-id": f"m{n}"})


async def test_what_is_published_is_heard_once_as_it_was_said(broker: Broker) -> None:
    ear = Ear(broker)
    async with ear.listening(), a_publisher(ear) as publisher:
        await publisher.publish([told(1), told(2)])
        await until(lambda: ear.has_heard(2))

    assert ear.heard == [told(1), told(2)]
    assert (await ear.count("queue"), await ear.count("dead")) == (0, 0)


async def test_what_no_queue_takes_is_not_published(broker: Broker) -> None:
    """A broker confirms it all the same, unless it is told that somebody must be there."""
    ear = Ear(broker)
    async with ear.listening(), a_publisher(ear) as publisher:
        with pytest.raises(NoQueue):
            await publisher.publish([told(topic="topic.nobody")])
        await publisher.publish([told()])
        await until(lambda: ear.has_heard(1))


async def test_what_was_not_acknowledged_goes_to_the_next_who_reads(broker: Broker) -> None:
    """The first dies with the message in its hands, before anything is committed."""
    ear = Ear(broker, hangs=True)
    async with a_publisher(ear) as publisher:
        async with ear.listening():
            await publisher.publish([told()])
            await until(ear.has_tried)
        assert ear.heard == []

        ear.hangs = False
        async with ear.listening():
            await until(lambda: ear.has_heard(1))

    assert (ear.heard, ear.tries) == ([told()], 2)


async def test_while_the_database_is_away_a_message_waits_and_is_not_counted_against(broker: Broker) -> None:
    ear = Ear(broker, fails_by=[Unreachable()] * 6)
    async with ear.listening(), a_publisher(ear) as publisher:
        await publisher.publish([told()])
        await until(lambda: ear.has_heard(1))

    assert (ear.tries, await ear.count("dead")) == (7, 0)


async def test_what_cannot_be_read_is_among_the_dead_at_once(broker: Broker) -> None:
    ear = Ear(broker, fails_by=[Unreadable("no message of ours")])
    async with ear.listening(), a_publisher(ear) as publisher:
        await publisher.publish([told(1), told(2)])
        await until(lambda: ear.has_heard(1))
        await until(lambda: ear.has_dead(1))

    assert (ear.heard, ear.tries) == ([told(2)], 2)


async def test_what_breaks_its_reader_again_and_again_is_among_the_dead_in_the_end(broker: Broker) -> None:
    ear = Ear(broker, fails_by=[ZeroDivisionError()] * 6)
    async with ear.listening(), a_publisher(ear) as publisher:
        await publisher.publish([told()])
        await until(lambda: ear.has_dead(1))

    assert (ear.tries, await ear.count("queue")) == (6, 0)


async def test_a_broker_that_is_away_is_waited_for_on_both_sides(broker: Broker) -> None:
    ear = Ear(broker)
    async with ear.listening(), a_publisher(ear) as publisher:
        await publisher.publish([told(1)])
        await until(lambda: ear.has_heard(1))
        await asyncio.to_thread(broker.stop)
        with pytest.raises(NotPublished):
            await publisher.publish([told(2)])
        await asyncio.to_thread(broker.start)

        async def is_published() -> bool:
            with suppress(NotPublished):
                await publisher.publish([told(2)])
                return True
            return False

        await until(is_published)  # It speaks before all of its queues do.
        await until(lambda: ear.has_heard(2))

    assert ear.heard == [told(1), told(2)]


def test_the_doctor_finds_it_well(broker: Broker, market_database: str, tmp_path: Path) -> None:
    market = MarketSettings(database_url=market_database, rabbit_url=SecretStr(broker.url))
    said = io.StringIO()

    assert examine(questions(market, None, tmp_path), Console(file=said, width=200)) == 0
    assert f"market's broker: 127.0.0.1:{broker.port} speaks AMQP" in said.getvalue()
