"""A team fills its seats before it closes, or it fails and every buyer gets their money back.

Team    FORMING ── last seat settled ──▶ FORMED
        FORMING ── closing time ───────▶ FAILED

Seat    LOCKED ── settle ──▶ SETTLED ── refund ──▶ REFUNDED
        LOCKED ── release ─▶ RELEASED

A seat given back while the team forms is free again. One refunded after the team has formed is not
sold again, and the team stays formed; a team that fails gives back every seat and keeps its counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tuan.kernel.errors import NotFound, Refusal
from tuan.market.discount import Price

OrderKey = tuple[str, str]  # source, out_trade_no
BuyerKey = tuple[str, str]  # campaign_id, buyer_id
ListingKey = tuple[str, str, str]  # source, channel, goods_id


class TeamStatus(StrEnum):
    FORMING = "forming"
    FORMED = "formed"
    FAILED = "failed"


class SeatStatus(StrEnum):
    LOCKED = "locked"
    SETTLED = "settled"
    RELEASED = "released"
    REFUNDED = "refunded"


class TeamFull(Refusal):
    """Every seat in this team is taken."""

    code = "team_full"


class TeamClosed(Refusal):
    """This team is no longer forming."""

    code = "team_closed"


class WrongTeam(Refusal):
    """This team buys other goods, or in another campaign."""

    code = "wrong_team"


class AlreadyInTeam(Refusal):
    """This buyer has a seat in this team already."""

    code = "already_in_team"


class OrderNumberReused(Refusal):
    """This order number already holds a different seat."""

    code = "order_number_reused"


class SeatGone(Refusal):
    """This seat was given back before it was paid for; refund the buyer."""

    code = "seat_gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatRequest:
    source: str
    channel: str
    out_trade_no: str
    buyer_id: str
    campaign_id: str
    goods_id: str
    team_id: str | None = None  # None opens a new team.

    @property
    def order(self) -> OrderKey:
        return self.source, self.out_trade_no

    @property
    def buyer(self) -> BuyerKey:
        return self.campaign_id, self.buyer_id

    @property
    def listing(self) -> ListingKey:
        return self.source, self.channel, self.goods_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    source: str
    out_trade_no: str
    paid_at: datetime

    @property
    def order(self) -> OrderKey:
        return self.source, self.out_trade_no


@dataclass(frozen=True, kw_only=True, slots=True)
class GiveBack:
    source: str
    out_trade_no: str

    @property
    def order(self) -> OrderKey:
        return self.source, self.out_trade_no


@dataclass(kw_only=True, slots=True)
class Seat:
    source: str
    out_trade_no: str
    team_id: str
    campaign_id: str
    goods_id: str
    channel: str
    buyer_id: str
    list_fen: int
    discount_fen: int
    payable_fen: int
    locked_at: datetime
    hold_until: datetime
    status: SeatStatus = SeatStatus.LOCKED
    paid_at: datetime | None = None
    given_back_at: datetime | None = None

    @property
    def order(self) -> OrderKey:
        return self.source, self.out_trade_no

    @property
    def buyer(self) -> BuyerKey:
        return self.campaign_id, self.buyer_id

    @property
    def is_held(self) -> bool:
        return self.status in (SeatStatus.LOCKED, SeatStatus.SETTLED)

    def is_due(self, *, now: datetime) -> bool:
        return self.status is SeatStatus.LOCKED and now >= self.hold_until

    def answer(self, request: SeatRequest) -> "Seat":
        """Asking again for the same seat is fine; its number cannot ask for another."""
        ours = (self.buyer_id, self.campaign_id, self.goods_id, self.channel)
        theirs = (request.buyer_id, request.campaign_id, request.goods_id, request.channel)
        if ours != theirs or request.team_id not in (None, self.team_id):
            raise OrderNumberReused
        return self


@dataclass(kw_only=True, slots=True)
class Team:
    id: str
    campaign_id: str
    terms_id: str
    source: str
    goods_id: str
    opener_id: str
    list_fen: int
    status: TeamStatus = TeamStatus.FORMING
    seats_target: int
    seats_taken: int = 0
    seats_settled: int = 0
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None = None

    def lock(self, request: SeatRequest, *, price: Price, hold_until: datetime, now: datetime) -> Seat:
        if self.source != request.source:
            raise NotFound  # Another merchant's team: we do not even say that it exists.
        if (self.campaign_id, self.goods_id) != (request.campaign_id, request.goods_id):
            raise WrongTeam
        self._require_forming(at=now)
        if self.seats_taken == self.seats_target:
            raise TeamFull

        self.seats_taken += 1
        return Seat(
            source=request.source,
            out_trade_no=request.out_trade_no,
            team_id=self.id,
            campaign_id=self.campaign_id,
            goods_id=self.goods_id,
            channel=request.channel,
            buyer_id=request.buyer_id,
            list_fen=price.list_fen,
            discount_fen=price.discount_fen,
            payable_fen=price.payable_fen,
            locked_at=now,
            hold_until=hold_until,
        )

    def settle(self, seat: Seat, *, paid_at: datetime, now: datetime) -> None:
        """The seat decides, and when it was paid for; not when we hear of it."""
        if seat.status is not SeatStatus.LOCKED:
            raise SeatGone
        self._require_forming(at=paid_at)

        seat.status = SeatStatus.SETTLED
        seat.paid_at = paid_at
        self.seats_settled += 1
        if self.seats_settled == self.seats_target:
            self.status = TeamStatus.FORMED
            self.closed_at = now

    def give_back(self, seat: Seat, *, now: datetime) -> None:
        """Free a held seat: released if it was not paid for, refunded if it was."""
        if self.status is TeamStatus.FORMING:
            self.seats_taken -= 1
            self.seats_settled -= seat.status is SeatStatus.SETTLED
        seat.status = SeatStatus.REFUNDED if seat.status is SeatStatus.SETTLED else SeatStatus.RELEASED
        seat.given_back_at = now

    def is_due_to_fail(self, *, now: datetime, grace: timedelta) -> bool:
        """The grace is for payments made in time that we have yet to hear of."""
        return self.status is TeamStatus.FORMING and now >= self.closes_at + grace

    def fail(self, *, now: datetime) -> None:
        self.status = TeamStatus.FAILED
        self.closed_at = now

    def _require_forming(self, *, at: datetime) -> None:
        if self.status is not TeamStatus.FORMING or at >= self.closes_at:
            raise TeamClosed
