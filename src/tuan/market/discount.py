"""What a discount takes off a price: whole fen in, whole fen out, and never free."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

LEAST_PAYABLE_FEN = 1
BASIS_POINTS = 10_000


class Plan(StrEnum):
    AMOUNT_OFF = "amount_off"  # 直减  take `off_fen` off
    THRESHOLD = "threshold"  # 满减  take `off_fen` off a price of at least `over_fen`
    PERCENT = "percent"  # 折扣  pay `rate_bp` of the price
    FIXED_PRICE = "fixed_price"  # N元购  pay `price_fen`


class Price(NamedTuple):
    list_fen: int
    discount_fen: int
    payable_fen: int

    def margin(self, cost_fen: int) -> "Margin":
        margin_fen = self.payable_fen - cost_fen
        return Margin(cost_fen, margin_fen, margin_fen * BASIS_POINTS // self.payable_fen)


class Margin(NamedTuple):
    """What is left of a price when the goods are paid for; below nothing if they cost more."""

    cost_fen: int
    margin_fen: int
    margin_bp: int  # Of the price, rounded down.


@dataclass(frozen=True, kw_only=True, slots=True)
class Discount:
    """Never edited once made: another discount takes its place, so what was promised can be looked up."""

    id: str
    plan: Plan
    off_fen: int = 0
    over_fen: int = 0
    rate_bp: int = BASIS_POINTS
    price_fen: int = 0
    segment_id: str | None = None  # None: for everybody.

    def price(self, list_fen: int, *, in_segment: bool = True) -> Price:
        """Who is outside the segment a discount is for pays the list price."""
        payable_fen = self.payable_fen(list_fen) if in_segment else list_fen
        return Price(list_fen, list_fen - payable_fen, payable_fen)

    def payable_fen(self, list_fen: int) -> int:
        """Rounded down, in the buyer's favour; at least one fen and at most the list price."""
        match self.plan:
            case Plan.AMOUNT_OFF:
                payable = list_fen - self.off_fen
            case Plan.THRESHOLD:
                payable = list_fen - self.off_fen if list_fen >= self.over_fen else list_fen
            case Plan.PERCENT:
                payable = list_fen * self.rate_bp // BASIS_POINTS
            case Plan.FIXED_PRICE:
                payable = self.price_fen
        return min(list_fen, max(LEAST_PAYABLE_FEN, payable))
