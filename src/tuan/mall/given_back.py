"""The market tells that seats were given back: what was paid is refunded, what was not is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.jobs import Jobs
from tuan.mall import store_order
from tuan.mall.alarm import raise_alarm
from tuan.mall.close import abandon
from tuan.mall.order import Order, OrderAbandoned, OrderStatus
from tuan.mall.refund import refund_order


class GivenBack(StrEnum):
    TEAM_FAILED = "team.failed"
    SEAT_RELEASED = "seat.released"
    SEAT_REFUNDED = "seat.refunded"  # Perhaps of a team that has formed: then also what was delivered.


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatsGivenBack:
    webhook_id: str
    kind: GivenBack
    team_id: str
    order_numbers: Sequence[str]


async def take_seats_given_back(pool: Pool, jobs: Jobs, told: SeatsGivenBack, *, now: datetime) -> None:
    """Told twice, it happens once; an order already closed or refunded stays as it is."""
    async with transaction(pool) as connection:
        if not await store_order.is_new_webhook(connection, told.webhook_id, now=now):
            return

        for order in await store_order.hold_all(connection, told.order_numbers):
            if order.team_id not in (None, told.team_id):
                await _doubt(connection, told, order, now=now)
            else:
                await _give_up(connection, jobs, told, order, now=now)


async def _give_up(
    connection: Connection, jobs: Jobs, told: SeatsGivenBack, order: Order, *, now: datetime
) -> None:
    match order.status:
        case OrderStatus.CREATED:
            await abandon(connection, jobs, order, OrderAbandoned(), now=now)
        case OrderStatus.AWAITING_PAYMENT:
            await jobs.owe(connection, "close", [{"order_number": order.number, "lock": order.number}])
        case OrderStatus.PAID:
            await refund_order(connection, jobs, order, reason="未能成团，全额退款", now=now)
        case OrderStatus.READY | OrderStatus.FULFILLED if told.kind is GivenBack.SEAT_REFUNDED:
            await refund_order(connection, jobs, order, reason="席位已退，全额退款", now=now)
        case OrderStatus.READY | OrderStatus.FULFILLED:
            await _doubt(connection, told, order, now=now)


async def _doubt(connection: Connection, told: SeatsGivenBack, order: Order, *, now: datetime) -> None:
    """Ours is not what the market says it is; a person has to look before any money moves."""
    detail = f"{told.kind} of team {told.team_id}; here {order.status} in team {order.team_id}"
    await raise_alarm(connection, "market_contradicts", about=order.number, detail=detail, now=now)
