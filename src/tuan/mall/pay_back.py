"""An operator pays an order back: at once up to a limit, above it when a second operator agrees.

While its team may still form, the seat goes back before the money; afterwards nobody waits for the seat,
and the money goes first. Either way the rest is owed in the transaction that decides.
"""

from dataclasses import dataclass

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.ids import new_id
from tuan.kernel.jobs import Jobs
from tuan.mall import store_order, store_refund_request
from tuan.mall.operator import Deed
from tuan.mall.order import Order, OrderKind, OrderMovedOn, OrderStatus
from tuan.mall.refund import refund_order
from tuan.mall.refund_request import RefundRequest, RequestStatus, new_request
from tuan.mall.store_deed import record

TOLD_TO_BUYERS = "商家退款，全额退回"  # What operators write is for operators.
GOING_BACK = frozenset({OrderStatus.REFUNDING, OrderStatus.REFUNDED})


@dataclass(frozen=True, kw_only=True, slots=True)
class PaidBack:
    order: Order
    request: RefundRequest | None = None  # That waits for a second operator.


async def pay_back(pool: Pool, jobs: Jobs, *, order_number: str, limit_fen: int, deed: Deed) -> PaidBack:
    """All of it; asking again returns what there is. Raises NotFound, OrderMovedOn if it was not paid for."""
    async with transaction(pool) as connection:
        order = await _hold(connection, order_number)
        if _goes_back(order):
            return PaidBack(order=order)
        if order.paid_at is None:
            raise OrderMovedOn

        if order.payable_fen > limit_fen:
            return PaidBack(order=order, request=await _request(connection, order, deed=deed))
        await record(
            connection,
            deed,
            "order.paid_back",
            about=f"order:{order.number}",
            before={"status": order.status},
        )
        await _begin(connection, jobs, order, deed=deed)
    return PaidBack(order=order)


async def approve(pool: Pool, jobs: Jobs, request_id: str, *, deed: Deed) -> RefundRequest:
    """Approving again changes nothing. Raises what RefundRequest.is_news raises, NotFound, and OrderMovedOn
    when the money goes back already."""
    async with transaction(pool) as connection:
        order, request = await _hold_request(connection, request_id)
        if request.is_news(RequestStatus.APPROVED, deed=deed):
            if _goes_back(order):
                raise OrderMovedOn
            await _decide(connection, request, RequestStatus.APPROVED, deed=deed)
            await _begin(connection, jobs, order, deed=deed)
    return request


async def refuse(pool: Pool, request_id: str, *, deed: Deed) -> RefundRequest:
    """Refusing again changes nothing. Raises what RefundRequest.is_news raises, NotFound."""
    async with transaction(pool) as connection:
        _, request = await _hold_request(connection, request_id)
        if request.is_news(RequestStatus.REFUSED, deed=deed):
            await _decide(connection, request, RequestStatus.REFUSED, deed=deed)
    return request


def _goes_back(order: Order) -> bool:
    return order.status in GOING_BACK or order.refund_asked_at is not None


async def _begin(connection: Connection, jobs: Jobs, order: Order, *, deed: Deed) -> None:
    """Raises OrderMovedOn."""
    job = {"order_number": order.number, "lock": order.number}
    if order.is_refundable:
        order.ask_refund(reason=TOLD_TO_BUYERS, now=deed.at)
        await store_order.save(connection, order)
        await jobs.owe(connection, "take_back", [job])
        return

    await refund_order(connection, jobs, order, reason=TOLD_TO_BUYERS, now=deed.at)
    if order.kind is OrderKind.GROUP:
        await jobs.owe(connection, "release", [job])


async def _request(connection: Connection, order: Order, *, deed: Deed) -> RefundRequest:
    """The one that waits, whoever asked for it; or a new one."""
    if waiting := await store_refund_request.waiting(connection, order.number):
        if waiting.status_at(deed.at) is RequestStatus.WAITING:
            return waiting
        waiting.expire()
        await store_refund_request.save(connection, waiting)

    request = new_request(order, id=new_id(), deed=deed)
    await store_refund_request.add(connection, request)
    await record(
        connection, deed, "refund.asked_for", about=f"order:{order.number}", after={"request_id": request.id}
    )
    return request


async def _decide(
    connection: Connection, request: RefundRequest, verdict: RequestStatus, *, deed: Deed
) -> None:
    request.decide(verdict, deed=deed)
    await store_refund_request.save(connection, request)
    await record(
        connection,
        deed,
        f"refund.{verdict}",
        about=f"order:{request.order_number}",
        after={"request_id": request.id},
    )


async def _hold(connection: Connection, order_number: str) -> Order:
    if held := await store_order.hold_all(connection, [order_number]):
        return held[0]
    raise NotFound("There is no such order.")


async def _hold_request(connection: Connection, request_id: str) -> tuple[Order, RefundRequest]:
    known = await store_refund_request.find(connection, request_id)
    if known is None:
        raise NotFound("There is no such request.")
    order = await store_order.hold(connection, known.order_number)
    return order, await store_refund_request.find(connection, request_id) or known
