"""Teams and seats over HTTP, with their buyers and all that happened to them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel

from tuan.kernel.db import transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Id
from tuan.market import store_team, store_timeline
from tuan.market.console_guard import Here, Looker
from tuan.market.console_shapes import CONSOLE, PAGE, Limit, cut
from tuan.market.store_team import TeamRow
from tuan.market.store_timeline import TEAMS, Moment, TeamFilter, What
from tuan.market.team import Seat, SeatStatus, TeamStatus

Minutes = Annotated[int | None, Query(ge=0, le=31 * 24 * 60)]


class TeamRecordView(BaseModel):
    id: str
    campaign_id: str
    source: str
    goods_id: str
    status: TeamStatus
    seats_target: int
    seats_taken: int
    seats_settled: int
    opener_id: str
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, team: TeamRow) -> Self:
        return cls(
            id=team.id,
            campaign_id=team.campaign_id,
            source=team.source,
            goods_id=team.goods_id,
            status=team.status,
            seats_target=team.seats_target,
            seats_taken=team.seats_taken,
            seats_settled=team.seats_settled,
            opener_id=team.opener_id,
            opened_at=team.opened_at,
            closes_at=team.closes_at,
            closed_at=team.closed_at,
        )


class TeamRecordPage(BaseModel):
    items: list[TeamRecordView]
    next_cursor: str | None


class SeatRecordView(BaseModel):
    source: str
    channel: str
    out_trade_no: str
    team_id: str
    campaign_id: str
    goods_id: str
    buyer_id: str
    status: SeatStatus
    list_fen: int
    discount_fen: int
    payable_fen: int
    locked_at: datetime
    hold_until: datetime
    paid_at: datetime | None
    given_back_at: datetime | None

    @classmethod
    def of(cls, seat: Seat) -> Self:
        return cls(
            source=seat.source,
            channel=seat.channel,
            out_trade_no=seat.out_trade_no,
            team_id=seat.team_id,
            campaign_id=seat.campaign_id,
            goods_id=seat.goods_id,
            buyer_id=seat.buyer_id,
            status=seat.status,
            list_fen=seat.list_fen,
            discount_fen=seat.discount_fen,
            payable_fen=seat.payable_fen,
            locked_at=seat.locked_at,
            hold_until=seat.hold_until,
            paid_at=seat.paid_at,
            given_back_at=seat.given_back_at,
        )


class SeatRecordList(BaseModel):
    items: list[SeatRecordView]


class MomentView(BaseModel):
    """`webhook.sent` says what the endpoint answered; without a `status_code` nothing came back."""

    at: datetime
    what: What
    out_trade_no: str | None
    buyer_id: str | None
    event_id: str | None
    endpoint_id: str | None
    status_code: int | None

    @classmethod
    def of(cls, moment: Moment) -> Self:
        return cls(
            at=moment.at,
            what=moment.what,
            out_trade_no=moment.out_trade_no,
            buyer_id=moment.buyer_id,
            event_id=moment.event_id,
            endpoint_id=moment.endpoint_id,
            status_code=moment.status_code,
        )


class TeamStoryView(BaseModel):
    team: TeamRecordView
    seats: list[SeatRecordView]
    timeline: list[MomentView]

    @classmethod
    def of(cls, team: TeamRow, seats: Sequence[Seat], timeline: Sequence[Moment]) -> Self:
        return cls(
            team=TeamRecordView.of(team),
            seats=[SeatRecordView.of(seat) for seat in seats],
            timeline=[MomentView.of(moment) for moment in timeline],
        )


router = APIRouter(prefix=CONSOLE)


@router.get("/teams")
async def list_teams(
    doors: Here,
    _: Looker,
    status: TeamStatus | None = None,
    campaign_id: Id | None = None,
    source: Id | None = None,
    goods_id: Id | None = None,
    closing_within_minutes: Minutes = None,
    sort: Sort | None = None,
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> TeamRecordPage:
    """By `opened`, `closes` or `paid`: the newest first if nothing is said; with
    `closing_within_minutes` those that form, the next to close first."""
    sort = sort or ("-opened" if closing_within_minutes is None else "closes")
    turn = TEAMS.turn(sort, cursor)
    wanted = TeamFilter(
        status=status,
        campaign_id=campaign_id,
        source=source,
        goods_id=goods_id,
        closes_before=None
        if closing_within_minutes is None
        else doors.clock() + timedelta(minutes=closing_within_minutes),
    )
    async with transaction(doors.pool) as connection:
        rows = await store_timeline.teams(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return TeamRecordPage(
        items=[TeamRecordView.of(team) for team in page],
        next_cursor=TEAMS.cursor(sort, last) if last else None,
    )


@router.get("/teams/{team_id}")
async def read_team(team_id: Id, doors: Here, _: Looker) -> TeamStoryView:
    """A team, every seat it ever had, and all that happened, in order."""
    async with transaction(doors.pool) as connection:
        team = await store_team.team_of(connection, team_id)
        if team is None:
            raise NotFound("There is no such team.")
        seats = await store_timeline.seats_of_team(connection, team_id)
        timeline = await store_timeline.timeline(connection, team_id)
    return TeamStoryView.of(team, seats, timeline)


@router.get("/seats/{out_trade_no}")
async def find_seats(out_trade_no: Id, doors: Here, _: Looker) -> SeatRecordList:
    """One for each source that used this order number; none if nobody did."""
    async with transaction(doors.pool) as connection:
        found = await store_timeline.seats_by_number(connection, out_trade_no)
    return SeatRecordList(items=[SeatRecordView.of(seat) for seat in found])
