"""The books, by double entry: every fen that moves leaves one account and reaches another.

gateway      what the gateway keeps for us
held         what buyers paid for and wait for
earned       what we have delivered for
refund_owed  what must go back
gateway_fee  what the gateway took for its service

    money in        held ──▶ gateway
    delivered       earned ──▶ held
    refund owed     refund_owed ──▶ held, or earned once it was delivered
    refund done     gateway ──▶ refund_owed
    fee taken       gateway ──▶ gateway_fee; back when it comes back with a refund

An arrow leads from the account that is credited to the one that is debited.
"""

from dataclasses import dataclass
from enum import StrEnum

from tuan.mall.bill import BillLine
from tuan.mall.order import Order
from tuan.mall.payment import Payment, PaymentStatus, Receipt, Refund


class Account(StrEnum):
    GATEWAY = "gateway"
    HELD = "held"
    EARNED = "earned"
    REFUND_OWED = "refund_owed"
    GATEWAY_FEE = "gateway_fee"


@dataclass(frozen=True, kw_only=True, slots=True)
class Posting:
    """One thing that happened to money. Its name is its own, so that it is booked once."""

    name: str
    order_number: str
    credit: Account
    debit: Account
    amount_fen: int


def money_in(payment: Payment, receipt: Receipt) -> Posting:
    return Posting(
        name=f"payment {payment.number}",
        order_number=payment.order_number,
        credit=Account.HELD,
        debit=Account.GATEWAY,
        amount_fen=receipt.amount_fen,
    )


def delivered(order: Order) -> Posting:
    return Posting(
        name=f"delivery {order.number}",
        order_number=order.number,
        credit=Account.EARNED,
        debit=Account.HELD,
        amount_fen=order.payable_fen,
    )


def refund_owed(refund: Refund, *, order: Order, payment: Payment) -> Posting:
    """Out of what was earned only when this very payment was delivered for."""
    was_earned = order.fulfilled_at is not None and payment.status is PaymentStatus.PAID
    return Posting(
        name=f"refund owed {refund.number}",
        order_number=refund.order_number,
        credit=Account.REFUND_OWED,
        debit=Account.EARNED if was_earned else Account.HELD,
        amount_fen=refund.amount_fen,
    )


def refund_done(refund: Refund) -> Posting:
    return Posting(
        name=f"refund done {refund.number}",
        order_number=refund.order_number,
        credit=Account.GATEWAY,
        debit=Account.REFUND_OWED,
        amount_fen=refund.amount_fen,
    )


def fee(line: BillLine, *, order_number: str) -> Posting:
    """Of a line that has one."""
    is_taken = line.fee_fen > 0
    return Posting(
        name=f"fee {line.kind} {line.number}",
        order_number=order_number,
        credit=Account.GATEWAY if is_taken else Account.GATEWAY_FEE,
        debit=Account.GATEWAY_FEE if is_taken else Account.GATEWAY,
        amount_fen=abs(line.fee_fen),
    )
