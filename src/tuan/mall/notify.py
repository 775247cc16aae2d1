"""A notify is what a gateway tells us unasked; this is what we make of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tuan.kernel.errors import Refusal
from tuan.mall.payment import Payment, Receipt


class Verdict(StrEnum):
    PAID = "paid"
    REPEATED = "repeated"
    LATE_MONEY = "late_money"
    NOT_PAID = "not_paid"
    REFUND_NEWS = "refund_news"

    MALFORMED = "malformed"
    FORGED = "forged"
    UNKNOWN_KEY = "unknown_key"  # Signed with a key that we cannot get from the gateway.
    STALE = "stale"  # Signed at another time than it came.
    UNREADABLE = "unreadable"  # Signed by the gateway, and sealed with another key than ours.
    OTHER_APP = "other_app"
    UNKNOWN_PAYMENT = "unknown_payment"
    AMOUNT_DIFFERS = "amount_differs"
    OTHER_SELLER = "other_seller"
    ANOTHER_TRADE = "another_trade"

    @property
    def is_alarming(self) -> bool:
        """Signed by the gateway, and not what we expect of it."""
        return self in ALARMING

    @property
    def is_genuine(self) -> bool:
        """Whether the gateway wrote it."""
        return self not in UNPROVEN

    @property
    def accepted(self) -> bool:
        """Whether the gateway may stop telling us."""
        return self in ACCEPTED


ACCEPTED = frozenset(
    {Verdict.PAID, Verdict.REPEATED, Verdict.LATE_MONEY, Verdict.NOT_PAID, Verdict.REFUND_NEWS}
)
UNPROVEN = frozenset({Verdict.MALFORMED, Verdict.FORGED, Verdict.UNKNOWN_KEY, Verdict.STALE})
ALARMING = frozenset(
    {
        Verdict.UNREADABLE,
        Verdict.OTHER_APP,
        Verdict.UNKNOWN_PAYMENT,
        Verdict.AMOUNT_DIFFERS,
        Verdict.OTHER_SELLER,
        Verdict.ANOTHER_TRADE,
    }
)


class UntrustedNotify(Refusal):
    """This notify does not come from the gateway, or not in its form."""

    code = "untrusted_notify"

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class RawNotify:
    """A notify as it came. It is kept so, because what a gateway signs is exactly this, and when."""

    body: bytes
    headers: Mapping[str, str]  # Those that its signature rests on.
    received_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """What a notify with a good signature says."""

    payment_number: str
    gateway_trade_no: str
    amount_fen: int | None  # None when it is no amount.
    paid_at: datetime | None
    app_is_ours: bool
    seller_is_ours: bool
    says_paid: bool
    tells_of_refund: bool

    @property
    def brings_us_money(self) -> bool:
        """Of whatever amount: the gateway keeps it in our name, and so it can be given back."""
        ours = self.app_is_ours and self.seller_is_ours
        return ours and self.says_paid and not self.tells_of_refund and (self.amount_fen or 0) > 0

    def objection(self, payment: Payment | None) -> Verdict | None:
        """Why not to believe in money, checked in the order that Alipay's document asks for."""
        if not self.app_is_ours:
            return Verdict.OTHER_APP
        if payment is None:
            return Verdict.UNKNOWN_PAYMENT
        if self.amount_fen is None or self.amount_fen not in (payment.amount_fen, payment.received_fen):
            return Verdict.AMOUNT_DIFFERS
        if not self.seller_is_ours:
            return Verdict.OTHER_SELLER
        if self.tells_of_refund:
            return Verdict.REFUND_NEWS
        return None if self.says_paid else Verdict.NOT_PAID

    def receipt(self, payment: Payment, *, now: datetime) -> Receipt:
        return Receipt(
            payment_number=payment.number,
            gateway_trade_no=self.gateway_trade_no,
            amount_fen=self.amount_fen or payment.amount_fen,
            paid_at=self.paid_at or now,
        )
