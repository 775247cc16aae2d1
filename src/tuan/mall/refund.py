"""Money goes back: owed in the transaction that finds it must, done when the gateway says it happened."""

from datetime import datetime

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import Refusal
from tuan.kernel.jobs import Jobs
from tuan.mall import store_order, store_payment
from tuan.mall.gateways.gateway import Gateway
from tuan.mall.order import OrderStatus
from tuan.mall.payment import Payment, RefundStatus, full_refund

# Seconds between tries. The first is three, the least Alipay asks for between two refunds of one
# trade; the last come daily, because money is owed for as long as it takes.
REFUND_LADDER = (3, 10, 30, 60, 300, 900, 3600, *[4 * 3600] * 12, *[24 * 3600] * 28)


class RefundPending(Refusal):
    """The gateway has accepted this refund, and not yet made it."""

    code = "refund_pending"


async def owe_refund(
    connection: Connection, jobs: Jobs, payment: Payment, *, reason: str, now: datetime
) -> None:
    """Within the caller's transaction, which holds the order and the payment."""
    refund = full_refund(payment, reason=reason, now=now)
    await store_payment.owe_refund(connection, refund)
    await jobs.owe(connection, "refund", [{"refund_number": refund.number, "lock": payment.order_number}])


async def make_refund(pool: Pool, gateway: Gateway, *, refund_number: str, now: datetime) -> None:
    """Safe to repeat: the gateway gets the same refund number each time.

    Raises RefundPending, and what Gateway.refund raises, so that the job is tried again.
    """
    async with transaction(pool) as connection:
        refund = await store_payment.find_refund(connection, refund_number)
    if refund is None or refund.status is RefundStatus.DONE:
        return

    if not await gateway.refund(refund, now=now):
        raise RefundPending

    async with transaction(pool) as connection:
        order = await store_order.hold(connection, refund.order_number)
        refunds = await store_payment.hold_refunds(connection, order.number)
        for owed in refunds:
            if owed.number == refund_number and owed.status is RefundStatus.OWED:
                owed.finish(now=now)
                await store_payment.save_refund(connection, owed)
        if order.status is OrderStatus.REFUNDING and all(one.status is RefundStatus.DONE for one in refunds):
            order.end_refund(now=now)
            await store_order.save(connection, order)
