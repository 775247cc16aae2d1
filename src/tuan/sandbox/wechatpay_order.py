"""An order at WeChat Pay: who pays what until when by scanning what, and what may still happen to it."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tuan.kernel.clock import BEIJING
from tuan.kernel.ids import new_code
from tuan.sandbox.wechatpay import PayError

CODE_LASTS: Final = timedelta(hours=2)
REFUND_TAKES: Final = timedelta(seconds=2)  # In between it is PROCESSING, as at the real one.


class OrderMissing(PayError):
    """订单不存在"""

    error = "ORDER_NOT_EXIST"
    status = 404


class OrderPaid(PayError):
    """该订单已支付"""

    error = "ORDERPAID"
    status = 400


class OrderClosed(PayError):
    """该订单已关闭"""

    error = "ORDER_CLOSED"
    status = 400


class InvalidRequest(PayError):
    """请求不符合订单当前的情况"""

    error = "INVALID_REQUEST"
    status = 400


class RefundMissing(PayError):
    """退款单不存在"""

    error = "RESOURCE_NOT_EXISTS"
    status = 404


class CodeExpired(PayError):
    """二维码已过期，请回到商家重新获取"""

    error = "CODE_EXPIRED"  # Said to a phone, never to a merchant.
    status = 410


class TradeState(StrEnum):
    NOTPAY = "NOTPAY"
    SUCCESS = "SUCCESS"
    REFUND = "REFUND"  # Some or all of it went back.
    CLOSED = "CLOSED"


class RefundStatus(StrEnum):
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"


STATE_NAMES: Final = {
    TradeState.NOTPAY: "订单未支付",
    TradeState.SUCCESS: "支付成功",
    TradeState.REFUND: "订单发生过退款",
    TradeState.CLOSED: "订单已关闭",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Payer:
    nickname: str

    @property
    def openid(self) -> str:
        """28 characters that begin with an o, always the same for one person."""
        return "o" + hashlib.sha256(self.nickname.encode()).hexdigest()[:27]


@dataclass(frozen=True, kw_only=True, slots=True)
class PayRefund:
    transaction_id: str
    refund_number: str
    refund_id: str
    refund_fen: int
    reason: str | None
    notify_url: str | None
    created_at: datetime
    succeeds_at: datetime

    def status_at(self, now: datetime) -> RefundStatus:
        return RefundStatus.SUCCESS if now >= self.succeeds_at else RefundStatus.PROCESSING

    def require_same(self, order: "PayOrder", *, refund_fen: int) -> None:
        if (self.transaction_id, self.refund_fen) != (order.transaction_id, refund_fen):
            raise InvalidRequest("订单金额或退款金额与之前请求不一致，请核实后再试")


@dataclass(kw_only=True, slots=True)
class PayOrder:
    code: str  # What the QR code carries.
    app_id: str
    mch_id: str
    out_trade_no: str
    description: str
    attach: str | None
    total_fen: int
    notify_url: str
    created_at: datetime
    expires_at: datetime
    code_until: datetime
    state: TradeState = TradeState.NOTPAY
    transaction_id: str | None = None
    payer_openid: str | None = None
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    refunded_fen: int = 0

    def state_at(self, now: datetime) -> TradeState:
        """Time closes an order, whether or not anybody writes it down."""
        if self.state is TradeState.NOTPAY and now >= self.expires_at:
            return TradeState.CLOSED
        return self.state

    def require_payable(self, now: datetime) -> None:
        match self.state_at(now):
            case TradeState.SUCCESS | TradeState.REFUND:
                raise OrderPaid
            case TradeState.CLOSED:
                raise OrderClosed

    def order_again(self, other: "PayOrder", *, now: datetime) -> None:
        """Of the same number and for the same: its code is good for longer."""
        self.require_payable(now)
        if self._terms != other._terms:
            raise InvalidRequest("请求重入时，参数与首次请求时不一致")
        self.code_until = other.code_until

    def pay(self, payer: Payer, *, now: datetime) -> None:
        self.require_payable(now)
        if now >= self.code_until:
            raise CodeExpired

        self.state = TradeState.SUCCESS
        self.transaction_id = new_transaction_id(now)
        self.payer_openid = payer.openid
        self.paid_at = now

    def close(self, now: datetime) -> None:
        self.require_payable(now)
        self.state = TradeState.CLOSED
        self.closed_at = now

    def refund(
        self,
        *,
        refund_number: str,
        refund_fen: int,
        total_fen: int,
        reason: str | None,
        notify_url: str | None,
        now: datetime,
    ) -> PayRefund:
        if self.transaction_id is None:
            raise InvalidRequest("该订单未支付，不能退款")
        if total_fen != self.total_fen:
            raise InvalidRequest("订单金额或退款金额与之前请求不一致，请核实后再试")
        if refund_fen > self.total_fen - self.refunded_fen:
            raise InvalidRequest("申请退款金额大于订单可退金额")

        self.refunded_fen += refund_fen
        self.state = TradeState.REFUND
        return PayRefund(
            transaction_id=self.transaction_id,
            refund_number=refund_number,
            refund_id=new_refund_id(now),
            refund_fen=refund_fen,
            reason=reason,
            notify_url=notify_url,
            created_at=now,
            succeeds_at=now + REFUND_TAKES,
        )

    @property
    def _terms(self) -> tuple[object, ...]:
        return (
            self.app_id,
            self.description,
            self.attach,
            self.total_fen,
            self.notify_url,
            self.expires_at,
        )


def new_transaction_id(now: datetime) -> str:
    """28 digits, as on real orders: 42000 and five more, the day in Beijing, and ten more."""
    return f"42000{secrets.randbelow(10**5):05d}{_day(now)}{secrets.randbelow(10**10):010d}"


def new_refund_id(now: datetime) -> str:
    """29 digits, as on real refunds."""
    return f"50300{secrets.randbelow(10**6):06d}{_day(now)}{secrets.randbelow(10**10):010d}"


def new_order_code() -> str:
    return new_code(20)


def _day(now: datetime) -> str:
    return f"{now.astimezone(BEIJING):%Y%m%d}"
