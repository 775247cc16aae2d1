"""Payments and what gateways told us of them, over HTTP: looked at, asked about, judged once more."""

from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.db import transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.shapes import PAGE, AnyReasonBody, Limit, Moment, cut
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Id
from tuan.mall import store_console_money, store_payment
from tuan.mall.by_hand import ask_by_hand, replay_by_hand
from tuan.mall.console_guard import Looker, Server, deed_of
from tuan.mall.gateways.gateway import TradeStatus
from tuan.mall.notify import Verdict
from tuan.mall.notify_shown import shown
from tuan.mall.payment import Payment, PaymentStatus, ToldBy
from tuan.mall.store_console_money import NOTIFIES, PAYMENTS, Notify, NotifyFilter, PaymentFilter
from tuan.mall.visitor import Here


class PaymentRecordView(BaseModel):
    """`received_fen` is what really came; money on a closed payment came too late, and goes back."""

    number: str
    order_number: str
    gateway: str
    amount_fen: int
    status: PaymentStatus
    opened_at: AwareDatetime
    expires_at: AwareDatetime
    gateway_trade_no: str | None
    paid_at: AwareDatetime | None
    received_fen: int | None
    told_by: ToldBy | None
    ask_at: AwareDatetime | None

    @classmethod
    def of(cls, payment: Payment) -> Self:
        return cls(
            number=payment.number,
            order_number=payment.order_number,
            gateway=payment.gateway,
            amount_fen=payment.amount_fen,
            status=payment.status,
            opened_at=payment.opened_at,
            expires_at=payment.expires_at,
            gateway_trade_no=payment.gateway_trade_no,
            paid_at=payment.paid_at,
            received_fen=payment.received_fen,
            told_by=payment.told_by,
            ask_at=payment.ask_at,
        )


class PaymentRecordPage(BaseModel):
    items: list[PaymentRecordView]
    next_cursor: str | None


class PaymentAnswerView(BaseModel):
    """What the gateway says of a payment, and the payment after that."""

    trade_status: TradeStatus
    payment: PaymentRecordView


class NotifyView(BaseModel):
    id: str
    gateway: str
    received_at: AwareDatetime
    payment_number: str | None
    verdict: Verdict
    replay_of: str | None

    @classmethod
    def of(cls, notify: Notify) -> Self:
        return cls(
            id=notify.id,
            gateway=notify.gateway,
            received_at=notify.received_at,
            payment_number=notify.payment_number,
            verdict=notify.verdict,
            replay_of=notify.replay_of,
        )


class NotifyPage(BaseModel):
    items: list[NotifyView]
    next_cursor: str | None


class NotifyStoryView(BaseModel):
    """`fields` is what came; who paid, and how it was signed, is masked."""

    notify: NotifyView
    fields: dict[str, str]


class VerdictView(BaseModel):
    verdict: Verdict


async def payment_filter(
    status: PaymentStatus | None = None,
    gateway: Id | None = None,
    order_number: Id | None = None,
    gateway_trade_no: Id | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> PaymentFilter:
    return PaymentFilter(
        status=status,
        gateway=gateway,
        order_number=order_number,
        gateway_trade_no=gateway_trade_no,
        since=since,
        until=until,
    )


async def notify_filter(
    gateway: Id | None = None,
    verdict: Verdict | None = None,
    payment_number: Id | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> NotifyFilter:
    return NotifyFilter(
        gateway=gateway, verdict=verdict, payment_number=payment_number, since=since, until=until
    )


router = APIRouter()


@router.get("/payments")
async def list_payments(
    doors: Here,
    _: Looker,
    wanted: Annotated[PaymentFilter, Depends(payment_filter)],
    sort: Sort = "-opened",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> PaymentRecordPage:
    """By `opened`, `paid` or `amount`; `since` and `until` are about when it was opened."""
    turn = PAYMENTS.turn(sort, cursor)
    async with transaction(doors.console_pool) as connection:
        rows = await store_console_money.payments(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return PaymentRecordPage(
        items=[PaymentRecordView.of(payment) for payment in page],
        next_cursor=PAYMENTS.cursor(sort, last) if last else None,
    )


@router.post("/payments/{payment_number}/query")
async def query_payment(
    payment_number: Id, body: AnyReasonBody, doors: Here, operator: Server
) -> PaymentAnswerView:
    """Ask the gateway now. Money it tells of is taken in, as from a notify."""
    deed = deed_of(operator, doors, reason=body.reason)
    status = await ask_by_hand(
        doors.console_pool, doors.jobs, doors.gateways, payment_number=payment_number, deed=deed
    )
    async with transaction(doors.console_pool) as connection:
        payment = await store_payment.find(connection, payment_number)
    if payment is None:
        raise NotFound
    return PaymentAnswerView(trade_status=status, payment=PaymentRecordView.of(payment))


@router.get("/notifies")
async def list_notifies(
    doors: Here,
    _: Looker,
    wanted: Annotated[NotifyFilter, Depends(notify_filter)],
    sort: Sort = "-received",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> NotifyPage:
    """Every word a gateway told us, believed or not; by `received`, `verdict` or `payment`."""
    turn = NOTIFIES.turn(sort, cursor)
    async with transaction(doors.console_pool) as connection:
        rows = await store_console_money.notifies(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return NotifyPage(
        items=[NotifyView.of(notify) for notify in page],
        next_cursor=NOTIFIES.cursor(sort, last) if last else None,
    )


@router.get("/notifies/{notify_id}")
async def read_notify(notify_id: Id, doors: Here, _: Looker) -> NotifyStoryView:
    async with transaction(doors.console_pool) as connection:
        notify = await store_console_money.notify_of(connection, notify_id)
        if notify is None:
            raise NotFound("There is no such notify.")
        found = await store_payment.raw_notify(connection, notify_id, gateway=notify.gateway)
    return NotifyStoryView(notify=NotifyView.of(notify), fields=shown(found[1].body) if found else {})


@router.post("/notifies/{notify_id}/replay")
async def replay_notify(notify_id: Id, body: AnyReasonBody, doors: Here, operator: Server) -> VerdictView:
    """Judge it once more, as if it came now."""
    deed = deed_of(operator, doors, reason=body.reason)
    verdict = await replay_by_hand(
        doors.console_pool, doors.jobs, doors.gateways, notify_id=notify_id, deed=deed
    )
    return VerdictView(verdict=verdict)
