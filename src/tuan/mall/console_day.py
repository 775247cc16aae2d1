"""How the mall did, day by day, over HTTP."""

from datetime import date, datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel

from tuan.kernel.clock import midnight
from tuan.kernel.db import transaction
from tuan.kernel.errors import InvalidRequest
from tuan.mall import store_console_day
from tuan.mall.console_guard import Looker
from tuan.mall.store_console_day import MallDay
from tuan.mall.visitor import Here

DAYS_MAX = 92
SomeDay = Annotated[date, Query(ge=date(2000, 1, 1), le=date(9000, 1, 1))]


class MallDayView(BaseModel):
    """Orders are those placed that day in Beijing, counted by what became of them until now.

    `earned_fen` is what was delivered for that day, less what was paid back of it; `held_fen` is what
    buyers had paid for and waited for when the day ended.
    """

    day: date
    orders_placed: int
    orders_payable: int
    orders_paid: int
    orders_fulfilled: int
    orders_closed: int
    orders_refunded: int
    money_in_fen: int
    earned_fen: int
    refunded_fen: int
    held_fen: int

    @classmethod
    def of(cls, day: MallDay) -> Self:
        return cls(
            day=day.day,
            orders_placed=day.orders_placed,
            orders_payable=day.orders_payable,
            orders_paid=day.orders_paid,
            orders_fulfilled=day.orders_fulfilled,
            orders_closed=day.orders_closed,
            orders_refunded=day.orders_refunded,
            money_in_fen=day.money_in_fen,
            earned_fen=day.earned_fen,
            refunded_fen=day.refunded_fen,
            held_fen=day.held_fen,
        )


class MallDayList(BaseModel):
    items: list[MallDayView]


router = APIRouter()


@router.get("/statistics/days")
async def statistics_by_day(doors: Here, _: Looker, first: SomeDay, last: SomeDay) -> MallDayList:
    """Every day from the first to the last, at most 92."""
    since, until = stretch(first, last)
    async with transaction(doors.console_pool) as connection:
        days = await store_console_day.days(connection, first=first, last=last, since=since, until=until)
    return MallDayList(items=[MallDayView.of(day) for day in days])


def stretch(first: date, last: date) -> tuple[datetime, datetime]:
    """When the first day begins in Beijing, and when the last one ends. Raises InvalidRequest."""
    if not timedelta(0) <= last - first < timedelta(days=DAYS_MAX):
        raise InvalidRequest(f"last: at most {DAYS_MAX} days, the first one included")
    return midnight(first), midnight(last + timedelta(days=1))
