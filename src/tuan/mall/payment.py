"""A payment is one attempt to pay for an order through one gateway; a refund is how its money goes back.

Payment  open ──▶ paid
         open ──▶ closed        money that reaches a closed payment is recorded on it, and owed back

Refund   owed ──▶ done
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tuan.kernel.errors import NotFound, Refusal

PAY_WITHIN_MIN = timedelta(minutes=1)  # Alipay takes no shorter time_expire.
BEFORE_HOLD_ENDS = timedelta(seconds=30)  # The cashier must close before the market frees the seat.


class PaymentStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"


class RefundStatus(StrEnum):
    OWED = "owed"
    DONE = "done"


class UnknownPayment(NotFound):
    """No payment of ours has this number."""


class HoldEnded(Refusal):
    """The seat was held, but not paid for in time; order again."""

    code = "hold_ended"


class AmountDiffers(Refusal):
    """This is not the amount we asked for."""

    code = "amount_differs"


class AnotherTrade(Refusal):
    """This payment was already made, by another trade of the gateway."""

    code = "another_trade"


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """A gateway says, provably, that it took this much for that payment."""

    payment_number: str
    gateway_trade_no: str
    amount_fen: int
    paid_at: datetime


@dataclass(kw_only=True, slots=True)
class Payment:
    number: str  # The gateway's out_trade_no.
    order_number: str
    gateway: str
    amount_fen: int
    opened_at: datetime
    expires_at: datetime  # In whole seconds, as the gateway keeps it.
    status: PaymentStatus = PaymentStatus.OPEN
    gateway_trade_no: str | None = None
    paid_at: datetime | None = None

    def is_news(self, receipt: Receipt) -> bool:
        """False when this money is already recorded. Raises AmountDiffers, AnotherTrade."""
        if receipt.amount_fen != self.amount_fen:
            raise AmountDiffers
        if self.gateway_trade_no not in (None, receipt.gateway_trade_no):
            raise AnotherTrade
        return self.paid_at is None

    def receive(self, receipt: Receipt) -> None:
        """Record the money, whether or not anybody still waits for it."""
        self.gateway_trade_no = receipt.gateway_trade_no
        self.paid_at = receipt.paid_at
        if self.status is PaymentStatus.OPEN:
            self.status = PaymentStatus.PAID


@dataclass(kw_only=True, slots=True)
class Refund:
    number: str  # The gateway's out_request_no: the same on every try, so the money goes back once.
    payment_number: str
    order_number: str
    gateway: str
    amount_fen: int
    reason: str
    created_at: datetime
    status: RefundStatus = RefundStatus.OWED
    done_at: datetime | None = None

    def finish(self, *, now: datetime) -> None:
        self.status = RefundStatus.DONE
        self.done_at = now


def pay_until(*, now: datetime, pay_within: timedelta, hold_until: datetime | None) -> datetime:
    """When the cashier closes: before the market frees the seat. Raises HoldEnded when that is too soon."""
    until = now + pay_within
    if hold_until is not None:
        until = min(until, hold_until - BEFORE_HOLD_ENDS)
    if until < now + PAY_WITHIN_MIN:
        raise HoldEnded
    return until.replace(microsecond=0)


def full_refund(payment: Payment, *, reason: str, now: datetime) -> Refund:
    return Refund(
        number=f"{payment.number}R",
        payment_number=payment.number,
        order_number=payment.order_number,
        gateway=payment.gateway,
        amount_fen=payment.amount_fen,
        reason=reason,
        created_at=now,
    )
