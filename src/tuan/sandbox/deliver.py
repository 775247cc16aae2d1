"""Keeps Alipay's promises: unpaid trades are closed in time, and merchants are told until they have heard."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import httpx
import psycopg
import structlog

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import Refusal
from tuan.sandbox.alipay import Account
from tuan.sandbox.courier import post
from tuan.sandbox.notify import Notify, notify_of
from tuan.sandbox.notify_store import NotifyStore
from tuan.sandbox.trade_store import TradeStore

BATCH: Final = 20
SENDING_MAX: Final = 50
POLL_SECONDS: Final = 0.3
WITHIN_SECONDS: Final = 10.0
# Long enough that nobody else sends what we are still sending.
CLAIM_LASTS: Final = timedelta(seconds=2 * WITHIN_SECONDS)
FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Notifier:
    pool: Pool
    client: httpx.AsyncClient
    account: Account
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
            with _surviving_the_database():
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
        return await NotifyStore(connection).claim_due(now=now, retry_at=now + CLAIM_LASTS, limit=limit)


async def _send_surviving(notifier: Notifier, notify: Notify) -> None:
    with _surviving_the_database():
        await _send(notifier, notify)


async def _send(notifier: Notifier, notify: Notify) -> None:
    now = notifier.clock()
    answer = await post(
        notifier.client,
        notify.url,
        content=urlencode(notify.form(notifier.account.alipay_key, now=now)).encode(),
        media_type=FORM,
        within_seconds=WITHIN_SECONDS,
        now=now,
    )

    notify.hear(answer, time_scale=notifier.time_scale)
    async with transaction(notifier.pool) as connection:
        await NotifyStore(connection).record(notify, answer)


@contextmanager
def _surviving_the_database() -> Iterator[None]:
    """What could not be written is still due, and the next round finds it."""
    try:
        yield
    except (Refusal, psycopg.Error) as error:
        log.warning("sandbox_round_failed", error=repr(error))
