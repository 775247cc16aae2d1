"""Which payment a buyer is to make: the open one, or another attempt when the gateway closed the last."""

from datetime import datetime

from tuan.kernel.db import Pool, transaction
from tuan.mall import store_order, store_payment
from tuan.mall.checkout import PaymentTerms
from tuan.mall.order import Order, OrderStatus
from tuan.mall.payment import ATTEMPTS_MAX, HoldEnded, Payment, PaymentStatus, new_payment, pay_until


async def payment_to_make(pool: Pool, number: str, *, terms: PaymentTerms, now: datetime) -> Payment | None:
    """None when the order waits for no payment, or there is no time left to make one."""
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, number)
        attempts = await store_payment.hold_all(connection, number)
        if order.status is not OrderStatus.AWAITING_PAYMENT:
            return None
        if still_open := [one for one in attempts if one.status is PaymentStatus.OPEN]:
            return still_open[0]

        try:
            payment = _next_attempt(order, len(attempts), terms=terms, now=now)
        except HoldEnded:
            return None
        await store_payment.add(connection, payment)
        return payment


def _next_attempt(order: Order, made: int, *, terms: PaymentTerms, now: datetime) -> Payment:
    """Under a number of its own, for the gateway opens none twice. Raises HoldEnded."""
    if made >= ATTEMPTS_MAX:
        raise HoldEnded
    return new_payment(
        number=f"{order.number}_{made + 1}",
        order_number=order.number,
        gateway=terms.gateway,
        amount_fen=order.payable_fen,
        expires_at=pay_until(now=now, pay_within=terms.pay_within, hold_until=order.hold_until),
        now=now,
    )
