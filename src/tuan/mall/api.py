"""The mall over HTTP: shapes in, shapes out, and not one rule."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query
from prometheus_client import CollectorRegistry
from pydantic import StringConstraints

from tuan.kernel.measure import Measure
from tuan.kernel.shapes import cursor_at, place_of
from tuan.kernel.web import Body, Id, add_probes, build_fastapi, gathered
from tuan.mall import api_login, api_window, console, hand_over, hooks
from tuan.mall.api_window import Limit
from tuan.mall.buyer import Buyer
from tuan.mall.checkout import OrderRequest, PaymentTerms, place_order
from tuan.mall.close import cancel_order
from tuan.mall.doors import Doors
from tuan.mall.order import Order, OrderKind, OrderStatus
from tuan.mall.own_orders import (
    OrderSeen,
    as_placed,
    order_on_its_way_out,
    own_order,
    own_orders,
    with_their_story,
)
from tuan.mall.take_back import ask_refund
from tuan.mall.views import (
    GatewayView,
    OrderPage,
    OrderView,
    SettingsView,
)
from tuan.mall.visitor import Here, SignedInBuyer, from_our_own_pages

IdempotencyKey = Annotated[str, Header(pattern=r"^[!-~]{8,64}$")]
Reason = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]


class OrderBody(Body):
    product_id: Id
    kind: OrderKind
    campaign_id: Id | None = None
    team_id: Id | None = None
    gateway: Id | None = None  # Without one, the first that the settings name.


class CancellationBody(Body):
    """Nothing: the order says it all."""


class RefundBody(Body):
    reason: Reason


v1 = APIRouter(prefix="/v1", dependencies=[Depends(from_our_own_pages)])


def build_api(
    doors: Doors, *, ready: Callable[[], Awaitable[bool]], registry: CollectorRegistry, measure: Measure
) -> FastAPI:
    api = build_fastapi("Tuan mall", EVERY)
    api.state.doors = doors
    add_probes(api, ready=ready, registry=registry, measure=measure)
    return api


@v1.get("/settings")
async def read_settings(doors: Here) -> SettingsView:
    gateways = [GatewayView(name=one.name, title=one.title) for one in doors.gateways.values()]
    return SettingsView(demo=doors.demo, guests=doors.guests, gateways=gateways, server_time=doors.clock())


@v1.post("/orders", status_code=201)
async def create_order(
    body: OrderBody, idempotency_key: IdempotencyKey, doors: Here, buyer: SignedInBuyer
) -> OrderView:
    """Send the same Idempotency-Key with every retry of the same press. How the team stands, the order's page
    tells: `team` is null here."""
    terms = PaymentTerms(gateway=doors.gateways.chosen(body.gateway).name, pay_within=doors.pay_within)
    request = OrderRequest(
        buyer_id=buyer.id, idempotency_key=idempotency_key, **body.model_dump(exclude={"gateway"})
    )
    order = await place_order(doors.pool, doors.jobs, doors.market, request, terms=terms, now=doors.clock())
    return _shown(doors, await as_placed(doors.pool, order))


@v1.get("/orders")
async def list_orders(
    doors: Here,
    buyer: SignedInBuyer,
    cursor: Annotated[Id | None, Query()] = None,
    status: Annotated[list[OrderStatus] | None, Query()] = None,
    limit: Limit = 20,
) -> OrderPage:
    """Newest first: all of them, or those in one of these statuses."""
    before = None if cursor is None else place_of(cursor)
    found = await own_orders(
        doors.pool, buyer_id=buyer.id, statuses=status or list(OrderStatus), before=before, limit=limit + 1
    )
    shown = found[:limit]
    return OrderPage(
        items=await _views(doors, buyer, shown),
        next_cursor=cursor_at(shown[-1].created_at, shown[-1].number) if len(found) > limit else None,
    )


@v1.get("/orders/{number}")
async def read_order(number: Annotated[Id, Path()], doors: Here, buyer: SignedInBuyer) -> OrderView:
    return await _view(doors, buyer, await own_order(doors.pool, number, buyer_id=buyer.id))


@v1.post("/orders/{number}/cancellation")
async def cancel(
    number: Annotated[Id, Path()], body: CancellationBody, doors: Here, buyer: SignedInBuyer
) -> OrderView:
    """Before it is paid for. Cancelling again changes nothing."""
    now = doors.clock()
    await order_on_its_way_out(doors.pool, number, buyer_id=buyer.id, now=now)
    order = await cancel_order(
        doors.pool, doors.jobs, doors.gateways, doors.market, order_number=number, now=now
    )
    return await _view(doors, buyer, order)


@v1.post("/orders/{number}/refund")
async def refund(
    number: Annotated[Id, Path()], body: RefundBody, doors: Here, buyer: SignedInBuyer
) -> OrderView:
    """After it is paid for, while its team forms. Asking again changes nothing."""
    now = doors.clock()
    order = await order_on_its_way_out(doors.pool, number, buyer_id=buyer.id, now=now)
    order = await ask_refund(doors.pool, doors.jobs, doors.market, order, reason=body.reason, now=now)
    return await _view(doors, buyer, order)


v1.include_router(hand_over.router)
EVERY = gathered(v1, api_window.v1, api_login.v1, api_login.phone, console.router, hooks.router)


async def _view(doors: Doors, buyer: Buyer, order: Order) -> OrderView:
    [view] = await _views(doors, buyer, [order])
    return view


async def _views(doors: Doors, buyer: Buyer, orders: Sequence[Order]) -> list[OrderView]:
    seen = await with_their_story(doors.pool, doors.market, orders, viewer_id=buyer.id)
    return [_shown(doors, one) for one in seen]


def _shown(doors: Doors, seen: OrderSeen) -> OrderView:
    base = urlsplit(doors.public_url).path
    return OrderView.of(seen, pay_url=f"{base}/v1/orders/{seen.order.number}/pay", server_time=doors.clock())
