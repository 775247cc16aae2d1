"""How campaigns did, day by day, and how things stand, over HTTP."""

from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel

from tuan.kernel.clock import BEIJING
from tuan.kernel.db import transaction
from tuan.kernel.errors import InvalidRequest
from tuan.kernel.web import Id
from tuan.market import store_day
from tuan.market.console_guard import Here, Looker
from tuan.market.console_shapes import CONSOLE
from tuan.market.store_day import Day, Now

DAYS_MAX = 92
SOON = timedelta(hours=1)
SomeDay = Annotated[date, Query(ge=date(2000, 1, 1), le=date(9000, 1, 1))]


class DayView(BaseModel):
    """A day of Beijing. Rates in basis points; `null` where no team came to its end, or none formed."""

    day: date
    campaign_id: str
    campaign_name: str
    quotes: int
    teams_opened: int
    teams_formed: int
    teams_failed: int
    seats_locked: int
    seats_paid: int
    seats_formed: int
    fill_rate_bp: int | None
    median_seconds_to_form: int | None
    revenue_fen: int
    saved_fen: int

    @classmethod
    def of(cls, day: Day) -> Self:
        return cls(
            day=day.day,
            campaign_id=day.campaign_id,
            campaign_name=day.campaign_name,
            quotes=day.quotes,
            teams_opened=day.teams_opened,
            teams_formed=day.teams_formed,
            teams_failed=day.teams_failed,
            seats_locked=day.seats_locked,
            seats_paid=day.seats_paid,
            seats_formed=day.seats_formed,
            fill_rate_bp=day.fill_rate_bp,
            median_seconds_to_form=day.median_seconds_to_form,
            revenue_fen=day.revenue_fen,
            saved_fen=day.saved_fen,
        )


class DayList(BaseModel):
    items: list[DayView]


class NowView(BaseModel):
    """Teams that form, and of them those that close within the hour; seats that wait for payment; webhooks
    owed, since when the oldest, and those given up."""

    teams_forming: int
    teams_closing_soon: int
    seats_held: int
    webhooks_pending: int
    webhooks_waiting_since: datetime | None
    webhooks_dead: int

    @classmethod
    def of(cls, now: Now) -> Self:
        return cls(**asdict(now))


router = APIRouter(prefix=CONSOLE)


@router.get("/statistics/days")
async def statistics_by_day(
    doors: Here, _: Looker, first: SomeDay, last: SomeDay, campaign_id: Id | None = None
) -> DayList:
    """From the first day to the last, at most 92; days on which nothing happened are left out."""
    if not timedelta(0) <= last - first < timedelta(days=DAYS_MAX):
        raise InvalidRequest(f"last: at most {DAYS_MAX} days, the first one included")
    async with transaction(doors.pool) as connection:
        days = await store_day.days(
            connection, campaign_id=campaign_id, since=_begin(first), until=_begin(last + timedelta(days=1))
        )
    return DayList(items=[DayView.of(day) for day in days])


@router.get("/statistics/now")
async def statistics_now(doors: Here, _: Looker) -> NowView:
    async with transaction(doors.pool) as connection:
        return NowView.of(await store_day.at_this_moment(connection, soon=doors.clock() + SOON))


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=BEIJING)
