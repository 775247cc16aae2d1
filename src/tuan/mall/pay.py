"""Money arrives: from a notify, or from our own question; `apply_payment` is the only way to paid."""

import asyncio
from datetime import datetime

import structlog

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import NotFound, Unreachable
from tuan.kernel.jobs import Jobs
from tuan.mall import store_ledger, store_order, store_payment
from tuan.mall.alarm import raise_alarm
from tuan.mall.gateways.gateway import Gateway, GatewayRefusal, UntrustedAnswer
from tuan.mall.ledger import money_in
from tuan.mall.notify import UntrustedNotify, Verdict
from tuan.mall.order import Order, OrderKind, OrderStatus
from tuan.mall.payment import AnotherTrade, PaymentStatus, Receipt, ToldBy, UnknownPayment
from tuan.mall.refund import owe_refund

PATIENCE_SECONDS = 4.0  # A buyer waits; the notify, or our next question, will tell as well.
log = structlog.get_logger()


async def apply_payment(
    connection: Connection, jobs: Jobs, receipt: Receipt, *, told_by: ToldBy, now: datetime
) -> Verdict:
    """Within the caller's transaction: PAID, or REPEATED; or LATE_MONEY and AMOUNT_DIFFERS, which are
    recorded and owed back; or ANOTHER_TRADE, which changes nothing.

    Raises UnknownPayment.
    """
    known = await store_payment.find(connection, receipt.payment_number)
    if known is None:
        raise UnknownPayment
    order = await store_order.hold(connection, known.order_number)
    payment = await store_payment.hold(connection, known.number)
    try:
        if not payment.is_news(receipt):
            return Verdict.REPEATED
    except AnotherTrade:
        return Verdict.ANOTHER_TRADE

    payment.receive(receipt, told_by=told_by)
    await store_payment.save(connection, payment)
    await store_ledger.book(connection, money_in(payment, receipt), now=now)
    if payment.status is PaymentStatus.PAID and order.status is OrderStatus.AWAITING_PAYMENT:
        order.pay(paid_at=receipt.paid_at)
        await store_order.save(connection, order)
        await jobs.owe(connection, _next_job(order), [{"order_number": order.number, "lock": order.number}])
        return Verdict.PAID

    # An order that lives on another payment stays where it is: only this money goes back.
    if order.status is OrderStatus.CLOSED:
        order.begin_refund(now=now)
        await store_order.save(connection, order)
    if receipt.amount_fen != payment.amount_fen:
        await owe_refund(connection, jobs, order, payment, reason="付款金额与订单不符，原路退回", now=now)
        return Verdict.AMOUNT_DIFFERS
    await owe_refund(connection, jobs, order, payment, reason="款项到账时已无需支付，原路退回", now=now)
    return Verdict.LATE_MONEY


async def take_notify(
    pool: Pool, jobs: Jobs, gateway: Gateway, raw: bytes, *, now: datetime, replay_of: str | None = None
) -> Verdict:
    """Every notify is kept with what we made of it, in the transaction that acts on it."""
    async with transaction(pool) as connection:
        verdict, payment_number = await _judge(connection, jobs, gateway, raw, now=now)
        await store_payment.log_notify(
            connection,
            gateway=gateway.name,
            payment_number=payment_number,
            verdict=verdict,
            raw=raw,
            replay_of=replay_of,
            now=now,
        )
        await _alarm(connection, verdict, payment_number, told_by=ToldBy.NOTIFY, now=now)

    tell = log.info if verdict.accepted else log.warning
    tell("notify", gateway=gateway.name, payment=payment_number, verdict=verdict)
    return verdict


async def replay_notify(
    pool: Pool, jobs: Jobs, gateway: Gateway, notify_id: str, *, now: datetime
) -> Verdict:
    """Judge once more what a gateway told us, as if it came now. Raises NotFound."""
    async with transaction(pool) as connection:
        raw = await store_payment.raw_notify(connection, notify_id, gateway=gateway.name)
    if raw is None:
        raise NotFound
    return await take_notify(pool, jobs, gateway, raw, now=now, replay_of=notify_id)


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
    except (UntrustedNotify, UntrustedAnswer, GatewayRefusal, Unreachable) as refusal:
        log.warning("return_not_applied", payment=payment_number, why=refusal.code)
    return payment.order_number


async def ask_gateway(
    pool: Pool, jobs: Jobs, gateway: Gateway, payment_number: str, *, now: datetime
) -> None:
    """Raises what Gateway.query raises, UnknownPayment."""
    trade = await gateway.query(payment_number, now=now)
    if trade.receipt is not None:
        await take_receipt(pool, jobs, trade.receipt, now=now)


async def take_receipt(pool: Pool, jobs: Jobs, receipt: Receipt, *, now: datetime) -> Verdict:
    """What the gateway answered when we asked. Raises UnknownPayment."""
    async with transaction(pool) as connection:
        verdict = await apply_payment(connection, jobs, receipt, told_by=ToldBy.QUERY, now=now)
        await _alarm(connection, verdict, receipt.payment_number, told_by=ToldBy.QUERY, now=now)
    return verdict


async def _judge(
    connection: Connection, jobs: Jobs, gateway: Gateway, raw: bytes, *, now: datetime
) -> tuple[Verdict, str | None]:
    try:
        notice = gateway.read_notify(raw)
    except UntrustedNotify as refusal:
        return refusal.verdict, None

    payment = await store_payment.find(connection, notice.payment_number)
    objection = notice.objection(payment)
    wrong_amount_is_ours = objection is Verdict.AMOUNT_DIFFERS and notice.brings_us_money
    if payment is None or (objection is not None and not wrong_amount_is_ours):
        return objection or Verdict.UNKNOWN_PAYMENT, notice.payment_number
    receipt = notice.receipt(payment, now=now)
    verdict = await apply_payment(connection, jobs, receipt, told_by=ToldBy.NOTIFY, now=now)
    return verdict, notice.payment_number


async def _alarm(
    connection: Connection, verdict: Verdict, payment_number: str | None, *, told_by: ToldBy, now: datetime
) -> None:
    if verdict.is_alarming:
        await raise_alarm(
            connection, verdict, about=payment_number or "", detail=f"told by {told_by}", now=now
        )


def _next_job(order: Order) -> str:
    return "settle" if order.kind is OrderKind.GROUP else "fulfil"
