"""The switches over HTTP: as they are, all turned at once, and how they were."""

from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tuan.kernel.db import transaction
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Body, Id
from tuan.market import store_catalog, store_operator
from tuan.market.console_guard import Here, Looker, Switcher, deed_of
from tuan.market.console_operator import AuditPage, audit_page
from tuan.market.console_shapes import CONSOLE, PAGE, Limit, Reason
from tuan.market.store_operator import AUDIT, AuditFilter
from tuan.market.switch import Switchboard
from tuan.market.turn import ABOUT, turn_switches

Rate = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class SourceChannelView(Body):
    source: Id
    channel: Id


class SwitchesView(BaseModel):
    downgraded: bool
    rollout_percent: int
    blocked: list[SourceChannelView]
    locks_per_minute: int
    quotes_per_second: int

    @classmethod
    def of(cls, board: Switchboard) -> Self:
        return cls(
            downgraded=board.downgraded,
            rollout_percent=board.rollout_percent,
            blocked=[
                SourceChannelView(source=source, channel=channel) for source, channel in sorted(board.blocked)
            ],
            locks_per_minute=board.locks_per_minute,
            quotes_per_second=board.quotes_per_second,
        )


class SwitchesBody(Body):
    downgraded: Annotated[bool, Field(strict=True)]
    rollout_percent: Annotated[int, Field(strict=True, ge=0, le=100)]
    blocked: Annotated[list[SourceChannelView], Field(max_length=1000)]
    locks_per_minute: Rate
    quotes_per_second: Rate
    reason: Reason

    def board(self) -> Switchboard:
        return Switchboard(
            downgraded=self.downgraded,
            rollout_percent=self.rollout_percent,
            blocked=frozenset((pair.source, pair.channel) for pair in self.blocked),
            locks_per_minute=self.locks_per_minute,
            quotes_per_second=self.quotes_per_second,
        )


router = APIRouter(prefix=CONSOLE)


@router.get("/switches")
async def read_switches(doors: Here, _: Looker) -> SwitchesView:
    async with transaction(doors.pool) as connection:
        return SwitchesView.of(await store_catalog.switches(connection))


@router.put("/switches")
async def put_switches(body: SwitchesBody, doors: Here, operator: Switcher) -> SwitchesView:
    """Every process follows as soon as it hears of it."""
    deed = deed_of(operator, doors, reason=body.reason)
    return SwitchesView.of(await turn_switches(doors.pool, body.board(), deed=deed))


@router.get("/switches/history")
async def switches_history(
    doors: Here, _: Looker, sort: Sort = "-at", cursor: SortedCursor = None, limit: Limit = PAGE
) -> AuditPage:
    """By `at`: the newest first if nothing is said."""
    turn = AUDIT.turn(sort, cursor)
    async with transaction(doors.pool) as connection:
        rows = await store_operator.audit(connection, AuditFilter(about=ABOUT), turn, limit=limit + 1)
    return audit_page(rows, sort, limit=limit)
