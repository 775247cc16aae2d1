"""Money goes back: owed in the transaction that finds it must, done when the gateway says it happened."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import NotFound, Unreachable
from tuan.kernel.jobs import Again, Jobs, jittered
from tuan.mall import store_ledger, store_order, store_payment
from tuan.mall.alarm import raise_alarm
from tuan.mall.gateways.gateway import Gateway, GatewayRefusal, UntrustedAnswer
from tuan.mall.ledger import refund_done, refund_owed
from tuan.mall.order import Order, OrderStatus
from tuan.mall.payment import Payment, Refund, RefundStatus, full_refund

# Seconds between tries. The first is three, the least Alipay asks for between two refunds of one
# trade; the last come daily, because money is owed for as long as it takes.
REFUND_LADDER = (3, 10, 30, 60, 300, 900, 3600, *[4 * 3600] * 12, *[24 * 3600] * 28)


class RefundPending(Again):
    """The gateway has not made this refund, as far as we know; it is asked again under the same number."""


async def refund_order(
    connection: Connection, jobs: Jobs, order: Order, *, reason: str, now: datetime
) -> None:
    """Within the caller's transaction, which holds a paid order: the money it was paid with goes back."""
    payment = await store_payment.hold_paid(connection, order.number)
    order.begin_refund(now=now)
    await store_order.save(connection, order)
    await owe_refund(connection, jobs, order, payment, reason=reason, now=now)


async def owe_refund(
    connection: Connection, jobs: Jobs, order: Order, payment: Payment, *, reason: str, now: datetime
) -> None:
    """Within the caller's transaction, which holds the order and the payment."""
    refund = full_refund(payment, reason=reason, now=now)
    await store_payment.owe_refund(connection, refund)
    await store_ledger.book(connection, refund_owed(refund, order=order, payment=payment), now=now)
    await jobs.owe(connection, "refund", [_job(refund)])


async def make_refund(
    pool: Pool, gateways: Mapping[str, Gateway], *, refund_number: str, now: datetime
) -> None:
    """Safe to repeat: the gateway gets the same refund number each time.

    Raises RefundPending, with the time to wait, until the refund is made or stuck.
    """
    async with transaction(pool) as connection:
        refund = await store_payment.find_refund(connection, refund_number)
    if refund is None or refund.status is not RefundStatus.OWED:
        return

    trouble = await _ask(gateways, refund, now=now)
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, refund.order_number)
        refunds = await store_payment.hold_refunds(connection, order.number)
        held = next(one for one in refunds if one.number == refund_number)
        if held.status is RefundStatus.DONE:
            return
        if trouble is None:
            held.finish(now=now)
            await store_ledger.book(connection, refund_done(held), now=now)
            await _end(connection, order, refunds, now=now)
        else:
            await _fail(connection, held, trouble, now=now)
        await store_payment.save_refund(connection, held)

    if trouble is not None and held.status is RefundStatus.OWED:
        wait = timedelta(seconds=REFUND_LADDER[held.tries - 1])
        raise RefundPending(f"{refund_number}: {trouble}", after=jittered(wait))


async def retry_refund(pool: Pool, jobs: Jobs, refund_number: str, *, now: datetime) -> Refund:
    """A person asks for it to be tried now, from the start of the ladder, under the number it has.

    Raises NotFound, RefundMade.
    """
    async with transaction(pool) as connection:
        return await owe_refund_again(connection, jobs, refund_number)


async def owe_refund_again(connection: Connection, jobs: Jobs, refund_number: str) -> Refund:
    """Within the caller's transaction. Raises NotFound, RefundMade."""
    known = await store_payment.find_refund(connection, refund_number)
    if known is None:
        raise NotFound
    await store_order.hold(connection, known.order_number)
    refunds = await store_payment.hold_refunds(connection, known.order_number)
    refund = next(one for one in refunds if one.number == refund_number)

    refund.owe_again()
    await store_payment.save_refund(connection, refund)
    await jobs.owe_now(connection, "refund", [_job(refund)])
    return refund


async def _ask(gateways: Mapping[str, Gateway], refund: Refund, *, now: datetime) -> str | None:
    """None once the money has gone back. Anything else is trouble, and leaves it unknown."""
    try:
        made = await gateways[refund.gateway].refund(refund, now=now)
    except GatewayRefusal as refusal:
        return refusal.reason
    except (Unreachable, UntrustedAnswer) as refusal:
        return refusal.code
    return None if made else "refund_pending"


async def _end(connection: Connection, order: Order, refunds: list[Refund], *, now: datetime) -> None:
    if order.status is OrderStatus.REFUNDING and all(one.status is RefundStatus.DONE for one in refunds):
        order.end_refund(now=now)
        await store_order.save(connection, order)


async def _fail(connection: Connection, refund: Refund, trouble: str, *, now: datetime) -> None:
    refund.fail(trouble, tries_max=len(REFUND_LADDER))
    if refund.status is RefundStatus.STUCK:
        await raise_alarm(connection, "refund_stuck", about=refund.number, detail=trouble, now=now)


def _job(refund: Refund) -> dict[str, object]:
    return {"refund_number": refund.number, "lock": refund.order_number}
