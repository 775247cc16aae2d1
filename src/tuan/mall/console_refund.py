"""Refunds over HTTP: looked at and tried again; and the large ones, which a second operator decides."""

from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.db import transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.shapes import (
    PAGE,
    After,
    AnyReasonBody,
    Limit,
    Moment,
    ReasonBody,
    cut,
)
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Id
from tuan.mall import pay_back, store_console_money, store_refund_request
from tuan.mall.by_hand import refund_by_hand
from tuan.mall.console_guard import Looker, Payer, deed_of
from tuan.mall.payment import Refund, RefundStatus
from tuan.mall.refund_request import RefundRequest, RequestStatus
from tuan.mall.store_console_money import REFUNDS, RefundFilter
from tuan.mall.visitor import Here


class RefundRecordView(BaseModel):
    """`trouble` is why the last try failed, in the gateway's own word."""

    number: str
    order_number: str
    payment_number: str
    gateway: str
    amount_fen: int
    reason: str
    status: RefundStatus
    created_at: AwareDatetime
    done_at: AwareDatetime | None
    tries: int
    trouble: str | None

    @classmethod
    def of(cls, refund: Refund) -> Self:
        return cls(
            number=refund.number,
            order_number=refund.order_number,
            payment_number=refund.payment_number,
            gateway=refund.gateway,
            amount_fen=refund.amount_fen,
            reason=refund.reason,
            status=refund.status,
            created_at=refund.created_at,
            done_at=refund.done_at,
            tries=refund.tries,
            trouble=refund.trouble,
        )


class RefundRecordPage(BaseModel):
    items: list[RefundRecordView]
    next_cursor: str | None


class RefundRequestView(BaseModel):
    id: str
    order_number: str
    amount_fen: int
    reason: str
    status: RequestStatus
    asked_by: str
    asked_by_name: str
    asked_at: AwareDatetime
    expires_at: AwareDatetime
    decided_by: str | None
    decided_by_name: str | None
    decided_at: AwareDatetime | None

    @classmethod
    def of(cls, request: RefundRequest, *, now: AwareDatetime) -> Self:
        return cls(
            id=request.id,
            order_number=request.order_number,
            amount_fen=request.amount_fen,
            reason=request.reason,
            status=request.status_at(now),
            asked_by=request.asked_by,
            asked_by_name=request.asked_by_name,
            asked_at=request.asked_at,
            expires_at=request.expires_at,
            decided_by=request.decided_by,
            decided_by_name=request.decided_by_name,
            decided_at=request.decided_at,
        )


class RefundRequestPage(BaseModel):
    items: list[RefundRequestView]
    next_cursor: str | None


async def refund_filter(
    status: RefundStatus | None = None,
    gateway: Id | None = None,
    order_number: Id | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> RefundFilter:
    return RefundFilter(status=status, gateway=gateway, order_number=order_number, since=since, until=until)


router = APIRouter()


@router.get("/refunds")
async def list_refunds(
    doors: Here,
    _: Looker,
    wanted: Annotated[RefundFilter, Depends(refund_filter)],
    sort: Sort = "-created",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> RefundRecordPage:
    """By `created`, `done`, `amount` or `tries`; `since` and `until` are about when it was owed."""
    turn = REFUNDS.turn(sort, cursor)
    async with transaction(doors.console_pool) as connection:
        rows = await store_console_money.refunds(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return RefundRecordPage(
        items=[RefundRecordView.of(refund) for refund in page],
        next_cursor=REFUNDS.cursor(sort, last) if last else None,
    )


@router.post("/refunds/{refund_number}/retry")
async def retry(refund_number: Id, body: AnyReasonBody, doors: Here, operator: Payer) -> RefundRecordView:
    """Try it now, and from the start of the ladder, under the number it has: the money goes back once."""
    deed = deed_of(operator, doors, reason=body.reason)
    return RefundRecordView.of(
        await refund_by_hand(doors.console_pool, doors.jobs, refund_number=refund_number, deed=deed)
    )


@router.get("/refund-requests")
async def list_refund_requests(
    doors: Here,
    _: Looker,
    status: RequestStatus | None = None,
    order_number: Id | None = None,
    cursor: After = None,
    limit: Limit = PAGE,
) -> RefundRequestPage:
    """Refunds that one operator asked for and another decides; the newest first."""
    now = doors.clock()
    async with transaction(doors.console_pool) as connection:
        rows = await store_refund_request.newest(
            connection, status=status, order_number=order_number, now=now, after=cursor, limit=limit + 1
        )
    page, last = cut(rows, limit)
    return RefundRequestPage(
        items=[RefundRequestView.of(request, now=now) for request in page],
        next_cursor=last.id if last else None,
    )


@router.get("/refund-requests/{request_id}")
async def read_refund_request(request_id: Id, doors: Here, _: Looker) -> RefundRequestView:
    async with transaction(doors.console_pool) as connection:
        request = await store_refund_request.find(connection, request_id)
    if request is None:
        raise NotFound("There is no such request.")
    return RefundRequestView.of(request, now=doors.clock())


@router.put("/refund-requests/{request_id}/approval")
async def approve_refund(
    request_id: Id, body: AnyReasonBody, doors: Here, operator: Payer
) -> RefundRequestView:
    """By another operator than the one who asked. The money goes back from here on."""
    deed = deed_of(operator, doors, reason=body.reason)
    request = await pay_back.approve(doors.console_pool, doors.jobs, request_id, deed=deed)
    return RefundRequestView.of(request, now=deed.at)


@router.put("/refund-requests/{request_id}/refusal")
async def refuse_refund(request_id: Id, body: ReasonBody, doors: Here, operator: Payer) -> RefundRequestView:
    """By another operator than the one who asked."""
    deed = deed_of(operator, doors, reason=body.reason)
    request = await pay_back.refuse(doors.console_pool, request_id, deed=deed)
    return RefundRequestView.of(request, now=deed.at)
