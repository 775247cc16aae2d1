"""The mall over HTTP: shapes in, shapes out, and not one rule."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlsplit

import segno
from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.responses import HTMLResponse
from prometheus_client import CollectorRegistry
from pydantic import StringConstraints

from tuan.kernel.errors import InvalidRequest, NotFound
from tuan.kernel.web import Body, Id, add_probes, build_fastapi
from tuan.mall import hooks
from tuan.mall.attempt import payment_to_make
from tuan.mall.buyer import Buyer, LoginTicket
from tuan.mall.checkout import OrderRequest, PaymentTerms, place_order
from tuan.mall.close import cancel_order
from tuan.mall.doors import Doors
from tuan.mall.hand_over import hand_over_page
from tuan.mall.login import begin_login, look_at_ticket, redeem, sign_out
from tuan.mall.look import look_around, look_at_product, look_at_team
from tuan.mall.order import Order, OrderKind
from tuan.mall.own_orders import own_order, own_orders, with_their_story
from tuan.mall.take_back import ask_refund
from tuan.mall.views import (
    BuyerView,
    GroupOffer,
    OrderPage,
    OrderView,
    ProductCard,
    ProductPage,
    ProductView,
    SettingsView,
    TeamPageView,
    TeamView,
    TicketView,
)
from tuan.mall.visitor import Here, Jar, SignedInBuyer, Visitor, from_our_own_pages

IdempotencyKey = Annotated[str, Header(pattern=r"^[!-~]{8,64}$")]
Reason = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Limit = Annotated[int, Query(ge=1, le=50)]
CURSOR = re.compile(r"([0-9]{1,17})\.([0-9A-Z]{20})", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SessionBody(Body):
    ticket_id: Id


class OrderBody(Body):
    product_id: Id
    kind: OrderKind
    campaign_id: Id | None = None
    team_id: Id | None = None


class CancellationBody(Body):
    """Nothing: the order says it all."""


class RefundBody(Body):
    reason: Reason


v1 = APIRouter(prefix="/v1", dependencies=[Depends(from_our_own_pages)])


def build_api(doors: Doors, *, ready: Callable[[], Awaitable[bool]], registry: CollectorRegistry) -> FastAPI:
    api = build_fastapi("Tuan mall")
    api.state.doors = doors
    api.include_router(v1)
    api.include_router(hooks.router)
    add_probes(api, ready=ready, registry=registry)
    return api


@v1.get("/settings")
async def read_settings(doors: Here) -> SettingsView:
    return SettingsView(demo=doors.demo, server_time=doors.clock())


@v1.get("/me")
async def read_me(buyer: SignedInBuyer) -> BuyerView:
    return BuyerView.of(buyer)


@v1.post("/login/tickets", status_code=201)
async def create_ticket(doors: Here, cookies: Jar, response: Response) -> TicketView:
    """A code for this browser to show, and to be scanned with WeChat within two minutes."""
    begun = await begin_login(doors.pool, doors.wechat, now=doors.clock())
    cookies.keep_login(response, begun.secret)
    return _ticket_view(begun.ticket, doors)


@v1.get("/login/tickets/{ticket_id}")
async def read_ticket(
    ticket_id: Annotated[Id, Path()], request: Request, doors: Here, cookies: Jar
) -> TicketView:
    """Only the browser that asked for it finds it."""
    secret = cookies.login(request)
    if secret is None:
        raise NotFound
    return _ticket_view(await look_at_ticket(doors.pool, ticket_id, secret=secret), doors)


@v1.post("/sessions", status_code=201)
async def create_session(
    body: SessionBody, request: Request, response: Response, doors: Here, cookies: Jar
) -> BuyerView:
    """Redeem a scanned ticket, once."""
    secret = cookies.login(request)
    if secret is None:
        raise NotFound
    session = await redeem(doors.pool, body.ticket_id, secret=secret, now=doors.clock())
    cookies.keep_session(response, session.secret)
    cookies.forget_login(response)
    return BuyerView.of(session.buyer)


@v1.delete("/sessions/current", status_code=204)
async def end_session(request: Request, response: Response, doors: Here, cookies: Jar) -> None:
    if secret := cookies.session(request):
        await sign_out(doors.pool, secret)
    cookies.forget_session(response)


@v1.get("/products")
async def list_products(
    doors: Here,
    buyer: Visitor,
    cursor: Annotated[Id | None, Query()] = None,
    limit: Limit = 20,
) -> ProductPage:
    found = await look_around(
        doors.pool, doors.market, viewer_id=buyer.id if buyer else None, after=cursor or "", limit=limit + 1
    )
    shown = found[:limit]
    return ProductPage(
        items=[ProductCard.of(offered) for offered in shown],
        next_cursor=shown[-1].product.id if len(found) > limit else None,
    )


@v1.get("/products/{product_id}")
async def read_product(product_id: Annotated[Id, Path()], doors: Here, buyer: Visitor) -> ProductView:
    """With what this buyer would pay in a group, and the teams to join, while the market says so."""
    seen = await look_at_product(
        doors.pool, doors.market, product_id=product_id, viewer_id=buyer.id if buyer else None
    )
    return ProductView.of(seen, server_time=doors.clock())


@v1.get("/teams/{team_id}")
async def read_team(team_id: Annotated[Id, Path()], doors: Here, buyer: Visitor) -> TeamPageView:
    """What an invitation opens."""
    found = await look_at_team(
        doors.pool, doors.market, team_id=team_id, viewer_id=buyer.id if buyer else None
    )
    return TeamPageView(
        team=TeamView.of(found.seen),
        product=ProductCard.of(found.offered),
        group=found.offered.quote and GroupOffer.of(found.offered.quote),
        server_time=doors.clock(),
    )


@v1.post("/orders", status_code=201)
async def create_order(
    body: OrderBody, idempotency_key: IdempotencyKey, doors: Here, buyer: SignedInBuyer
) -> OrderView:
    """Send the same Idempotency-Key with every retry of the same press."""
    request = OrderRequest(buyer_id=buyer.id, idempotency_key=idempotency_key, **body.model_dump())
    order = await place_order(
        doors.pool, doors.jobs, doors.market, request, terms=_terms(doors), now=doors.clock()
    )
    return await _view(doors, buyer, order)


@v1.get("/orders")
async def list_orders(
    doors: Here,
    buyer: SignedInBuyer,
    cursor: Annotated[Id | None, Query()] = None,
    limit: Limit = 20,
) -> OrderPage:
    """Newest first."""
    before = None if cursor is None else _read_cursor(cursor)
    found = await own_orders(doors.pool, buyer_id=buyer.id, before=before, limit=limit + 1)
    shown = found[:limit]
    return OrderPage(
        items=await _views(doors, buyer, shown),
        next_cursor=_cursor(shown[-1]) if len(found) > limit else None,
    )


@v1.get("/orders/{number}")
async def read_order(number: Annotated[Id, Path()], doors: Here, buyer: SignedInBuyer) -> OrderView:
    return await _view(doors, buyer, await own_order(doors.pool, number, buyer_id=buyer.id))


@v1.post("/orders/{number}/cancellation")
async def cancel(
    number: Annotated[Id, Path()], body: CancellationBody, doors: Here, buyer: SignedInBuyer
) -> OrderView:
    """Before it is paid for. Cancelling again changes nothing."""
    await own_order(doors.pool, number, buyer_id=buyer.id)
    order = await cancel_order(
        doors.pool, doors.jobs, doors.gateways, doors.market, order_number=number, now=doors.clock()
    )
    return await _view(doors, buyer, order)


@v1.post("/orders/{number}/refund")
async def refund(
    number: Annotated[Id, Path()], body: RefundBody, doors: Here, buyer: SignedInBuyer
) -> OrderView:
    """After it is paid for, while its team forms. Asking again changes nothing."""
    order = await own_order(doors.pool, number, buyer_id=buyer.id)
    order = await ask_refund(
        doors.pool, doors.jobs, doors.market, order, reason=body.reason, now=doors.clock()
    )
    return await _view(doors, buyer, order)


@v1.get("/orders/{number}/pay", response_class=HTMLResponse)
async def hand_over(
    number: Annotated[Id, Path()], request: Request, doors: Here, buyer: SignedInBuyer
) -> Response:
    """A page that takes the buyer's browser to the cashier."""
    order = await own_order(doors.pool, number, buyer_id=buyer.id)
    now = doors.clock()
    return hand_over_page(
        order,
        await payment_to_make(doors.pool, order.number, terms=_terms(doors), now=now),
        gateway=doors.gateway,
        shop_url=doors.shop_url,
        user_agent=request.headers.get("user-agent", ""),
        now=now,
    )


def _ticket_view(ticket: LoginTicket, doors: Doors) -> TicketView:
    now = doors.clock()
    return TicketView(
        id=ticket.id,
        status=ticket.status(now=now),
        qr_svg=_qr_svg(ticket.url),
        expires_at=ticket.expires_at,
        server_time=now,
        scan_url=ticket.url if doors.demo else None,
    )


@lru_cache(maxsize=256)  # The same code is asked for every second while it is shown.
def _qr_svg(url: str) -> str:
    svg: str = segno.make(url, error="m").svg_inline(border=2, omitsize=True)
    return svg


def _terms(doors: Doors) -> PaymentTerms:
    return PaymentTerms(gateway=doors.gateway.name, pay_within=doors.pay_within)


async def _view(doors: Doors, buyer: Buyer, order: Order) -> OrderView:
    [view] = await _views(doors, buyer, [order])
    return view


async def _views(doors: Doors, buyer: Buyer, orders: Sequence[Order]) -> list[OrderView]:
    seen = await with_their_story(doors.pool, doors.market, orders, viewer_id=buyer.id)
    base = urlsplit(doors.public_url).path
    return [
        OrderView.of(one, pay_url=f"{base}/v1/orders/{one.order.number}/pay", server_time=doors.clock())
        for one in seen
    ]


def _cursor(order: Order) -> str:
    return f"{(order.created_at - EPOCH) // timedelta(microseconds=1)}.{order.number}"


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    if not (found := CURSOR.fullmatch(cursor)):
        raise InvalidRequest("This cursor is not one of ours.")
    return EPOCH + timedelta(microseconds=int(found[1])), found[2]
