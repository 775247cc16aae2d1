"""Money arrives: from a notify, or from our own question; `apply_payment` is the only way to paid."""

import asyncio
from datetime import datetime

import structlog

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import NotFound, Unreachable
from tuan.kernel.jobs import Jobs
from tuan.mall import store_allowance, store_ledger, store_order, store_payment
from tuan.mall.alarm import raise_alarm
from tuan.mall.allowance import FORGERIES
from tuan.mall.gateways.gateway import Gateway, GatewayRefusal, Trade, UntrustedAnswer
from tuan.mall.ledger import money_in
from tuan.mall.notify import Notice, RawNotify, UntrustedNotify, Verdict
from tuan.mall.order import Order, OrderKind, OrderStatus
from tuan.mall.payment import AnotherTrade, Payment, PaymentStatus, Receipt, ToldBy, UnknownPayment
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
    pool: Pool,
    jobs: Jobs,
    gateway: Gateway,
    notify: RawNotify,
    *,
    sender: str,
    now: datetime,
    replay_of: str | None = None,
) -> Verdict:
    """Every notify is kept with what we made of it, in the transaction that acts on it. Raises TooOften for
    another forgery by a sender of many: the genuine are never too many, whoever else sends from there."""
    read = await _read(gateway, notify, now=now)
    async with transaction(pool) as connection:
        verdict, payment_number = await _judge(connection, jobs, gateway, read, now=now)
        if not verdict.is_genuine:
            await store_allowance.take(connection, FORGERIES, who=sender, now=now)
        await store_payment.log_notify(
            connection,
            notify,
            gateway=gateway.name,
            payment_number=payment_number,
            verdict=verdict,
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
    """Judge once more what a gateway told us when it came. Raises NotFound."""
    async with transaction(pool) as connection:
        found = await store_payment.raw_notify(connection, notify_id, gateway=gateway.name)
    if found is None:
        raise NotFound
    first_id, notify = found
    return await take_notify(pool, jobs, gateway, notify, sender=first_id, now=now, replay_of=first_id)


async def take_return(
    pool: Pool, jobs: Jobs, gateway: Gateway, payment_number: str, query: bytes, *, now: datetime
) -> str:
    """The number of the order to show to a buyer who comes back. Their word proves nothing: we ask, unless
    the notify was here first.

    Raises UnknownPayment.
    """
    async with transaction(pool) as connection:
        payment = await store_payment.find(connection, payment_number)
    if payment is None or payment.gateway != gateway.name:
        raise UnknownPayment
    if payment.status is PaymentStatus.PAID:
        return payment.order_number

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
) -> Trade:
    """The trade as it stands, once what it brought is taken in.

    Raises what Gateway.query raises, UnknownPayment.
    """
    trade = await gateway.query(payment_number, now=now)
    if trade.receipt is not None:
        await take_receipt(pool, jobs, trade.receipt, now=now)
    return trade


async def take_receipt(pool: Pool, jobs: Jobs, receipt: Receipt, *, now: datetime) -> Verdict:
    """What the gateway answered when we asked. Raises UnknownPayment."""
    async with transaction(pool) as connection:
        verdict = await apply_payment(connection, jobs, receipt, told_by=ToldBy.QUERY, now=now)
        await _alarm(connection, verdict, receipt.payment_number, told_by=ToldBy.QUERY, now=now)
    return verdict


async def _read(gateway: Gateway, notify: RawNotify, *, now: datetime) -> Notice | Verdict:
    """With no transaction open: for a key it does not have yet, the gateway is asked."""
    try:
        return await gateway.read_notify(notify, now=now)
    except UntrustedNotify as refusal:
        return refusal.verdict


async def _judge(
    connection: Connection, jobs: Jobs, gateway: Gateway, notice: Notice | Verdict, *, now: datetime
) -> tuple[Verdict, str | None]:
    if isinstance(notice, Verdict):
        return notice, None

    payment = await store_payment.find(connection, notice.payment_number)
    if payment is not None and payment.gateway != gateway.name:
        payment = None
    objection = notice.objection(payment)
    if payment is not None and objection is Verdict.AMOUNT_DIFFERS and notice.brings_us_money:
        await _ask_at_once(connection, payment, now=now)
    if payment is None or objection is not None:
        return objection or Verdict.UNKNOWN_PAYMENT, notice.payment_number
    receipt = notice.receipt(payment, now=now)
    verdict = await apply_payment(connection, jobs, receipt, told_by=ToldBy.NOTIFY, now=now)
    return verdict, notice.payment_number


async def _ask_at_once(connection: Connection, doubted: Payment, *, now: datetime) -> None:
    """What we did not ask for is recorded, and goes back, only as the gateway answers us to our face."""
    await store_order.hold(connection, doubted.order_number)
    payment = await store_payment.hold(connection, doubted.number)
    if payment.paid_at is None:
        payment.ask_at = now
        await store_payment.save(connection, payment)


async def _alarm(
    connection: Connection, verdict: Verdict, payment_number: str | None, *, told_by: ToldBy, now: datetime
) -> None:
    if verdict.is_alarming:
        await raise_alarm(
            connection, verdict, about=payment_number or "", detail=f"told by {told_by}", now=now
        )


def _next_job(order: Order) -> str:
    return "settle" if order.kind is OrderKind.GROUP else "fulfil"
