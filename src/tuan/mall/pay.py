"""Money arrives: from a notify, or from our own question; `apply_payment` is the only way to paid."""

import asyncio
from datetime import datetime

import structlog

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import Unreachable
from tuan.kernel.jobs import Jobs
from tuan.mall import store_order, store_payment
from tuan.mall.gateways.gateway import Gateway, GatewayRefusal, UntrustedAnswer
from tuan.mall.notify import UntrustedNotify, Verdict
from tuan.mall.order import Order, OrderKind, OrderStatus
from tuan.mall.payment import AmountDiffers, AnotherTrade, PaymentStatus, Receipt, UnknownPayment
from tuan.mall.refund import owe_refund

PATIENCE_SECONDS = 4.0  # A buyer waits; the notify, or our next question, will tell as well.
log = structlog.get_logger()


async def apply_payment(connection: Connection, jobs: Jobs, receipt: Receipt, *, now: datetime) -> Verdict:
    """Within the caller's transaction: PAID, REPEATED, or LATE_MONEY, which is recorded and owed back.

    Raises UnknownPayment, AmountDiffers, AnotherTrade; then nothing has changed.
    """
    known = await store_payment.find(connection, receipt.payment_number)
    if known is None:
        raise UnknownPayment
    order = await store_order.hold(connection, known.order_number)
    payment = await store_payment.hold(connection, known.number)
    if not payment.is_news(receipt):
        return Verdict.REPEATED

    in_time = payment.status is PaymentStatus.OPEN and order.status is OrderStatus.AWAITING_PAYMENT
    payment.receive(receipt)
    await store_payment.save(connection, payment)
    if not in_time:
        # An order that lives on another payment stays where it is: only this money goes back.
        if order.status is OrderStatus.CLOSED:
            order.begin_refund(now=now)
            await store_order.save(connection, order)
        await owe_refund(connection, jobs, payment, reason="款项到账时已无需支付，原路退回", now=now)
        return Verdict.LATE_MONEY

    order.pay(paid_at=receipt.paid_at)
    await store_order.save(connection, order)
    await jobs.owe(connection, _next_job(order), [{"order_number": order.number, "lock": order.number}])
    return Verdict.PAID


async def take_notify(pool: Pool, jobs: Jobs, gateway: Gateway, raw: bytes, *, now: datetime) -> Verdict:
    """Every notify is kept with what we made of it, in the transaction that acts on it."""
    async with transaction(pool) as connection:
        verdict, payment_number = await _judge(connection, jobs, gateway, raw, now=now)
        await store_payment.log_notify(
            connection,
            gateway=gateway.name,
            payment_number=payment_number,
            verdict=verdict,
            raw=raw,
            now=now,
        )

    tell = log.info if verdict.accepted else log.warning
    tell("notify", gateway=gateway.name, payment=payment_number, verdict=verdict)
    return verdict


async def take_return(
    pool: Pool, jobs: Jobs, gateway: Gateway, payment_number: str, query: bytes, *, now: datetime
) -> str:
    """The number of the order to show to a buyer who comes back. Their word proves nothing: we ask.

    Raises UnknownPayment.
    """
    async with transaction(pool) as connection:
        payment = await store_payment.find(connection, payment_number)
    if payment is None:
        raise UnknownPayment

    try:
        if gateway.read_return(query) == payment_number:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await ask_gateway(pool, jobs, gateway, payment_number, now=now)
    except TimeoutError:
        log.warning("return_not_applied", payment=payment_number, why="timeout")
    except (
        UntrustedNotify,
        UntrustedAnswer,
        GatewayRefusal,
        Unreachable,
        AmountDiffers,
        AnotherTrade,
    ) as refusal:
        log.warning("return_not_applied", payment=payment_number, why=refusal.code)
    return payment.order_number


async def ask_gateway(
    pool: Pool, jobs: Jobs, gateway: Gateway, payment_number: str, *, now: datetime
) -> None:
    """Raises what Gateway.query raises, UnknownPayment, AmountDiffers, AnotherTrade."""
    trade = await gateway.query(payment_number, now=now)
    if trade.receipt is None:
        return
    async with transaction(pool) as connection:
        await apply_payment(connection, jobs, trade.receipt, now=now)


async def _judge(
    connection: Connection, jobs: Jobs, gateway: Gateway, raw: bytes, *, now: datetime
) -> tuple[Verdict, str | None]:
    try:
        notice = gateway.read_notify(raw)
    except UntrustedNotify as refusal:
        return refusal.verdict, None

    payment = await store_payment.find(connection, notice.payment_number)
    objection = notice.objection(payment)
    if objection is not None or payment is None:
        return objection or Verdict.UNKNOWN_PAYMENT, notice.payment_number
    try:
        verdict = await apply_payment(connection, jobs, notice.receipt(payment, now=now), now=now)
    except AnotherTrade:
        verdict = Verdict.ANOTHER_TRADE
    return verdict, notice.payment_number


def _next_job(order: Order) -> str:
    return "settle" if order.kind is OrderKind.GROUP else "fulfil"
