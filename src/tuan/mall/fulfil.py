"""What was bought is handed over: when its team has formed, or at once to who bought alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import InvalidRequest
from tuan.kernel.ids import new_code
from tuan.kernel.jobs import Jobs
from tuan.mall import store_ledger, store_order
from tuan.mall.ledger import delivered
from tuan.mall.message import Messages
from tuan.mall.order import OrderKind, OrderStatus

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamFormed:
    webhook_id: str
    team_id: str
    order_numbers: Sequence[str]


async def take_team_formed(
    pool: Pool, jobs: Jobs, messages: Messages, formed: TeamFormed, *, now: datetime
) -> None:
    """The paid orders of this team become ready. What else the market names is not shipped, and logged."""
    async with transaction(pool) as connection:
        if not await store_order.is_new_webhook(connection, formed.webhook_id, now=now):
            return

        ready = []
        for order in await store_order.hold_all(connection, formed.order_numbers):
            if order.may_be_shipped and order.team_id == formed.team_id:
                order.make_ready(now=now)
                await store_order.save(connection, order)
                ready.append(order)
        await jobs.owe(
            connection, "fulfil", [{"order_number": order.number, "lock": order.number} for order in ready]
        )
        await messages.owe_team_formed(connection, ready)

    if left := sorted({*formed.order_numbers} - {order.number for order in ready}):
        log.warning("orders_not_shipped", team=formed.team_id, orders=left)


async def team_of(pool: Pool, order_numbers: Sequence[str]) -> str:
    """Whose orders these are, where the market's own word for it is one of the original's numbers. Raises
    InvalidRequest."""
    async with transaction(pool) as connection:
        team_ids = await store_order.team_ids_of(connection, order_numbers)
    if len(team_ids) != 1:
        raise InvalidRequest("These are not the orders of one team.")
    return team_ids.pop()


async def fulfil(pool: Pool, *, order_number: str, now: datetime) -> None:
    """Safe to repeat: an order is delivered once."""
    async with transaction(pool) as connection:
        order = await store_order.hold(connection, order_number)
        if order.kind is OrderKind.ALONE and order.status is OrderStatus.PAID:
            order.make_ready(now=now)
            await store_order.save(connection, order)
        if order.status is not OrderStatus.READY:
            return

        order.fulfil(now=now)
        await store_order.save(connection, order)
        await store_order.deliver(connection, order.number, code=new_code(12), now=now)
        await store_ledger.book(connection, delivered(order), now=now)
