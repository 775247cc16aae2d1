"""A buyer looks at their own orders; another's are as if they did not exist."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.mall import store_allowance, store_order, store_payment
from tuan.mall.allowance import WAYS_OUT
from tuan.mall.look import SeenTeam, look_at_teams
from tuan.mall.market_client import MarketClient
from tuan.mall.order import Order, OrderStatus
from tuan.mall.payment import Payment
from tuan.mall.store_order import Delivery


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderSeen:
    order: Order
    payment: Payment | None  # The one to be made.
    delivery: Delivery | None
    team: SeenTeam | None  # None also while the market does not answer.

    @property
    def is_payable(self) -> bool:
        return self.order.status is OrderStatus.AWAITING_PAYMENT

    @property
    def is_refundable(self) -> bool:
        """As far as we can see: the market may know better."""
        return self.order.is_refundable and (self.team is None or self.team.team.status == "forming")

    @property
    def awaited(self) -> Payment | None:
        return self.payment if self.is_payable else None


async def own_order(pool: Pool, number: str, *, buyer_id: str) -> Order:
    """Raises NotFound."""
    async with transaction(pool) as connection:
        order = await store_order.find_of_buyer(connection, number, buyer_id=buyer_id)
    if order is None:
        raise NotFound
    return order


async def order_on_its_way_out(pool: Pool, number: str, *, buyer_id: str, now: datetime) -> Order:
    """To be cancelled or refunded: that asks the market and the gateway, and so it has an allowance.

    Raises NotFound, TooOften.
    """
    async with transaction(pool) as connection:
        order = await store_order.find_of_buyer(connection, number, buyer_id=buyer_id)
        if order is None:
            raise NotFound
        await store_allowance.take(connection, WAYS_OUT, who=buyer_id, now=now)
    return order


async def own_orders(
    pool: Pool,
    *,
    buyer_id: str,
    statuses: Collection[OrderStatus],
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Order]:
    """Newest first; `before` is when the last one seen was created, and its number."""
    async with transaction(pool) as connection:
        return await store_order.page(
            connection, buyer_id=buyer_id, statuses=statuses, before=before, limit=limit
        )


async def as_placed(pool: Pool, order: Order) -> OrderSeen:
    """As far as the buyer needs it to go on to the cashier: the market is not asked about the team."""
    async with transaction(pool) as connection:
        payments = await store_payment.open_of(connection, [order.number])
    return OrderSeen(order=order, payment=payments.get(order.number), delivery=None, team=None)


async def with_their_story(
    pool: Pool, market: MarketClient, orders: Sequence[Order], *, viewer_id: str
) -> list[OrderSeen]:
    numbers = [order.number for order in orders]
    async with transaction(pool) as connection:
        payments = await store_payment.open_of(connection, numbers)
        deliveries = await store_order.deliveries(connection, numbers)
    team_ids = {order.team_id for order in orders if order.team_id is not None}
    teams = await look_at_teams(pool, market, team_ids=team_ids, viewer_id=viewer_id)
    return [
        OrderSeen(
            order=order,
            payment=payments.get(order.number),
            delivery=deliveries.get(order.number),
            team=teams.get(order.team_id or ""),
        )
        for order in orders
    ]
