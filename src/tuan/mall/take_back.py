"""A buyer wants their money back while the team forms: first the seat, then the money.

The wish is written down before anything leaves the house, and from then on the order is not shipped. So
if the team forms at this very moment, or we are cut short, it still ends in a refund, and in nothing else.
"""

from datetime import datetime

import structlog

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import Unreachable
from tuan.kernel.jobs import Jobs
from tuan.mall import store_order
from tuan.mall.close import release_seat
from tuan.mall.market_client import MarketClient, MarketRefusal
from tuan.mall.order import Order, OrderStatus, RefundNeedsOperator
from tuan.mall.refund import refund_order

TAKEN_BACK = frozenset({OrderStatus.REFUNDING, OrderStatus.REFUNDED})
log = structlog.get_logger()


async def ask_refund(
    pool: Pool, jobs: Jobs, market: MarketClient, order: Order, *, reason: str, now: datetime
) -> Order:
    """Asking again returns the order as it is.

    Raises OrderMovedOn when it was never paid for, RefundNeedsOperator when the team no longer forms,
    Unreachable when the market does not answer: the seat's return, once asked for, is then still owed.
    """
    if order.status in TAKEN_BACK:
        return order
    if order.is_refundable:
        await _require_forming(market, order)

    async with transaction(pool) as connection:
        held = await store_order.hold(connection, order.number)
        if held.status not in TAKEN_BACK and held.refund_asked_at is None:
            held.ask_refund(reason=reason, now=now)
            await store_order.save(connection, held)
    return await take_back(pool, jobs, market, order_number=order.number, now=now)


async def take_back(
    pool: Pool, jobs: Jobs, market: MarketClient, *, order_number: str, now: datetime
) -> Order:
    """Safe to repeat. Raises Unreachable: then it is tried again."""
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, order_number)
    if order.status is not OrderStatus.PAID:
        return order

    try:
        await release_seat(market, order_number=order_number)
    except MarketRefusal as refusal:
        log.error("seat_not_taken_back", order=order_number, why=refusal.code)
        raise Unreachable from refusal

    async with transaction(pool) as connection:
        order = await store_order.hold(connection, order_number)
        if order.status is OrderStatus.PAID:
            await refund_order(connection, jobs, order, reason=order.refund_reason or "", now=now)
    return order


async def _require_forming(market: MarketClient, order: Order) -> None:
    try:
        team = await market.team(order.team_id or "")
    except MarketRefusal as refusal:
        log.error("team_unknown", order=order.number, team=order.team_id, why=refusal.code)
        raise Unreachable from refusal
    if team.status != "forming":
        raise RefundNeedsOperator
