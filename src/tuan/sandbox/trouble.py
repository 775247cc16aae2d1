"""Trouble made on purpose: where it is met, what it does, to whom, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tuan.kernel.errors import Refusal
from tuan.kernel.ids import new_id


class Door(StrEnum):
    """Where troubles wait for what passes: the party that suffers, and what it is doing."""

    NOTIFY = "alipay.notify"
    CASHIER = "alipay.cashier"
    GATEWAY = "alipay.gateway"
    PUSH = "wechat.push"


class Kind(StrEnum):
    LOST = "lost"
    LATE = "late"
    REPEATED = "repeated"
    OVERTAKEN = "overtaken"
    AFTER_QUERY = "after_query"
    WRONG_SIGN = "wrong_sign"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_SELLER = "wrong_seller"
    WRONG_APP = "wrong_app"

    NOTIFY_FIRST = "notify_first"

    SLOW = "slow"
    DEAD = "dead"
    CUT_OFF = "cut_off"
    UNKNOWN = "unknown"
    NO_BALANCE = "no_balance"
    ANSWER_LOST = "answer_lost"
    SYSTEM_ERROR = "system_error"
    UNSIGNED = "unsigned"
    ESCAPED = "escaped"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a kind does at its door, as the page tells it. `unit` is of its measure, if it has one."""

    name: str
    tells: str
    unit: str | None = None
    usual: int | None = None
    most: int = 1


PLACES: Final = {
    Door.NOTIFY: "支付宝异步通知",
    Door.CASHIER: "支付宝收银台",
    Door.GATEWAY: "支付宝网关",
    Door.PUSH: "微信推送",
}
DAY_SECONDS: Final = 24 * 60 * 60
EFFECTS: Final[Mapping[Door, Mapping[Kind, Effect]]] = {
    Door.NOTIFY: {
        Kind.LOST: Effect("通知丢失", "这一次没有送到，算作一次无人应答，之后照通知阶梯重发。"),
        Kind.LATE: Effect("通知迟到", "第一次发送推迟这么久。", "秒", 60, 2 * DAY_SECONDS),
        Kind.REPEATED: Effect("通知重复", "同一条通知在同一时刻送出这么多份。", "份", 3, 50),
        Kind.OVERTAKEN: Effect(
            "通知乱序", "先让一条更晚的通知送出，再送这一条；最多等这么久。", "秒", 60, DAY_SECONDS
        ),
        Kind.AFTER_QUERY: Effect("查询后才通知", "商户查询并得知已付款之前，不发通知。"),
        Kind.WRONG_SIGN: Effect("通知签名错误", "内容没错，签名不是支付宝的。"),
        Kind.WRONG_AMOUNT: Effect("通知金额错误", "签名有效，金额说成 0.01 元。"),
        Kind.WRONG_SELLER: Effect("通知收款方错误", "签名有效，seller_id 是别家的。"),
        Kind.WRONG_APP: Effect("通知应用错误", "签名有效，app_id 是别家的。"),
    },
    Door.CASHIER: {
        Kind.NOTIFY_FIRST: Effect("先通知再返回", "付款后先把通知送到商户，买家才看到付款成功。"),
        Kind.DEAD: Effect("收银台打不开", "商户把买家带到收银台时得到 502。"),
    },
    Door.GATEWAY: {
        Kind.SLOW: Effect("网关很慢", "等这么久才开始处理。", "秒", 5, 30),
        Kind.DEAD: Effect("网关 502", "什么也没有做，应答 502。"),
        Kind.CUT_OFF: Effect("网关断线", "什么也没有做，连接断开。"),
        Kind.UNKNOWN: Effect("网关繁忙", "什么也没有做，应答 20000 aop.unknow-error。"),
        Kind.NO_BALANCE: Effect(
            "余额不足", "什么也没有做，应答 40004 ACQ.SELLER_BALANCE_NOT_ENOUGH；用在退款上。"
        ),
        Kind.ANSWER_LOST: Effect("做了但应答丢失", "事情已经办成并落库，应答途中连接断开。"),
        Kind.SYSTEM_ERROR: Effect("做了但答系统错误", "事情已经办成并落库，应答 40004 ACQ.SYSTEM_ERROR。"),
        Kind.UNSIGNED: Effect("应答没有签名", "事情已经办成并落库，应答里没有 sign。"),
        Kind.ESCAPED: Effect("应答斜线转义", "应答里的 / 写成 \\/，并照此签名。"),
    },
    Door.PUSH: {
        Kind.LOST: Effect("推送丢失", "这一次没有送到，微信最多推三次。"),
        Kind.LATE: Effect("推送迟到", "扫码确认之后过这么久才推。", "秒", 60, DAY_SECONDS),
        Kind.REPEATED: Effect("推送重复", "同一条推送送出这么多次。", "次", 3, 50),
        Kind.WRONG_SIGN: Effect("推送签名错误", "msg_signature 是伪造的。"),
    },
}
# They say when a notify leaves, the others what becomes of it on its way.
KEEPING_BACK: Final = frozenset({Kind.LATE, Kind.OVERTAKEN, Kind.AFTER_QUERY})


class NoSuchTrouble(Refusal):
    """这里没有这样的麻烦。"""

    code = "no_such_trouble"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """Something passes a door: about which trade or person, by which method, and what may befall it here."""

    door: Door
    kinds: frozenset[Kind]
    about: str | None
    method: str | None = None


@dataclass(kw_only=True, slots=True)
class Trouble:
    id: str
    door: Door
    kind: Kind
    about: str | None  # An out_trade_no or an openid; None befalls whoever comes.
    method: str | None  # Of the gateway; None befalls every call.
    measure: int | None  # In the unit of its effect.
    times_left: int | None  # None lasts until it is removed.
    made_at: datetime
    times_met: int = 0

    @property
    def effect(self) -> Effect:
        return EFFECTS[self.door][self.kind]

    def befalls(self, occasion: Occasion) -> bool:
        return (
            self.times_left != 0
            and self.door is occasion.door
            and self.kind in occasion.kinds
            and self.about in (None, occasion.about)
            and self.method in (None, occasion.method)
        )

    def meet(self) -> None:
        """Once more it has befallen somebody, and perhaps for the last time."""
        self.times_met += 1
        if self.times_left is not None:
            self.times_left -= 1


def new_trouble(
    *,
    door: Door,
    kind: Kind,
    about: str | None,
    method: str | None,
    measure: int | None,
    times: int | None,
    now: datetime,
) -> Trouble:
    """Without a measure, the usual one. Raises NoSuchTrouble."""
    effect = EFFECTS[door].get(kind)
    if effect is None:
        raise NoSuchTrouble
    measure = effect.usual if measure is None else measure
    if (effect.unit is None) != (measure is None) or not 1 <= (measure or 1) <= effect.most:
        raise NoSuchTrouble(f"{effect.name}：{effect.tells}最多 {effect.most}{effect.unit or ''}。")
    return Trouble(
        id=new_id(),
        door=door,
        kind=kind,
        about=about,
        method=method,
        measure=measure,
        times_left=times,
        made_at=now,
    )
