"""What happened, in the original's codes.

Some of its codes are missing, because nothing here leads to them: no calculator for a plan (E0001), zero
rows updated (0004), a callback that failed while somebody waited for it (0005), stock in a cache (E0008).
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Final

from tuan.kernel import errors
from tuan.kernel.errors import Refusal
from tuan.market.campaign import (
    AudienceRestricted,
    Campaign,
    CampaignStatus,
    ListingChanged,
    NoListing,
    TakeLimitReached,
)
from tuan.market.operator import NotPermitted, NotSignedIn
from tuan.market.switch import Downgraded, OutsideRollout, SourceBlocked, TooFast
from tuan.market.team import (
    AlreadyInTeam,
    OrderNumberReused,
    SeatGone,
    TeamClosed,
    TeamFull,
    WrongTeam,
)


class Code(Enum):
    SUCCESS = ("0000", "成功")
    UNKNOWN = ("0001", "未知失败")
    ILLEGAL = ("0002", "非法参数")
    REUSED = ("0003", "唯一索引冲突")
    TOO_FAST = ("0006", "接口限流异常")
    NO_LISTING = ("E0002", "无拼团营销配置")
    DOWNGRADED = ("E0003", "拼团活动降级拦截")
    OUTSIDE_ROLLOUT = ("E0004", "拼团活动切量拦截")
    NO_TEAM = ("E0005", "拼团组队失败，记录更新为0")
    TEAM_COMPLETE = ("E0006", "拼团组队完结，锁单量已达成")
    OUTSIDE_AUDIENCE = ("E0007", "拼团人群限定，不可参与")
    NOT_EFFECTIVE = ("E0101", "拼团活动未生效")
    OUTSIDE_WINDOW = ("E0102", "不在拼团活动有效时间内")
    TAKE_LIMIT = ("E0103", "当前用户参与此拼团次数已达上限")
    NO_ORDER = ("E0104", "不存在的外部交易单号或用户已退单")
    BLOCKED = ("E0105", "SC渠道黑名单拦截")
    PAID_TOO_LATE = ("E0106", "订单交易时间不在拼团有效时间范围内")

    @property
    def number(self) -> str:
        return self.value[0]

    @property
    def info(self) -> str:
        return self.value[1]


class Answered(Refusal):
    """Refused, and the code for it is already known."""

    def __init__(self, original: Code) -> None:
        super().__init__(original.info)
        self.original = original


CODES: Final[Mapping[type[Refusal], Code]] = {
    errors.InvalidRequest: Code.ILLEGAL,
    errors.TooLarge: Code.ILLEGAL,
    errors.Unauthorized: Code.ILLEGAL,
    errors.Forbidden: Code.ILLEGAL,
    NotSignedIn: Code.ILLEGAL,
    NotPermitted: Code.ILLEGAL,
    errors.Overloaded: Code.TOO_FAST,
    TooFast: Code.TOO_FAST,
    OrderNumberReused: Code.REUSED,
    NoListing: Code.NO_LISTING,
    ListingChanged: Code.NO_LISTING,
    Downgraded: Code.DOWNGRADED,
    OutsideRollout: Code.OUTSIDE_ROLLOUT,
    SourceBlocked: Code.BLOCKED,
    errors.NotFound: Code.NO_TEAM,
    WrongTeam: Code.NO_TEAM,
    TeamFull: Code.TEAM_COMPLETE,
    TeamClosed: Code.TEAM_COMPLETE,
    AudienceRestricted: Code.OUTSIDE_AUDIENCE,
    TakeLimitReached: Code.TAKE_LIMIT,
    AlreadyInTeam: Code.TAKE_LIMIT,
    SeatGone: Code.NO_ORDER,
}


def code_of(refusal: Refusal) -> Code:
    if isinstance(refusal, Answered):
        return refusal.original
    return CODES.get(type(refusal), Code.UNKNOWN)


def code_of_closed(campaign: Campaign, *, now: datetime) -> Code:
    """Not selling, or not at this hour: what is one refusal here is two there."""
    in_window = campaign.starts_at <= now < campaign.ends_at
    if campaign.status is CampaignStatus.DRAFT or in_window:
        return Code.NOT_EFFECTIVE
    return Code.OUTSIDE_WINDOW
