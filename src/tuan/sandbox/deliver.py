"""Keeps the gateways' promises: unpaid trades close in time, and merchants are told until they hear."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import httpx
import psycopg
import structlog

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import Refusal
from tuan.sandbox.alipay import Account
from tuan.sandbox.befall import meet
from tuan.sandbox.courier import Answer, Letter, lost, post
from tuan.sandbox.notify import AlipayVoice, Notify, notify_of
from tuan.sandbox.notify_store import NotifyStore
from tuan.sandbox.notify_trouble import ON_ITS_WAY, free_to_leave, letters
from tuan.sandbox.trade_store import TradeStore
from tuan.sandbox.trouble import Door

BATCH: Final = 20
SENDING_MAX: Final = 50
POLL_SECONDS: Final = 0.3
# Long enough that nobody else sends what we are still sending.
CLAIM_LASTS: Final = timedelta(seconds=20)
log = structlog.get_logger()


class Voice(Protocol):
    """How a gateway tells merchants something, and when they have heard."""

    @property
    def gaps(self) -> Sequence[timedelta]:
        """Between one send and the next."""
        ...

    @property
    def within_seconds(self) -> float:
        """To be answered in."""
        ...

    def letter(self, notify: Notify, *, now: datetime) -> Letter: ...

    def is_heard(self, answer: Answer) -> bool: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Notifier:
    pool: Pool
    client: httpx.AsyncClient
    account: Account
    voices: Mapping[str, Voice]  # By the name of the gateway.
    time_scale: float
    clock: Clock


async def deliver_due(notifier: Notifier) -> None:
    """Close what has expired and send what is due, until nothing is."""
    while await close_expired(notifier.pool, seller_id=notifier.account.seller_id, now=notifier.clock()):
        pass
    while due := await _claim_due(notifier, limit=BATCH):
        await asyncio.gather(*(_send(notifier, notify) for notify in due))


async def keep_delivering(notifier: Notifier, woken: asyncio.Event) -> None:
    """Until cancelled. A merchant that is slow to answer holds up its own notify, and no other."""
    sending: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            woken.clear()
            with surviving_the_database():
                await close_expired(notifier.pool, seller_id=notifier.account.seller_id, now=notifier.clock())
                for notify in await _claim_due(notifier, limit=SENDING_MAX - len(sending)):
                    task = group.create_task(_send_surviving(notifier, notify))
                    sending.add(task)
                    task.add_done_callback(sending.discard)
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), POLL_SECONDS)


async def close_expired(pool: Pool, *, seller_id: str, now: datetime) -> int:
    async with transaction(pool) as connection:
        store, notifies = TradeStore(connection), NotifyStore(connection)
        trades = await store.hold_expired(now=now, limit=BATCH)
        for trade in trades:
            trade.expire(now)
            await store.save(trade)
            await notifies.add(notify_of(trade, seller_id=seller_id, now=now))
        return len(trades)


async def send_again(pool: Pool, notify_id: str, *, now: datetime) -> None:
    """Due at once, even if it was acknowledged or its ladder has ended. Raises NotFound."""
    async with transaction(pool) as connection:
        await NotifyStore(connection).send_again(notify_id, now=now)


async def _claim_due(notifier: Notifier, *, limit: int) -> list[Notify]:
    now = notifier.clock()
    async with transaction(notifier.pool) as connection:
        due = await NotifyStore(connection).claim_due(now=now, retry_at=now + CLAIM_LASTS, limit=limit)
        return await free_to_leave(connection, due, now=now)


async def _send_surviving(notifier: Notifier, notify: Notify) -> None:
    with surviving_the_database():
        await _send(notifier, notify)


async def _send(notifier: Notifier, notify: Notify) -> None:
    voice, now = notifier.voices[notify.gateway], notifier.clock()
    leaving = await _leaving(notifier, notify, voice, now=now)
    answers = await asyncio.gather(
        *(
            post(notifier.client, notify.url, letter, within_seconds=voice.within_seconds, now=now)
            for letter in leaving
        )
    )

    async with transaction(notifier.pool) as connection:
        for answer in answers or [lost(now=now)]:
            is_heard = voice.is_heard(answer)
            notify.hear(answer, is_heard=is_heard, gaps=voice.gaps, time_scale=notifier.time_scale)
            await NotifyStore(connection).record(notify, answer)


async def _leaving(notifier: Notifier, notify: Notify, voice: Voice, *, now: datetime) -> list[Letter]:
    """Trouble is to be had with Alipay's notifies; those of WeChat Pay leave as they are."""
    if not isinstance(voice, AlipayVoice):
        return [voice.letter(notify, now=now)]
    trouble = await meet(notifier.pool, Door.NOTIFY, ON_ITS_WAY, about=notify.content["out_trade_no"])
    return letters(notify, trouble, voice, now=now)


@contextmanager
def surviving_the_database() -> Iterator[None]:
    """What could not be written is still due, and the next round finds it."""
    try:
        yield
    except (Refusal, psycopg.Error) as error:
        log.warning("sandbox_round_failed", error=repr(error))
