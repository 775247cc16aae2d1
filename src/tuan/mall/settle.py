"""A paid seat is settled in the market; when the market no longer has it, the money goes back."""

from datetime import datetime

from tuan.kernel.db import Pool, transaction
from tuan.kernel.jobs import Jobs
from tuan.mall import store_order
from tuan.mall.market_client import MarketClient, MarketRefusal
from tuan.mall.order import Order, OrderStatus
from tuan.mall.refund import refund_order

# seat_gone, team_closed: paid too late. not_found: the market never heard of the seat.
LOST = frozenset({"seat_gone", "team_closed", "not_found"})


async def settle(pool: Pool, jobs: Jobs, market: MarketClient, *, order_number: str, now: datetime) -> None:
    """Safe to repeat. Raises Unreachable, and MarketRefusal for one we do not know: try again."""
    async with transaction(pool) as connection:
        order = await store_order.find(connection, order_number)
    if order is None or order.status is not OrderStatus.PAID or order.settled_at is not None:
        return

    try:
        await market.settle(out_trade_no=order.number, paid_at=order.paid_at or now)
    except MarketRefusal as refusal:
        if refusal.code not in LOST:
            raise
        await _give_back(pool, jobs, order, now=now)
        return

    async with transaction(pool) as connection:
        # The market may have formed the team, and told us so, before we came to write this down.
        order = await store_order.hold(connection, order_number)
        order.settled_at = now
        await store_order.save(connection, order)


async def _give_back(pool: Pool, jobs: Jobs, lost: Order, *, now: datetime) -> None:
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, lost.number)
        if order.status is OrderStatus.PAID:
            await refund_order(connection, jobs, order, reason="未能成团，全额退款", now=now)
