"""A payment is one attempt to pay for an order through one gateway; a refund is how its money goes back.

Payment  open ──▶ paid
         open ──▶ closed        money that reaches a closed payment, or is not the amount we asked for,
                                is recorded on it, and owed back

Refund   owed ──▶ done
         owed ──▶ stuck ──▶ owed
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tuan.kernel.errors import NotFound, Refusal

PAY_WITHIN_MIN = timedelta(minutes=1)  # Alipay takes no shorter time_expire.
BEFORE_HOLD_ENDS = timedelta(seconds=30)  # The cashier must close before the market frees the seat.
ATTEMPTS_MAX = 9

# A notify may be lost, so we ask: soon after the cashier opened, ever more rarely, and when it closes.
ASK_AFTER = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 30, 60, 180, 600))
ASK_EVERY = timedelta(minutes=10)
ASK_AGAIN_AFTER = timedelta(seconds=15)  # From then on, until the answer is final.
CLOCKS_APART = timedelta(seconds=15)  # A cashier nobody entered is shut for certain so much later.


class PaymentStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"


class RefundStatus(StrEnum):
    OWED = "owed"
    STUCK = "stuck"
    DONE = "done"


class ToldBy(StrEnum):
    NOTIFY = "notify"
    QUERY = "query"


class UnknownPayment(NotFound):
    """No payment of ours has this number."""


class HoldEnded(Refusal):
    """The seat was held, but not paid for in time; order again."""

    code = "hold_ended"


class AnotherTrade(Refusal):
    """This payment was already made, by another trade of the gateway, or of another amount."""

    code = "another_trade"


class RefundMade(Refusal):
    """This refund has been made."""

    code = "refund_made"


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
    received_fen: int | None = None  # What really came.
    told_by: ToldBy | None = None
    ask_at: datetime | None = None  # When the gateway is asked next; None when there is no more to know.

    def is_news(self, receipt: Receipt) -> bool:
        """False when this money is already recorded. Raises AnotherTrade when other money is."""
        if self.paid_at is None:
            return True
        if (self.gateway_trade_no, self.received_fen) != (receipt.gateway_trade_no, receipt.amount_fen):
            raise AnotherTrade
        return False

    def receive(self, receipt: Receipt, *, told_by: ToldBy) -> None:
        """Record the money, whatever it is and whether or not anybody still waits for it."""
        self.gateway_trade_no = receipt.gateway_trade_no
        self.paid_at = receipt.paid_at
        self.received_fen = receipt.amount_fen
        self.told_by = told_by
        if self.status is PaymentStatus.OPEN and receipt.amount_fen == self.amount_fen:
            self.status = PaymentStatus.PAID
            self.ask_at = None
        else:
            self.close()

    def close(self) -> None:
        """It no longer counts. Whether money may still come, the gateway is asked once more at the end."""
        self.status = PaymentStatus.CLOSED
        self.ask_at = self.expires_at + CLOCKS_APART

    def is_over(self, *, now: datetime) -> bool:
        """Nobody can enter the cashier any more, by anybody's clock."""
        return now >= self.expires_at + CLOCKS_APART

    def book_question(self, *, now: datetime) -> None:
        """When to ask next, should nothing come of asking now."""
        if now >= self.expires_at:
            self.ask_at = now + ASK_AGAIN_AFTER
            return
        steps = (self.opened_at + after for after in ASK_AFTER)
        next_step = next((step for step in steps if step > now), now + ASK_EVERY)
        self.ask_at = min(next_step, self.expires_at)


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
    tries: int = 0
    trouble: str | None = None  # Why the last try failed, in the gateway's own word.

    def finish(self, *, now: datetime) -> None:
        self.status = RefundStatus.DONE
        self.done_at = now

    def fail(self, trouble: str, *, tries_max: int) -> None:
        """Not made, as far as we know. Stuck when it was tried often enough."""
        self.tries += 1
        self.trouble = trouble
        if self.tries >= tries_max:
            self.status = RefundStatus.STUCK

    def owe_again(self) -> None:
        """Raises RefundMade."""
        if self.status is RefundStatus.DONE:
            raise RefundMade
        self.status = RefundStatus.OWED
        self.tries = 0


def pay_until(*, now: datetime, pay_within: timedelta, hold_until: datetime | None) -> datetime:
    """When the cashier closes: before the market frees the seat. Raises HoldEnded when that is too soon."""
    until = now + pay_within
    if hold_until is not None:
        until = min(until, hold_until - BEFORE_HOLD_ENDS)
    if until < now + PAY_WITHIN_MIN:
        raise HoldEnded
    return until.replace(microsecond=0)


def new_payment(
    *, number: str, order_number: str, gateway: str, amount_fen: int, expires_at: datetime, now: datetime
) -> Payment:
    payment = Payment(
        number=number,
        order_number=order_number,
        gateway=gateway,
        amount_fen=amount_fen,
        opened_at=now,
        expires_at=expires_at,
    )
    payment.book_question(now=now)
    return payment


def full_refund(payment: Payment, *, reason: str, now: datetime) -> Refund:
    """Of what really came, whatever was asked for."""
    return Refund(
        number=f"{payment.number}R",
        payment_number=payment.number,
        order_number=payment.order_number,
        gateway=payment.gateway,
        amount_fen=payment.received_fen or payment.amount_fen,
        reason=reason,
        created_at=now,
    )
