"""A bill is what a gateway says it took and gave back in a day of Beijing, line by line."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MovementKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, kw_only=True, slots=True)
class BillLine:
    """Money that moved, as the gateway has it. Amounts are fen, and positive for refunds too."""

    kind: MovementKind
    payment_number: str
    refund_number: str | None  # Of a refund.
    gateway_trade_no: str
    amount_fen: int
    fee_fen: int  # What the gateway took for its service; negative when it gave that back.
    at: datetime

    @property
    def number(self) -> str:
        return self.refund_number or self.payment_number
