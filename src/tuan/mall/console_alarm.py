"""Alarms over HTTP: what a person should look at, and has looked at."""

from typing import Self

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.db import transaction
from tuan.kernel.shapes import PAGE, Limit, ReasonBody, cut
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Id
from tuan.mall import alarm, store_alarm
from tuan.mall.console_guard import Looker, Server, deed_of
from tuan.mall.store_alarm import ALARMS, Alarm, AlarmFilter
from tuan.mall.visitor import Here


class AlarmView(BaseModel):
    """Rings until it is cleared; the same trouble about the same thing counts in `times`."""

    id: str
    kind: str
    about: str
    detail: str
    times: int
    first_at: AwareDatetime
    last_at: AwareDatetime
    cleared_at: AwareDatetime | None

    @classmethod
    def of(cls, told: Alarm) -> Self:
        return cls(
            id=told.id,
            kind=told.kind,
            about=told.about,
            detail=told.detail,
            times=told.times,
            first_at=told.first_at,
            last_at=told.last_at,
            cleared_at=told.cleared_at,
        )


class AlarmPage(BaseModel):
    items: list[AlarmView]
    next_cursor: str | None


router = APIRouter()


@router.get("/alarms")
async def list_alarms(
    doors: Here,
    _: Looker,
    is_ringing: bool | None = None,
    kind: Id | None = None,
    about: Id | None = None,
    sort: Sort = "-first",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> AlarmPage:
    """By `first`, `last`, `times` or `kind`; `about` is the number of a payment, a refund or an order."""
    turn = ALARMS.turn(sort, cursor)
    wanted = AlarmFilter(is_ringing=is_ringing, kind=kind, about=about)
    async with transaction(doors.console_pool) as connection:
        rows = await store_alarm.alarms(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return AlarmPage(
        items=[AlarmView.of(told) for told in page], next_cursor=ALARMS.cursor(sort, last) if last else None
    )


@router.put("/alarms/{alarm_id}/clearance")
async def clear_alarm(alarm_id: Id, body: ReasonBody, doors: Here, operator: Server) -> AlarmView:
    """Somebody has looked, and says what it was. Should the trouble come again, so does the alarm."""
    deed = deed_of(operator, doors, reason=body.reason)
    return AlarmView.of(await alarm.clear_alarm(doors.console_pool, alarm_id, deed=deed))
