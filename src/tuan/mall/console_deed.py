"""The record of what operators did, over HTTP."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.db import transaction
from tuan.kernel.shapes import PAGE, Limit, Moment, cut
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Id
from tuan.mall import store_deed
from tuan.mall.console_guard import Looker
from tuan.mall.store_deed import DEEDS, DeedFilter, Recorded
from tuan.mall.visitor import Here

About = Annotated[str | None, Query(max_length=256, pattern=r"^[!-~]+$")]


class DeedView(BaseModel):
    id: int
    at: AwareDatetime
    operator_id: str
    operator_name: str
    action: str
    about: str
    before: Any
    after: Any
    reason: str

    @classmethod
    def of(cls, recorded: Recorded) -> Self:
        return cls(
            id=recorded.id,
            at=recorded.at,
            operator_id=recorded.operator_id,
            operator_name=recorded.operator_name,
            action=recorded.action,
            about=recorded.about,
            before=recorded.before,
            after=recorded.after,
            reason=recorded.reason,
        )


class DeedPage(BaseModel):
    items: list[DeedView]
    next_cursor: str | None


router = APIRouter()


@router.get("/deeds")
async def list_deeds(
    doors: Here,
    _: Looker,
    operator_id: Id | None = None,
    action: Id | None = None,
    about: About = None,
    since: Moment | None = None,
    until: Moment | None = None,
    sort: Sort = "-at",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> DeedPage:
    """Who changed what, by `at`, `operator`, `action` or `about`; `about` is as in order:260101ABC,
    product:9890001."""
    turn = DEEDS.turn(sort, cursor)
    wanted = DeedFilter(operator_id=operator_id, action=action, about=about, since=since, until=until)
    async with transaction(doors.console_pool) as connection:
        rows = await store_deed.deeds(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return DeedPage(
        items=[DeedView.of(recorded) for recorded in page],
        next_cursor=DEEDS.cursor(sort, last) if last else None,
    )
