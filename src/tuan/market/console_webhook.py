"""Deliveries of webhooks over HTTP: what became of them, once more, and one for a test."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tuan.kernel.db import transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Body, Id
from tuan.market import store_delivery
from tuan.market.console_guard import Here, Looker, Resender, deed_of
from tuan.market.console_shapes import CONSOLE, PAGE, AnyReason, Limit, Reason, cut
from tuan.market.delivery import Attempt, DeliveryStatus
from tuan.market.resend import redeliver, send_test
from tuan.market.store_delivery import DELIVERIES, Delivery, DeliveryFilter


class DeliveryView(BaseModel):
    event_id: str
    endpoint_id: str
    source: str
    kind: str
    about: str
    created_at: datetime
    status: DeliveryStatus
    delivered_at: datetime | None
    died_at: datetime | None
    attempts: int
    last_attempt_at: datetime | None
    last_status_code: int | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            source=delivery.source,
            kind=delivery.kind,
            about=delivery.about,
            created_at=delivery.created_at,
            status=delivery.status,
            delivered_at=delivery.delivered_at,
            died_at=delivery.died_at,
            attempts=delivery.attempts,
            last_attempt_at=delivery.last_attempt_at,
            last_status_code=delivery.last_status_code,
        )


class DeliveryPage(BaseModel):
    items: list[DeliveryView]
    next_cursor: str | None


class AttemptView(BaseModel):
    at: datetime
    status_code: int | None
    milliseconds: int
    answer: str

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        return cls(
            at=attempt.at,
            status_code=attempt.status_code,
            milliseconds=attempt.milliseconds,
            answer=attempt.answer,
        )


class DeliveryStoryView(BaseModel):
    delivery: DeliveryView
    data: dict[str, Any]
    attempts: list[AttemptView]

    @classmethod
    def of(cls, delivery: Delivery, data: dict[str, Any], attempts: Sequence[Attempt]) -> Self:
        return cls(
            delivery=DeliveryView.of(delivery),
            data=data,
            attempts=[AttemptView.of(attempt) for attempt in attempts],
        )


class DeliveryKeyBody(Body):
    event_id: Id
    endpoint_id: Id


class RedeliverBody(Body):
    deliveries: Annotated[list[DeliveryKeyBody], Field(min_length=1, max_length=100)]
    reason: Reason


class TestBody(Body):
    reason: AnyReason = ""


router = APIRouter(prefix=CONSOLE)


@router.get("/deliveries")
async def list_deliveries(
    doors: Here,
    _: Looker,
    status: DeliveryStatus | None = None,
    source: Id | None = None,
    endpoint_id: Id | None = None,
    kind: Id | None = None,
    about: Id | None = None,
    sort: Sort = "-created",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> DeliveryPage:
    """By `created`, `kind`, `status`, `source` or `attempts`; `about` is a team or an order number."""
    turn = DELIVERIES.turn(sort, cursor)
    wanted = DeliveryFilter(status=status, source=source, endpoint_id=endpoint_id, kind=kind, about=about)
    async with transaction(doors.pool) as connection:
        rows = await store_delivery.deliveries(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return DeliveryPage(
        items=[DeliveryView.of(delivery) for delivery in page],
        next_cursor=DELIVERIES.cursor(sort, last) if last else None,
    )


@router.get("/deliveries/{event_id}/{endpoint_id}")
async def read_delivery(event_id: Id, endpoint_id: Id, doors: Here, _: Looker) -> DeliveryStoryView:
    """What is sent, and what came back each time."""
    key = event_id, endpoint_id
    async with transaction(doors.pool) as connection:
        delivery = await store_delivery.delivery_of(connection, key)
        if delivery is None:
            raise NotFound("There is no such delivery.")
        data = await store_delivery.event_data(connection, event_id)
        attempts = await store_delivery.attempts_of(connection, key)
    return DeliveryStoryView.of(delivery, data, attempts)


@router.post("/deliveries/redelivery", status_code=202)
async def redeliver_all(body: RedeliverBody, doors: Here, operator: Resender) -> None:
    """Send these again, under their old ids. Asking again before they are sent sends nothing twice."""
    keys = [(delivery.event_id, delivery.endpoint_id) for delivery in body.deliveries]
    await redeliver(doors.pool, doors.jobs, keys, deed=deed_of(operator, doors, reason=body.reason))


@router.post("/endpoints/{endpoint_id}/test", status_code=202)
async def test_endpoint(endpoint_id: Id, body: TestBody, doors: Here, operator: Resender) -> DeliveryKeyBody:
    """Send `test.ping` there; the delivery tells what came back."""
    deed = deed_of(operator, doors, reason=body.reason)
    tested = await send_test(doors.pool, doors.jobs, endpoint_id, deed=deed)
    return DeliveryKeyBody(event_id=tested.event_id, endpoint_id=tested.endpoint_id)
