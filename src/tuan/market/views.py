"""What the market says: the shapes of its answers. Those of the hot routes are dataclasses, which
msgspec writes in a fraction of the time that pydantic takes to build and write a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from tuan.market.discount import Plan
from tuan.market.quote import Quote
from tuan.market.store_team import Member, Statistics, TeamRow
from tuan.market.team import Seat, SeatStatus, Team, TeamStatus


@dataclass(kw_only=True, slots=True)
class ReasonView:
    code: str
    detail: str


@dataclass(kw_only=True, slots=True)
class QuoteView:
    goods_id: str
    campaign_id: str
    list_fen: int
    discount_fen: int
    payable_fen: int
    plan: Plan
    seats_target: int
    take_limit: int
    team_minutes: int
    hold_minutes: int
    starts_at: datetime
    ends_at: datetime
    may_see: bool
    may_join: bool
    reasons: list[ReasonView]

    @classmethod
    def of(cls, quote: Quote) -> Self:
        campaign, price = quote.listing.campaign, quote.price
        terms = campaign.terms
        return cls(
            goods_id=quote.listing.goods_id,
            campaign_id=campaign.id,
            list_fen=price.list_fen,
            discount_fen=price.discount_fen,
            payable_fen=price.payable_fen,
            plan=terms.discount.plan,
            seats_target=terms.seats_target,
            take_limit=terms.take_limit,
            team_minutes=terms.team_minutes,
            hold_minutes=terms.hold_minutes,
            starts_at=campaign.starts_at,
            ends_at=campaign.ends_at,
            may_see=quote.may_see,
            may_join=quote.may_join,
            reasons=[ReasonView(code=reason.code, detail=reason.detail) for reason in quote.reasons],
        )


@dataclass(kw_only=True, slots=True)
class SeatTeamView:
    status: TeamStatus
    seats_target: int
    seats_taken: int
    seats_settled: int
    closes_at: datetime


@dataclass(kw_only=True, slots=True)
class SeatView:
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
    team: SeatTeamView

    @classmethod
    def of(cls, seat: Seat, team: Team | TeamRow) -> Self:
        return cls(
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
            team=SeatTeamView(
                status=team.status,
                seats_target=team.seats_target,
                seats_taken=team.seats_taken,
                seats_settled=team.seats_settled,
                closes_at=team.closes_at,
            ),
        )


class MemberView(BaseModel):
    buyer_id: str
    out_trade_no: str
    status: SeatStatus
    opener: bool


class TeamView(BaseModel):
    id: str
    campaign_id: str
    goods_id: str
    status: TeamStatus
    seats_target: int
    seats_taken: int
    seats_settled: int
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None
    members: list[MemberView]

    @classmethod
    def of(cls, team: TeamRow, members: Iterable[Member]) -> Self:
        return cls(
            id=team.id,
            campaign_id=team.campaign_id,
            goods_id=team.goods_id,
            status=team.status,
            seats_target=team.seats_target,
            seats_taken=team.seats_taken,
            seats_settled=team.seats_settled,
            opened_at=team.opened_at,
            closes_at=team.closes_at,
            closed_at=team.closed_at,
            members=[
                MemberView(
                    buyer_id=member.buyer_id,
                    out_trade_no=member.out_trade_no,
                    status=member.status,
                    opener=member.buyer_id == team.opener_id,
                )
                for member in members
                if member.team_id == team.id
            ],
        )


class TeamsView(BaseModel):
    teams: list[TeamView]
    server_time: datetime


class StatisticsView(BaseModel):
    teams_opened: int
    teams_formed: int
    buyers: int


class GoodsTeamsView(BaseModel):
    campaign_id: str | None
    teams: list[TeamView]
    statistics: StatisticsView
    server_time: datetime

    @classmethod
    def of(
        cls,
        *,
        campaign_id: str | None,
        teams: Sequence[TeamRow],
        members: Sequence[Member],
        statistics: Statistics,
        now: datetime,
    ) -> Self:
        return cls(
            campaign_id=campaign_id,
            teams=[TeamView.of(team, members) for team in teams],
            statistics=StatisticsView(
                teams_opened=statistics.teams_opened,
                teams_formed=statistics.teams_formed,
                buyers=statistics.buyers,
            ),
            server_time=now,
        )
