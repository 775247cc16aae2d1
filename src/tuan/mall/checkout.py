"""A buyer places an order: save it, hold a seat in the market, open a payment.

The order has its number before anything leaves the house, and the seat is asked for under that
number. So whatever is lost on the way, pressing again finds the same order and the same seat.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuan.kernel.clock import BEIJING
from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import InvalidRequest, NotFound, Refusal
from tuan.kernel.ids import fingerprint, new_code
from tuan.kernel.jobs import Jobs
from tuan.mall import store_allowance, store_order, store_payment, store_product
from tuan.mall.allowance import ORDERS
from tuan.mall.close import abandon
from tuan.mall.market_client import MarketClient, MarketRefusal, Seat
from tuan.mall.order import Order, OrderKind, OrderStatus, Price, PriceChanged
from tuan.mall.payment import HoldEnded, Payment, new_payment, pay_until
from tuan.mall.product import Product, ProductOffShelf


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRequest:
    buyer_id: str
    idempotency_key: str
    product_id: str
    kind: OrderKind
    campaign_id: str | None
    team_id: str | None  # None opens a new team.

    @property
    def fingerprint(self) -> bytes:
        return fingerprint(json.dumps([self.product_id, self.kind, self.campaign_id, self.team_id]))


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentTerms:
    gateway: str
    pay_within: timedelta


async def place_order(
    pool: Pool,
    jobs: Jobs,
    market: MarketClient,
    request: OrderRequest,
    *,
    terms: PaymentTerms,
    now: datetime,
) -> Order:
    """The order, awaiting its payment. The same key returns the same order.

    Raises NotFound for an unknown product, ProductOffShelf, TooOften, IdempotencyKeyReused, MarketRefusal
    when the market gives no seat, Unreachable when it does not answer: then the order waits, and the same
    key continues it.
    """
    _require_sense(request)
    order = await _save(pool, request, now=now)
    order.answer(request.fingerprint)
    if order.status is not OrderStatus.CREATED:
        return order

    try:
        seat = await _hold_seat(market, order)
    except MarketRefusal as refusal:
        order = await _refuse(pool, order.number, refusal, now=now)
    else:
        order = await _open_payment(pool, jobs, order.number, seat, terms=terms, now=now)
    return order.answer(request.fingerprint)


def _require_sense(request: OrderRequest) -> None:
    if request.kind is OrderKind.GROUP and request.campaign_id is None:
        raise InvalidRequest("A group order names its campaign.")
    if request.kind is OrderKind.ALONE and (request.campaign_id or request.team_id):
        raise InvalidRequest("Who buys alone has no campaign and no team.")


async def _save(pool: Pool, request: OrderRequest, *, now: datetime) -> Order:
    async with transaction(pool) as connection:
        product = await store_product.find(connection, request.product_id)
        if product is None:
            raise NotFound
        if not product.is_on_shelf:
            return await _placed_before(connection, request)
        order = _new_order(request, product, now=now)
        saved = await store_order.add(connection, order)
        if saved.number == order.number:  # A press repeated is no other order.
            await store_allowance.take(connection, ORDERS, who=request.buyer_id, now=now)
        return saved


async def _placed_before(connection: Connection, request: OrderRequest) -> Order:
    """The order that this very press placed while the product was for sale. Raises ProductOffShelf."""
    order = await store_order.find_of_key(connection, buyer_id=request.buyer_id, key=request.idempotency_key)
    if order is None:
        raise ProductOffShelf
    return order


def _new_order(request: OrderRequest, product: Product, *, now: datetime) -> Order:
    return Order(
        number=f"{now.astimezone(BEIJING):%y%m%d}{new_code(14)}",
        buyer_id=request.buyer_id,
        idempotency_key=request.idempotency_key,
        request_fingerprint=request.fingerprint,
        kind=request.kind,
        product_id=product.id,
        product_title=product.title,
        product_picture=product.pictures[0],
        campaign_id=request.campaign_id,
        team_id=request.team_id,
        list_fen=product.list_fen,
        discount_fen=0,
        payable_fen=product.list_fen,
        created_at=now,
    )


async def _hold_seat(market: MarketClient, order: Order) -> Seat | None:
    if order.campaign_id is None:
        return None
    return await market.lock(
        out_trade_no=order.number,
        buyer_id=order.buyer_id,
        goods_id=order.product_id,
        campaign_id=order.campaign_id,
        team_id=order.team_id,
    )


async def _refuse(pool: Pool, number: str, refusal: Refusal, *, now: datetime) -> Order:
    """Unless the same press, sent twice, has got its seat meanwhile."""
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, number)
        if order.status is OrderStatus.CREATED:
            order.refuse(refusal, now=now)
            await store_order.save(connection, order)
        return order


async def _open_payment(
    pool: Pool, jobs: Jobs, number: str, seat: Seat | None, *, terms: PaymentTerms, now: datetime
) -> Order:
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, number)
        if order.status is not OrderStatus.CREATED:
            return order

        try:
            payment = _price(order, seat, terms=terms, now=now)
        except (PriceChanged, HoldEnded) as refusal:
            await abandon(connection, jobs, order, refusal, now=now)
            return order

        await store_order.save(connection, order)
        await store_payment.add(connection, payment)
        return order


def _price(order: Order, seat: Seat | None, *, terms: PaymentTerms, now: datetime) -> Payment:
    """Raises PriceChanged, HoldEnded; the order is then as it was."""
    if seat is not None and seat.status != "locked":
        raise HoldEnded
    expires_at = pay_until(
        now=now, pay_within=terms.pay_within, hold_until=None if seat is None else seat.hold_until
    )
    price = Price(
        list_fen=order.list_fen if seat is None else seat.list_fen,
        discount_fen=0 if seat is None else seat.discount_fen,
        payable_fen=order.list_fen if seat is None else seat.payable_fen,
    )
    order.await_payment(
        price,
        team_id=None if seat is None else seat.team_id,
        hold_until=None if seat is None else seat.hold_until,
    )
    return new_payment(
        number=order.number,
        order_number=order.number,
        gateway=terms.gateway,
        amount_fen=order.payable_fen,
        expires_at=expires_at,
        now=now,
    )
