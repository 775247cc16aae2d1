"""RabbitMQ: publishing waits until the broker has it for good, and reading is acknowledged after our commit.

Only this module knows aio_pika, the extra `rabbit`; only who has a broker imports it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import aio_pika
import structlog
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    ExchangeType,
    FieldValue,
)
from aio_pika.exceptions import AMQPException, ChannelInvalidStateError, PublishError

from tuan.kernel.errors import Overloaded, Unreachable
from tuan.kernel.queue import Message, NoQueue, NotPublished, Take, Unreadable

CONNECT_SECONDS: Final = 5.0
# A broker that has just come back takes what it then forgets to answer: say it again, on another line.
ANSWER_SECONDS: Final = 5.0
COME_BACK_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 1.0
# A quorum queue outlives the death of any one of three brokers, and counts how often a message came back:
# one that kills whoever reads it ends among the dead. It leaves for there only once it has arrived.
DURABLE: Final[dict[str, FieldValue]] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": 5,
    "x-overflow": "reject-publish",
    "x-dead-letter-strategy": "at-least-once",
}
TROUBLE: Final = (AMQPException, ChannelInvalidStateError, OSError)
log = structlog.get_logger()


@dataclass(eq=False)
class RabbitPublisher:
    """Connects when it is first needed, and again after trouble."""

    url: str = field(repr=False)
    exchange: str
    _connection: AbstractConnection | None = None
    _out: AbstractExchange | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def publish(self, messages: Sequence[Message]) -> None:
        try:
            out = await self._opened()
            for message in messages:
                await out.publish(_outgoing(message), message.topic, mandatory=True, timeout=ANSWER_SECONDS)
        except PublishError as error:
            raise NoQueue(repr(error)) from error
        except TROUBLE as error:
            await self.close()
            raise NotPublished(repr(error)) from error

    async def close(self) -> None:
        connection, self._connection, self._out = self._connection, None, None
        if connection:
            with suppress(*TROUBLE):
                await connection.close()

    async def _opened(self) -> AbstractExchange:
        async with self._opening:
            if self._out is None:
                self._connection = await aio_pika.connect(self.url, timeout=CONNECT_SECONDS)
                channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                self._out = await _exchange(channel, self.exchange)
            return self._out


@dataclass(frozen=True, kw_only=True)
class RabbitReader:
    """Reads queues, one message at a time from each process, and gives each to `take`."""

    url: str = field(repr=False)
    exchange: str
    queues: Mapping[str, str]  # The topic of each.
    dead: str  # Exchange and queue of what cannot be taken.
    take: Take

    async def listen(self) -> None:
        """Until cancelled. A broker that is away is waited for."""
        while True:
            try:
                await self._listen()
            except TROUBLE as error:
                log.warning("broker_away", why=repr(error))
            await asyncio.sleep(COME_BACK_SECONDS)

    async def _listen(self) -> None:
        async with await aio_pika.connect(self.url, timeout=CONNECT_SECONDS) as connection:
            channel = await connection.channel()
            lost = asyncio.Event()
            channel.close_callbacks.add(lambda *_: lost.set())
            await channel.set_qos(prefetch_count=1)
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._read(channel)
            await lost.wait()

    async def _read(self, channel: AbstractChannel) -> None:
        graves = await _exchange(channel, self.dead)
        grave = await channel.declare_queue(self.dead, durable=True, arguments={"x-queue-type": "quorum"})
        await grave.bind(graves, "#")
        spoken = await _exchange(channel, self.exchange)
        kept = {**DURABLE, "x-dead-letter-exchange": self.dead}
        for name, topic in self.queues.items():
            queue = await channel.declare_queue(name, durable=True, arguments=kept)
            await queue.bind(spoken, topic)
            await queue.consume(self._hear)

    async def _hear(self, incoming: AbstractIncomingMessage) -> None:
        """What we have not acknowledged when the line breaks, the broker gives to the next who reads."""
        with suppress(*TROUBLE):
            try:
                await self._take(incoming)
            except Unreadable as error:
                log.error("message_dead", id=incoming.message_id, topic=incoming.routing_key, why=str(error))
                await incoming.reject(requeue=False)
            except Exception:
                log.exception("message_not_taken", id=incoming.message_id, topic=incoming.routing_key)
                await incoming.nack(requeue=True)
            else:
                await incoming.ack()

    async def _take(self, incoming: AbstractIncomingMessage) -> None:
        """While the database is away the message stays in our hands: giving it back would count."""
        message = _message(incoming)
        while True:
            try:
                return await self.take(message)
            except (Unreachable, Overloaded) as error:
                log.warning("message_waits", id=message.id, why=error.code)
                await asyncio.sleep(AWAY_SECONDS)


async def _exchange(channel: AbstractChannel, name: str) -> AbstractExchange:
    return await channel.declare_exchange(name, ExchangeType.TOPIC, durable=True)


def _outgoing(message: Message) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        headers=dict(message.headers),
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message.id,
    )


def _message(incoming: AbstractIncomingMessage) -> Message:
    headers = {name: value for name, value in incoming.headers.items() if isinstance(value, str)}
    return Message(
        id=incoming.message_id or "",
        topic=incoming.routing_key or "",
        body=incoming.body,
        headers=headers,
    )
