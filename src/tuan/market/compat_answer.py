"""What callers of the original's paths are answered: its field names, yuan as numbers, epoch milliseconds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from starlette.responses import Response

from tuan.kernel.original import Shape, envelope, millis, yuan
from tuan.market.compat_code import Code
from tuan.market.quote import Quote
from tuan.market.store_team import Member, Statistics, TeamRow
from tuan.market.team import Seat, SeatStatus

OTHERS_SHOWN: Final = 2
SHOWN_LENGTH_MIN: Final = 7  # Of a shorter name, two letters at each end would be nearly all of it.
ORDER_STATUS: Final = {
    SeatStatus.LOCKED: 0,
    SeatStatus.SETTLED: 1,
    SeatStatus.RELEASED: 2,
    SeatStatus.REFUNDED: 2,
}


class Given(NamedTuple):
    """What came of giving a seat back, in the words for it."""

    code: str
    info: str


GIVEN: Final = Given("success", "成功")
GIVEN_BEFORE: Final = Given("repeat", "重复")
NOT_GIVEN: Final = Given("fail", "失败")


class ShownTeam(NamedTuple):
    team: TeamRow
    own_order: str | None  # None: the asking buyer is not in it.


def answer(data: Shape | None, code: Code = Code.SUCCESS) -> Response:
    return envelope(code.number, code.info, data)


def shown_teams(teams: Sequence[TeamRow], members: Sequence[Member], *, buyer_id: str) -> list[ShownTeam]:
    """One of the buyer's own, and up to two of others."""
    orders = {member.team_id: member.out_trade_no for member in members if member.buyer_id == buyer_id}
    shown = [ShownTeam(team, orders.get(team.id)) for team in teams]
    own = [one for one in shown if one.own_order is not None][:1]
    others = [one for one in shown if one.own_order is None][:OTHERS_SHOWN]
    return own + others


def config_shape(
    quote: Quote,
    *,
    buyer_id: str,
    shown: Sequence[ShownTeam],
    numbers: Mapping[str, str],
    statistics: Statistics,
    now: datetime,
) -> Shape:
    return {
        "activityId": int(quote.listing.campaign.id),
        "goods": {
            "goodsId": quote.listing.goods_id,
            "originalPrice": yuan(quote.price.list_fen),
            "deductionPrice": yuan(quote.price.discount_fen),
            "payPrice": yuan(quote.price.payable_fen),
        },
        "teamList": [_team_shape(one, numbers[one.team.id], buyer_id=buyer_id, now=now) for one in shown],
        "teamStatistic": {
            "allTeamCount": statistics.teams_opened,
            "allTeamCompleteCount": statistics.teams_formed,
            "allTeamUserCount": statistics.buyers,
        },
    }


def locked_shape(seat: Seat, *, seat_number: str, team_number: str) -> Shape:
    return {
        "orderId": seat_number,
        "originalPrice": yuan(seat.list_fen),
        "deductionPrice": yuan(seat.discount_fen),
        "payPrice": yuan(seat.payable_fen),
        "tradeOrderStatus": ORDER_STATUS[seat.status],
        "teamId": team_number,
    }


def settled_shape(seat: Seat, *, team_number: str) -> Shape:
    return {
        "userId": seat.buyer_id,
        "teamId": team_number,
        "activityId": int(seat.campaign_id),
        "outTradeNo": seat.out_trade_no,
    }


def given_shape(
    given: Given, *, buyer_id: str, seat_number: str | None = None, team_number: str | None = None
) -> Shape:
    return {
        "userId": buyer_id,
        "orderId": seat_number,
        "teamId": team_number,
        "code": given.code,
        "info": given.info,
    }


def countdown(*, until: datetime, now: datetime) -> str:
    """Hours, minutes and seconds that are left; of two days, 48 hours."""
    left = int((until - now).total_seconds())
    if left <= 0:
        return "已结束"
    return f"{left // 3600:02d}:{left // 60 % 60:02d}:{left % 60:02d}"


def masked(buyer_id: str) -> str:
    return f"{buyer_id[:2]}***{buyer_id[-2:]}" if len(buyer_id) >= SHOWN_LENGTH_MIN else "***"


def _team_shape(shown: ShownTeam, number: str, *, buyer_id: str, now: datetime) -> Shape:
    """Of other buyers nothing by which they could be known, nor their order be settled."""
    team, own_order = shown
    return {
        "userId": masked(team.opener_id) if own_order is None else buyer_id,
        "teamId": number,
        "activityId": int(team.campaign_id),
        "targetCount": team.seats_target,
        "completeCount": team.seats_settled,
        "lockCount": team.seats_taken,
        "validStartTime": millis(team.opened_at),
        "validEndTime": millis(team.closes_at),
        "validTimeCountdown": countdown(until=team.closes_at, now=now),
        "outTradeNo": own_order,
    }
