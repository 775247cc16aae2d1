"""What happened, in the original's codes: the mall's four, and the market's where the market said no."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from tuan.kernel.errors import Forbidden, InvalidRequest, NotFound, Refusal, TooLarge
from tuan.mall.allowance import TooOften
from tuan.mall.buyer import NotSignedIn
from tuan.mall.market_client import MarketUnavailable
from tuan.mall.order import OrderRefused
from tuan.mall.payment import HoldEnded


class Code(Enum):
    SUCCESS = ("0000", "调用成功")
    FAILED = ("0001", "调用失败")
    PRICE_CHANGED = ("0001", "商品价格刚刚有变，请刷新后重新下单")
    TOO_LATE = ("0001", "支付时间已过，请稍后重新下单")
    ILLEGAL = ("0002", "非法参数")
    NOT_SIGNED_IN = ("0003", "未登录")

    REUSED = ("0003", "唯一索引冲突")
    TOO_FAST = ("0006", "接口限流异常")
    NO_LISTING = ("E0002", "无拼团营销配置")
    DOWNGRADED = ("E0003", "拼团活动降级拦截")
    OUTSIDE_ROLLOUT = ("E0004", "拼团活动切量拦截")
    NO_TEAM = ("E0005", "拼团组队失败，记录更新为0")
    TEAM_COMPLETE = ("E0006", "拼团组队完结，锁单量已达成")
    OUTSIDE_AUDIENCE = ("E0007", "拼团人群限定，不可参与")
    NOT_EFFECTIVE = ("E0101", "拼团活动未生效")
    TAKE_LIMIT = ("E0103", "当前用户参与此拼团次数已达上限")
    NO_ORDER = ("E0104", "不存在的外部交易单号或用户已退单")
    BLOCKED = ("E0105", "SC渠道黑名单拦截")

    @property
    def number(self) -> str:
        return self.value[0]

    @property
    def info(self) -> str:
        return self.value[1]


OURS: Final[Mapping[type[Refusal], Code]] = {
    InvalidRequest: Code.ILLEGAL,
    NotFound: Code.ILLEGAL,
    TooLarge: Code.ILLEGAL,
    Forbidden: Code.ILLEGAL,
    NotSignedIn: Code.NOT_SIGNED_IN,
    TooOften: Code.TOO_FAST,
    HoldEnded: Code.TOO_LATE,
}

# What became of an order, by the code of its refusal: the market's own, or one of ours.
OF_ORDERS: Final[Mapping[str, Code]] = {
    "price_changed": Code.PRICE_CHANGED,
    "hold_ended": Code.TOO_LATE,
    "order_number_reused": Code.REUSED,
    "too_many_requests": Code.TOO_FAST,
    "no_listing": Code.NO_LISTING,
    "listing_changed": Code.NO_LISTING,
    "downgraded": Code.DOWNGRADED,
    "outside_rollout": Code.OUTSIDE_ROLLOUT,
    "not_found": Code.NO_TEAM,
    "wrong_team": Code.NO_TEAM,
    "team_full": Code.TEAM_COMPLETE,
    "team_closed": Code.TEAM_COMPLETE,
    "audience_restricted": Code.OUTSIDE_AUDIENCE,
    "campaign_closed": Code.NOT_EFFECTIVE,
    "take_limit_reached": Code.TAKE_LIMIT,
    "already_in_team": Code.TAKE_LIMIT,
    "seat_gone": Code.NO_ORDER,
    "source_blocked": Code.BLOCKED,
}


def code_of(refusal: Refusal) -> Code:
    match refusal:
        case MarketUnavailable():
            return OF_ORDERS.get(refusal.reason, Code.FAILED)
        case OrderRefused():
            return OF_ORDERS.get(refusal.code, Code.FAILED)
    return OURS.get(type(refusal), Code.FAILED)
