"""An order that is not paid for closes: the gateway's trade first, then the seat, then the order.

In that order no money can come for a seat that somebody else has taken. An answer we do not get changes
nothing, and is asked for again.
"""

from collections.abc import Mapping
from datetime import datetime

import structlog

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import Refusal, Unreachable
from tuan.kernel.jobs import Jobs
from tuan.mall import store_order, store_payment
from tuan.mall.gateways.gateway import Gateway, GatewayRefusal, Trade, TradeStatus, UntrustedAnswer
from tuan.mall.market_client import MarketClient, MarketRefusal
from tuan.mall.order import AlreadyPaid, Order, OrderCancelled, OrderKind, OrderMovedOn, OrderStatus
from tuan.mall.pay import take_receipt
from tuan.mall.payment import Payment, PaymentStatus

Gateways = Mapping[str, Gateway]

ENDED = frozenset({TradeStatus.PAID, TradeStatus.CLOSED})
log = structlog.get_logger()


async def cancel_order(
    pool: Pool, jobs: Jobs, gateways: Gateways, market: MarketClient, *, order_number: str, now: datetime
) -> Order:
    """The buyer wants it no more. Cancelling again returns the order as it is.

    Raises AlreadyPaid, OrderMovedOn; Unreachable when the gateway's answer, or the market's, leaves it
    unknown: then the order has not changed.
    """
    try:
        order = await close_unpaid(pool, jobs, gateways, market, order_number=order_number, now=now)
    except (GatewayRefusal, UntrustedAnswer, MarketRefusal) as refusal:
        log.warning("not_cancelled", order=order_number, why=refusal.code)
        raise Unreachable from refusal
    if order.status is OrderStatus.CLOSED:
        return order
    if order.paid_at is not None:
        raise AlreadyPaid
    raise OrderMovedOn


async def close_unpaid(
    pool: Pool, jobs: Jobs, gateways: Gateways, market: MarketClient, *, order_number: str, now: datetime
) -> Order:
    """Close it now, though its cashier may still be open. Safe to repeat; a paid order stays as it is.

    Raises Unreachable, GatewayRefusal, UntrustedAnswer, MarketRefusal.
    """
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, order_number)
        payment = (await store_payment.open_of(connection, [order_number])).get(order_number)
        if order.status is OrderStatus.CREATED:
            await abandon(connection, jobs, order, OrderCancelled(), now=now)
    if payment is not None:
        trade = await end_trade(gateways[payment.gateway], payment.number, now=now)
        await note_trade(pool, jobs, payment, trade, now=now)
    return await finish_closing(pool, market, order_number=order_number, now=now)


async def abandon(
    connection: Connection, jobs: Jobs, order: Order, refusal: Refusal, *, now: datetime
) -> None:
    """Within the caller's transaction: close an order that has no payment, and owe the seat it may have."""
    order.refuse(refusal, now=now)
    await store_order.save(connection, order)
    if order.kind is OrderKind.GROUP:
        await jobs.owe(connection, "release", [{"order_number": order.number, "lock": order.number}])


async def note_trade(pool: Pool, jobs: Jobs, payment: Payment, trade: Trade, *, now: datetime) -> None:
    """A trade that nobody can pay any more: its money is taken in, or it is closed here too."""
    if trade.receipt is not None:
        await take_receipt(pool, jobs, trade.receipt, now=now)
        return

    async with transaction(pool) as connection:
        await store_order.hold(connection, payment.order_number)
        held = await store_payment.hold(connection, payment.number)
        if held.status is PaymentStatus.OPEN:
            held.close()
            await store_payment.save(connection, held)


async def end_trade(gateway: Gateway, payment_number: str, *, now: datetime) -> Trade:
    """Paid or closed; or absent, when nobody came to the cashier, which may be entered until it expires.

    Raises Unreachable, GatewayRefusal, UntrustedAnswer: then it is unknown.
    """
    trade = await gateway.query(payment_number, now=now)
    if trade.status in ENDED:
        return trade

    try:
        await gateway.close(payment_number, now=now)
    except GatewayRefusal:
        # It is no longer what it was a moment ago: the buyer was faster, or the time.
        again = await gateway.query(payment_number, now=now)
        if again.status in ENDED:
            return again
        raise
    return trade if trade.status is TradeStatus.ABSENT else Trade(status=TradeStatus.CLOSED)


async def finish_closing(pool: Pool, market: MarketClient, *, order_number: str, now: datetime) -> Order:
    """Nobody can pay: give the seat back, then close the order. An order that lives on is left alone.

    Raises Unreachable, MarketRefusal: then the order stays, and this is tried again.
    """
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, order_number)
        is_over = await _is_over(connection, order)
    if not is_over:
        return order

    if order.kind is OrderKind.GROUP:
        await release_seat(market, order_number=order_number)
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, order_number)
        if await _is_over(connection, order):
            order.close(now=now)
            await store_order.save(connection, order)
    return order


async def release_seat(market: MarketClient, *, order_number: str) -> None:
    """Safe to repeat, and for a seat that was never held. Raises Unreachable, MarketRefusal."""
    try:
        await market.release(out_trade_no=order_number)
    except MarketRefusal as refusal:
        if refusal.code != "not_found":
            raise


async def _is_over(connection: Connection, order: Order) -> bool:
    payments = await store_payment.hold_all(connection, order.number)
    waits = any(payment.status is PaymentStatus.OPEN for payment in payments)
    return order.status is OrderStatus.AWAITING_PAYMENT and not waits
