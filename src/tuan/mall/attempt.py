"""Which payment a buyer is to make, through which gateway, and how they get there.

An order has one open attempt at most. The next one is opened once the last is closed at its gateway, so
that two payments can never both be kept.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from tuan.kernel.db import Pool, transaction
from tuan.kernel.jobs import Jobs
from tuan.mall import store_order, store_payment
from tuan.mall.close import ENDED, end_trade, note_trade
from tuan.mall.gateways.gateway import Gateway, GatewayRefusal, PaymentCode, PaymentForm
from tuan.mall.order import Order, OrderStatus
from tuan.mall.payment import ATTEMPTS_MAX, HoldEnded, Payment, PaymentStatus, new_payment, pay_until


async def payment_to_make(
    pool: Pool, number: str, *, pay_within: timedelta, now: datetime, gateway: str | None = None
) -> Payment | None:
    """None when the order waits for no payment, or there is no time left to make one.

    A new attempt goes through `gateway`; without one, where the last went.
    """
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, number)
        attempts = await store_payment.hold_all(connection, number)
        if order.status is not OrderStatus.AWAITING_PAYMENT:
            return None
        if still_open := _open_of(attempts):
            return still_open

        try:
            payment = _next_attempt(order, attempts, gateway=gateway, pay_within=pay_within, now=now)
        except HoldEnded:
            return None
        await store_payment.add(connection, payment)
        return payment


async def switch_gateway(
    pool: Pool,
    jobs: Jobs,
    gateways: Mapping[str, Gateway],
    number: str,
    *,
    gateway: str,
    pay_within: timedelta,
    now: datetime,
) -> Payment | None:
    """Pay through this gateway from now on: what is open at another one is closed there first.

    The payment to make is that of `payment_to_make`. Raises HoldEnded when there is no time for another
    attempt; Unreachable, GatewayRefusal or UntrustedAnswer when it is unknown whether the open one is
    closed. Then that one stays.
    """
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, number)
        attempts = await store_payment.hold_all(connection, number)
    still_open = _open_of(attempts)
    if still_open is not None and still_open.gateway != gateway:
        _next_attempt(order, attempts, gateway=gateway, pay_within=pay_within, now=now)
        trade = await end_trade(gateways[still_open.gateway], still_open.number, now=now)
        await note_trade(pool, jobs, still_open, trade, now=now)
    return await payment_to_make(pool, number, pay_within=pay_within, now=now, gateway=gateway)


async def way_to_pay(
    pool: Pool,
    jobs: Jobs,
    gateways: Mapping[str, Gateway],
    payment: Payment,
    *,
    subject: str,
    mobile: bool,
    now: datetime,
) -> PaymentForm | PaymentCode | None:
    """None when the gateway says that it is over: paid, or closed. That is then written down.

    Raises Unreachable, GatewayRefusal, UntrustedAnswer.
    """
    gateway = gateways[payment.gateway]
    try:
        return await gateway.open(payment, subject=subject, mobile=mobile, now=now)
    except GatewayRefusal:
        trade = await gateway.query(payment.number, now=now)
        if trade.status not in ENDED:
            raise
    await note_trade(pool, jobs, payment, trade, now=now)
    return None


def _open_of(attempts: Sequence[Payment]) -> Payment | None:
    return next((one for one in attempts if one.status is PaymentStatus.OPEN), None)


def _next_attempt(
    order: Order, made: Sequence[Payment], *, gateway: str | None, pay_within: timedelta, now: datetime
) -> Payment:
    """Under a number of its own, for a gateway opens none twice. Raises HoldEnded."""
    if len(made) >= ATTEMPTS_MAX:
        raise HoldEnded
    return new_payment(
        number=f"{order.number}_{len(made) + 1}",
        order_number=order.number,
        gateway=gateway or made[-1].gateway,
        amount_fen=order.payable_fen,
        expires_at=pay_until(now=now, pay_within=pay_within, hold_until=order.hold_until),
        now=now,
    )
