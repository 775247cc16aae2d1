"""Time passes: what was left half done is taken up again, and what was not paid for in time is closed.

Any number of sweeps may run at once, and stop between any two lines. An order's status, and the moment a
payment is asked about next, say where to go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
import structlog

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import Refusal
from tuan.kernel.jobs import Jobs
from tuan.mall import store_allowance, store_login, store_order, store_payment, store_sweep
from tuan.mall.close import ENDED, abandon, end_trade, finish_closing, note_trade
from tuan.mall.gateways.gateway import Gateway, TradeStatus
from tuan.mall.market_client import MarketClient
from tuan.mall.order import OrderAbandoned
from tuan.mall.payment import Payment, PaymentStatus
from tuan.mall.reconcile import reconcile_due

SWEEP_EVERY_SECONDS = 1.0
FORGET_EVERY_SECONDS = 3600.0
ORDERS_AT_ONCE = 100
BILLS_EVERY_SECONDS = 60.0
PAYMENTS_AT_ONCE = 16
ABANDONED_AFTER = timedelta(minutes=2)
DEBT_AFTER = timedelta(minutes=1)
VISITS_KEPT = timedelta(days=1)
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Sweep:
    pool: Pool
    jobs: Jobs
    gateways: Mapping[str, Gateway]
    market: MarketClient
    clock: Clock

    async def keep_sweeping(self) -> None:
        """Until cancelled. A gateway that is slow to answer keeps no order waiting for its job."""
        await asyncio.gather(
            self._keep(self.sweep_orders, every_seconds=SWEEP_EVERY_SECONDS),
            self._keep(self.sweep_payments, every_seconds=SWEEP_EVERY_SECONDS),
            self._keep(self.sweep_bills, every_seconds=BILLS_EVERY_SECONDS),
            self._keep(self.sweep_visits, every_seconds=FORGET_EVERY_SECONDS),
        )

    async def sweep(self) -> None:
        """Everything that is due now, however long nobody looked."""
        await self.sweep_orders()
        await self.sweep_payments()
        await self.sweep_bills()
        await self.sweep_visits()

    async def sweep_orders(self) -> None:
        now = self.clock()
        while await self._give_up_orders(now):
            pass
        while await self._owe_again(now):
            pass

    async def sweep_payments(self) -> None:
        now = self.clock()
        while await self._ask_about_payments(now):
            pass

    async def sweep_bills(self) -> None:
        now = self.clock()
        while await reconcile_due(self.pool, self.jobs, self.gateways, now=now):
            pass

    async def sweep_visits(self) -> None:
        """Forget who came, once it serves nobody: what ended a day ago."""
        now = self.clock()
        async with transaction(self.pool) as connection:
            await store_login.forget(connection, before=now - VISITS_KEPT)
            await store_allowance.forget_whole(connection, now=now)

    async def _keep(self, sweep: Callable[[], Awaitable[None]], *, every_seconds: float) -> None:
        while True:
            try:
                await sweep()
            except (Refusal, psycopg.Error) as trouble:
                log.warning("sweep_cut_short", why=repr(trouble))
            await asyncio.sleep(every_seconds)

    async def _give_up_orders(self, now: datetime) -> bool:
        """Whether there may be more."""
        async with transaction(self.pool) as connection:
            numbers = await store_sweep.take_abandoned(
                connection, since=now - ABANDONED_AFTER, limit=ORDERS_AT_ONCE
            )
            for order in await store_order.hold_all(connection, numbers):
                await abandon(connection, self.jobs, order, OrderAbandoned(), now=now)
        return len(numbers) == ORDERS_AT_ONCE

    async def _owe_again(self, now: datetime) -> bool:
        """Whether there may be more."""
        since = now - DEBT_AFTER
        async with transaction(self.pool) as connection:
            debts = await store_sweep.take_order_debts(connection, since=since, limit=ORDERS_AT_ONCE)
            debts += await store_sweep.take_refund_debts(connection, since=since, limit=ORDERS_AT_ONCE)
            for debt in debts:
                log.warning("job_owed_again", job=debt.job, order=debt.order_number)
                await self.jobs.owe(connection, debt.job, [debt.payload])
        return len(debts) >= ORDERS_AT_ONCE

    async def _ask_about_payments(self, now: datetime) -> bool:
        """Whether there may be more. The next question is booked before this one is asked."""
        async with transaction(self.pool) as connection:
            due = await store_payment.take_due(connection, now=now, limit=PAYMENTS_AT_ONCE)
            for payment in due:
                payment.book_question(now=now)
                await store_payment.save(connection, payment)
        await asyncio.gather(*(self._ask(payment, now) for payment in due))
        return len(due) == PAYMENTS_AT_ONCE

    async def _ask(self, payment: Payment, now: datetime) -> None:
        try:
            if now < payment.expires_at:
                await self._look(payment, now)
            else:
                await self._end(payment, now)
        except (Refusal, psycopg.Error) as trouble:
            log.warning("payment_unknown", payment=payment.number, why=repr(trouble))

    async def _look(self, payment: Payment, now: datetime) -> None:
        trade = await self.gateways[payment.gateway].query(payment.number, now=now)
        if trade.status in ENDED:
            await note_trade(self.pool, self.jobs, payment, trade, now=now)

    async def _end(self, payment: Payment, now: datetime) -> None:
        """No more can be paid: unless nobody ever came to the cashier, and its door may still be ajar."""
        trade = await end_trade(self.gateways[payment.gateway], payment.number, now=now)
        if trade.status is TradeStatus.ABSENT and not payment.is_over(now=now):
            return

        await note_trade(self.pool, self.jobs, payment, trade, now=now)
        await finish_closing(self.pool, self.market, order_number=payment.order_number, now=now)
        async with transaction(self.pool) as connection:
            await store_order.hold(connection, payment.order_number)
            held = await store_payment.hold(connection, payment.number)
            if held.status is PaymentStatus.CLOSED:
                held.ask_at = None
                await store_payment.save(connection, held)
