"""Orders over HTTP: found, followed from their first moment, exported, closed by hand, paid back."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Self

import structlog
from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.db import transaction
from tuan.kernel.errors import InvalidRequest, NotFound
from tuan.kernel.shapes import PAGE, Limit, Moment, ReasonBody, cut
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Id
from tuan.mall import pay_back, store_console_money, store_console_order, store_login, store_order
from tuan.mall import store_refund_request as store_request
from tuan.mall.buyer import Buyer
from tuan.mall.by_hand import close_by_hand
from tuan.mall.console_guard import Looker, Payer, Server, deed_of
from tuan.mall.console_payment import PaymentRecordView
from tuan.mall.console_refund import RefundRecordView, RefundRequestView
from tuan.mall.export import export_orders
from tuan.mall.order import Order, OrderKind, OrderStatus
from tuan.mall.store_console_order import ORDERS, Happening, OrderFilter, What
from tuan.mall.visitor import Here

NEWEST = "-created"
EXPORT_DAYS_MAX = 92
log = structlog.get_logger()


class OrderRecordView(BaseModel):
    """`refusal_code` says why an order closed before it was paid for."""

    number: str
    status: OrderStatus
    kind: OrderKind
    buyer_id: str
    buyer_nickname: str
    product_id: str
    product_title: str
    campaign_id: str | None
    team_id: str | None
    list_fen: int
    discount_fen: int
    payable_fen: int
    created_at: AwareDatetime
    paid_at: AwareDatetime | None
    settled_at: AwareDatetime | None
    ready_at: AwareDatetime | None
    fulfilled_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    refund_asked_at: AwareDatetime | None
    refund_reason: str | None
    refunding_at: AwareDatetime | None
    refunded_at: AwareDatetime | None
    refusal_code: str | None

    @classmethod
    def of(cls, order: Order, people: Mapping[str, Buyer]) -> Self:
        return cls.model_validate(asdict(order) | {"buyer_nickname": people[order.buyer_id].nickname})


class OrderRecordPage(BaseModel):
    items: list[OrderRecordView]
    next_cursor: str | None


class HappeningView(BaseModel):
    """`detail` is a word of ours: a verdict, a refusal's code, the gateway's trouble, a deed's action."""

    at: AwareDatetime
    what: What
    about: str | None
    amount_fen: int | None
    detail: str | None
    reason: str | None
    by: str | None

    @classmethod
    def of(cls, happening: Happening) -> Self:
        return cls(
            at=happening.at,
            what=happening.what,
            about=happening.about,
            amount_fen=happening.amount_fen,
            detail=happening.detail,
            reason=happening.reason,
            by=happening.by,
        )


class OrderStoryView(BaseModel):
    order: OrderRecordView
    payments: list[PaymentRecordView]
    refunds: list[RefundRecordView]
    refund_requests: list[RefundRequestView]
    delivered_at: AwareDatetime | None
    timeline: list[HappeningView]


class PaidBackView(BaseModel):
    """Paid back, or waiting for a second operator: then `request` says where that stands."""

    order: OrderRecordView
    request: RefundRequestView | None


async def order_filter(
    status: OrderStatus | None = None,
    kind: OrderKind | None = None,
    number: Id | None = None,
    buyer_id: Id | None = None,
    team_id: Id | None = None,
    product_id: Id | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> OrderFilter:
    return OrderFilter(
        status=status,
        kind=kind,
        number=number,
        buyer_id=buyer_id,
        team_id=team_id,
        product_id=product_id,
        since=since,
        until=until,
    )


Wanted = Annotated[OrderFilter, Depends(order_filter)]
router = APIRouter()


@router.get("/orders")
async def list_all_orders(
    doors: Here,
    _: Looker,
    wanted: Wanted,
    sort: Sort = NEWEST,
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> OrderRecordPage:
    """By `created`, `paid` or `payable`; `since` and `until` are about when it was placed."""
    turn = ORDERS.turn(sort, cursor)
    async with transaction(doors.console_pool) as connection:
        rows = await store_console_order.orders(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return OrderRecordPage(
        items=await _views(doors, page), next_cursor=ORDERS.cursor(sort, last) if last else None
    )


@router.get("/orders.csv", response_class=Response)
async def export(doors: Here, operator: Looker, wanted: Wanted, sort: Sort = NEWEST) -> StreamingResponse:
    """A spreadsheet of all that the filter finds, between `since` and `until`, at most 92 days apart."""
    _require_stretch(wanted.since, wanted.until)
    log.info("orders_exported", operator=operator.id, wanted=wanted)
    pages = export_orders(doors.console_pool, wanted, sort=sort)
    first = await anext(pages)  # Before we answer: what refuses still can.
    headers = {"content-disposition": 'attachment; filename="orders.csv"', "cache-control": "no-store"}
    return StreamingResponse(_streamed(first, pages), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/orders/{number}")
async def read_any_order(number: Id, doors: Here, _: Looker) -> OrderStoryView:
    """An order with its money, and everything that happened to it, in order."""
    now = doors.clock()
    async with transaction(doors.console_pool) as connection:
        order = await store_order.find(connection, number)
        if order is None:
            raise NotFound("There is no such order.")
        payments = await store_console_money.payments_of(connection, number)
        refunds = await store_console_money.refunds_of(connection, number)
        requests = await store_request.of_order(connection, number)
        deliveries = await store_order.deliveries(connection, [number])
        told = await store_console_order.timeline(connection, number)
    delivery = deliveries.get(number)
    return OrderStoryView(
        order=await _view(doors, order),
        payments=[PaymentRecordView.of(payment) for payment in payments],
        refunds=[RefundRecordView.of(refund) for refund in refunds],
        refund_requests=[RefundRequestView.of(request, now=now) for request in requests],
        delivered_at=delivery and delivery.delivered_at,
        timeline=[HappeningView.of(happening) for happening in told],
    )


@router.post("/orders/{number}/cancellation")
async def close_order(number: Id, body: ReasonBody, doors: Here, operator: Server) -> OrderRecordView:
    """Before it is paid for. The gateway's trade is closed first, then the seat goes back."""
    order = await close_by_hand(
        doors.console_pool,
        doors.jobs,
        doors.gateways,
        doors.market,
        order_number=number,
        deed=deed_of(operator, doors, reason=body.reason),
    )
    return await _view(doors, order)


@router.post("/orders/{number}/refund", responses={202: {"model": PaidBackView}})
async def refund_whole_order(
    number: Id, body: ReasonBody, response: Response, doors: Here, operator: Payer
) -> PaidBackView:
    """All of it, whether or not it was delivered. 202 when the amount needs a second operator."""
    deed = deed_of(operator, doors, reason=body.reason)
    done = await pay_back.pay_back(
        doors.console_pool, doors.jobs, order_number=number, limit_fen=doors.refund_limit_fen, deed=deed
    )
    if done.request is not None:
        response.status_code = 202
    return PaidBackView(
        order=await _view(doors, done.order),
        request=done.request and RefundRequestView.of(done.request, now=deed.at),
    )


async def _view(doors: Here, order: Order) -> OrderRecordView:
    [view] = await _views(doors, [order])
    return view


async def _views(doors: Here, orders: Sequence[Order]) -> list[OrderRecordView]:
    async with transaction(doors.console_pool) as connection:
        people = await store_login.people(connection, {order.buyer_id for order in orders})
    return [OrderRecordView.of(order, people) for order in orders]


async def _streamed(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for text in rest:
        yield text


def _require_stretch(since: datetime | None, until: datetime | None) -> None:
    if since is None or until is None:
        raise InvalidRequest("since, until: both are needed")
    if not timedelta(0) <= until - since <= timedelta(days=EXPORT_DAYS_MAX):
        raise InvalidRequest(f"until: at most {EXPORT_DAYS_MAX} days after since")
