"""A trade at Alipay: who pays what until when, and what may still happen to it."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from tuan.kernel.clock import BEIJING
from tuan.kernel.errors import Refusal
from tuan.kernel.ids import new_code


class Declined(Refusal):
    """Alipay understood the request and will not do it: code 40004, and a code of its own."""

    sub_code: ClassVar[str]


class TradeMissing(Declined):
    """交易不存在"""

    sub_code = "ACQ.TRADE_NOT_EXIST"
    status = 404


class ContextInconsistent(Declined):
    """交易信息被篡改"""

    sub_code = "ACQ.CONTEXT_INCONSISTENT"


class AlreadyPaid(Declined):
    """交易已被支付"""

    sub_code = "ACQ.TRADE_HAS_SUCCESS"


class AlreadyClosed(Declined):
    """交易已经关闭"""

    sub_code = "ACQ.TRADE_HAS_CLOSE"


class WrongBuyer(Declined):
    """交易买家不匹配"""

    sub_code = "ACQ.TRADE_BUYER_NOT_MATCH"


class WrongStatus(Declined):
    """交易状态不合法"""

    sub_code = "ACQ.TRADE_STATUS_ERROR"


class RefundReused(Declined):
    """重复的退款请求，但金额与前一次不同"""

    sub_code = "ACQ.DISCORDANT_REPEAT_REQUEST"


class RefundTooLarge(Declined):
    """退款金额超过可退金额"""

    sub_code = "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"


class InvalidParameter(Declined):
    """参数无效"""

    sub_code = "ACQ.INVALID_PARAMETER"
    status = 422


class Product(StrEnum):
    PAGE = "page"
    WAP = "wap"


class TradeStatus(StrEnum):
    WAIT_BUYER_PAY = "WAIT_BUYER_PAY"
    TRADE_SUCCESS = "TRADE_SUCCESS"
    TRADE_CLOSED = "TRADE_CLOSED"


# By default Alipay tells the merchant of these, and of nothing else that happens to a trade.
NOTIFIED: Final = {
    Product.PAGE: frozenset({TradeStatus.TRADE_SUCCESS}),
    Product.WAP: frozenset({TradeStatus.TRADE_SUCCESS, TradeStatus.TRADE_CLOSED}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Buyer:
    logon_id: str

    @property
    def id(self) -> str:
        """Sixteen digits that begin with 2088, the same for the same buyer."""
        number = int.from_bytes(hashlib.sha256(self.logon_id.encode()).digest()[:8], "big")
        return f"2088{number % 10**12:012d}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cashier:
    """One opening of the cashier: what the merchant asks for, and who has signed in to pay it."""

    id: str
    app_id: str
    product: Product
    out_trade_no: str
    subject: str
    body: str | None
    total_fen: int
    notify_url: str | None
    return_url: str | None
    quit_url: str | None
    passback_params: str | None
    opened_at: datetime
    expires_at: datetime
    buyer_logon_id: str | None = None

    def open_trade(self, *, buyer: Buyer, now: datetime) -> "Trade":
        """Raises AlreadyClosed after the time to pay."""
        if now >= self.expires_at:
            raise AlreadyClosed
        return Trade(
            trade_no=new_trade_no(now),
            app_id=self.app_id,
            product=self.product,
            out_trade_no=self.out_trade_no,
            subject=self.subject,
            body=self.body,
            total_fen=self.total_fen,
            buyer_id=buyer.id,
            buyer_logon_id=buyer.logon_id,
            notify_url=self.notify_url,
            passback_params=self.passback_params,
            created_at=now,
            expires_at=self.expires_at,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Refund:
    trade_no: str
    refund_number: str
    refund_fen: int
    reason: str | None
    refunded_at: datetime


@dataclass(kw_only=True, slots=True)
class Trade:
    trade_no: str
    app_id: str
    product: Product
    out_trade_no: str
    subject: str
    body: str | None
    total_fen: int
    buyer_id: str
    buyer_logon_id: str
    notify_url: str | None
    passback_params: str | None
    created_at: datetime
    expires_at: datetime
    status: TradeStatus = TradeStatus.WAIT_BUYER_PAY
    refunded_fen: int = 0
    paid_at: datetime | None = None
    queried_at: datetime | None = None  # When the merchant first asked, and heard that it is paid.
    closed_at: datetime | None = None

    @property
    def is_notified(self) -> bool:
        return self.notify_url is not None and self.status in NOTIFIED[self.product]

    def status_at(self, now: datetime) -> TradeStatus:
        """A trade is closed the moment its time to pay is over, whenever somebody comes to write it down."""
        if self.status is TradeStatus.WAIT_BUYER_PAY and now >= self.expires_at:
            return TradeStatus.TRADE_CLOSED
        return self.status

    def require_payable(self, now: datetime) -> None:
        match self.status_at(now):
            case TradeStatus.TRADE_SUCCESS:
                raise AlreadyPaid
            case TradeStatus.TRADE_CLOSED:
                raise AlreadyClosed
            case TradeStatus.WAIT_BUYER_PAY:
                return

    def require_same(self, cashier: Cashier) -> None:
        """The cashier may be opened again for this trade; its number cannot ask for another."""
        if (self.total_fen, self.subject) != (cashier.total_fen, cashier.subject):
            raise ContextInconsistent

    def require_buyer(self, buyer: Buyer) -> None:
        if self.buyer_id != buyer.id:
            raise WrongBuyer

    def pay(self, buyer: Buyer, *, now: datetime) -> None:
        self.require_payable(now)
        self.require_buyer(buyer)

        self.status = TradeStatus.TRADE_SUCCESS
        self.paid_at = now

    def close(self, now: datetime) -> None:
        """The merchant no longer wants the money."""
        if self.status_at(now) is not TradeStatus.WAIT_BUYER_PAY:
            raise WrongStatus
        self.status = TradeStatus.TRADE_CLOSED
        self.closed_at = now

    def expire(self, now: datetime) -> None:
        if self.status is TradeStatus.WAIT_BUYER_PAY and now >= self.expires_at:
            self.status = TradeStatus.TRADE_CLOSED
            self.closed_at = now

    def refund(self, *, refund_number: str, refund_fen: int, reason: str | None, now: datetime) -> Refund:
        """Give some or all of it back. Raises when there is nothing, or not so much, to give back."""
        match self.status_at(now):
            case TradeStatus.WAIT_BUYER_PAY:
                raise WrongStatus
            case TradeStatus.TRADE_CLOSED:
                raise AlreadyClosed
        if refund_fen > self.total_fen - self.refunded_fen:
            raise RefundTooLarge

        self.refunded_fen += refund_fen
        if self.refunded_fen == self.total_fen:
            self.status = TradeStatus.TRADE_CLOSED
            self.closed_at = now
        return Refund(
            trade_no=self.trade_no,
            refund_number=refund_number,
            refund_fen=refund_fen,
            reason=reason,
            refunded_at=now,
        )


def masked(logon_id: str) -> str:
    """As Alipay shows a buyer to a merchant: csq***@sandbox.com, 138****1234."""
    name, at, domain = logon_id.partition("@")
    return f"{name[:3]}***@{domain}" if at else f"{logon_id[:3]}****{logon_id[-4:]}"


def new_trade_no(now: datetime) -> str:
    """28 digits, as on real trades: the day in Beijing, 22001, and fifteen more."""
    return f"{now.astimezone(BEIJING):%Y%m%d}22001{secrets.randbelow(10**15):015d}"


def new_cashier_id() -> str:
    return new_code(26)
