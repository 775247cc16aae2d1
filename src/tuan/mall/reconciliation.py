"""Three tellings of the same money, held against each other: our payments, refunds and orders; our ledger;
and the gateway's bill.

A movement is known by its number, not by its day: our clock and the gateway's may put midnight between
them. So what the bill does not have is missed only once each day that may have it has been billed.
"""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from tuan.kernel.clock import beijing_day, midnight
from tuan.kernel.errors import Refusal
from tuan.mall.bill import BillLine, MovementKind

READY_AFTER: Final = timedelta(hours=10)  # Gateways have a day's bill by nine or ten the next morning.
AROUND_MIDNIGHT: Final = timedelta(minutes=30)  # How far our telling of a moment may be from the gateway's.


class DayNotOver(Refusal):
    """This day is not over; there can be no bill of it."""

    code = "day_not_over"


class BreakKind(StrEnum):
    PAYMENT_MISSING_HERE = "payment_missing_here"  # A lost notify. We ask the gateway, and take it in.
    PAYMENT_MISSING_THERE = "payment_missing_there"
    PAYMENT_UNKNOWN = "payment_unknown"
    REFUND_MISSING_HERE = "refund_missing_here"  # A lost answer. We ask again, under the same number.
    REFUND_MISSING_THERE = "refund_missing_there"
    REFUND_UNKNOWN = "refund_unknown"
    AMOUNT_DIFFERS = "amount_differs"
    NUMBER_DIFFERS = "number_differs"  # The gateway's trade is ours, under a number that is not.
    TRADE_DIFFERS = "trade_differs"
    BILLED_TWICE = "billed_twice"
    LEDGER_DIFFERS = "ledger_differs"
    ORDER_CONTRADICTS = "order_contradicts"  # Its money is kept, and nobody waits for it or has it.
    FEE_UNEXPECTED = "fee_unexpected"

    @property
    def is_repairable(self) -> bool:
        return self in (BreakKind.PAYMENT_MISSING_HERE, BreakKind.REFUND_MISSING_HERE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """A payment or a refund, as our books have it. Amounts are fen, and positive for refunds too."""

    kind: MovementKind
    number: str
    payment_number: str
    order_number: str
    gateway_trade_no: str | None
    amount_fen: int | None  # None while it has not happened, as far as we know.
    ledger_fen: int  # What the ledger says moved at the gateway.
    at: datetime | None
    billed_on: date | None  # The day whose bill confirmed it.
    fee_fen: int | None  # What that bill said of its fee.
    is_accounted_for: bool  # Somebody waits for it, has what it paid for, or gets it back.


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """Where the tellings differ, and what each says. Amounts are fen; None is silence."""

    kind: BreakKind
    about: str  # The movement's number: ours, where we have one.
    order_number: str | None
    ours_fen: int | None
    ledger_fen: int | None
    bill_fen: int | None
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """A line that all three tell alike."""

    line: BillLine
    order_number: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    agreed: Sequence[Agreement]
    breaks: Sequence[Break]


def last_day_due(now: datetime) -> date:
    """The newest day that should have its bill by now."""
    return beijing_day(now - READY_AFTER) - timedelta(days=1)


def require_over(day: date, *, now: datetime) -> None:
    """Raises DayNotOver."""
    if now < midnight(day + timedelta(days=1)):
        raise DayNotOver


def days_of(at: datetime) -> frozenset[date]:
    """In whose bill this may be: one day's, or around midnight either's."""
    return frozenset({beijing_day(at - AROUND_MIDNIGHT), beijing_day(at + AROUND_MIDNIGHT)})


def compare(
    day: date, lines: Sequence[BillLine], ours: Sequence[Movement], *, billed: Set[date], fee_bp: int
) -> Comparison:
    """`ours` holds what the lines name, and what happened around the day; `billed`, the other days whose
    bill is in."""
    books = _Books(ours, named={(line.kind, line.number) for line in lines})
    agreed, breaks = [], []
    seen = Counter[tuple[MovementKind, str]]()
    for line in lines:
        mine = books.find(line)
        if mine is None:
            breaks.append(_unknown(line))
            continue

        seen[mine.kind, mine.number] += 1
        twice = seen[mine.kind, mine.number] > 1 or mine.billed_on not in (None, day)
        if kind := BreakKind.BILLED_TWICE if twice else _difference(mine, line):
            breaks.append(_break(kind, mine, line))
            continue
        agreed.append(Agreement(line=line, order_number=mine.order_number))
        if not _fee_is_expected(mine, line, fee_bp=fee_bp):
            breaks.append(_fee_break(mine, line, fee_bp=fee_bp))
    unseen = [mine for mine in ours if (mine.kind, mine.number) not in seen]
    missing = [mine for mine in unseen if _is_missed(mine, {*billed, day})]
    return Comparison(agreed=agreed, breaks=[*breaks, *(_missing_there(mine) for mine in missing)])


def expected_fee(amount_fen: int, *, fee_bp: int) -> int:
    """To the nearest fen."""
    return (amount_fen * fee_bp + 5_000) // 10_000


class _Books:
    def __init__(self, ours: Sequence[Movement], *, named: Set[tuple[MovementKind, str]]) -> None:
        self._by_number = {(mine.kind, mine.number): mine for mine in ours}
        self._by_trade = {
            (mine.kind, mine.gateway_trade_no): mine for mine in ours if (mine.kind, mine.number) not in named
        }

    def find(self, line: BillLine) -> Movement | None:
        """By our number; or, should no line of the bill have that, by the gateway's own."""
        mine = self._by_number.get((line.kind, line.number))
        return mine or self._by_trade.get((line.kind, line.gateway_trade_no))


def _difference(mine: Movement, line: BillLine) -> BreakKind | None:
    is_payment = mine.kind is MovementKind.PAYMENT
    if mine.number != line.number:
        return BreakKind.NUMBER_DIFFERS
    if mine.amount_fen is None:
        return BreakKind.PAYMENT_MISSING_HERE if is_payment else BreakKind.REFUND_MISSING_HERE
    if mine.gateway_trade_no != line.gateway_trade_no:
        return BreakKind.TRADE_DIFFERS
    if mine.amount_fen != line.amount_fen:
        return BreakKind.AMOUNT_DIFFERS
    if mine.ledger_fen != mine.amount_fen:
        return BreakKind.LEDGER_DIFFERS
    return None if mine.is_accounted_for else BreakKind.ORDER_CONTRADICTS


def _fee_is_expected(mine: Movement, line: BillLine, *, fee_bp: int) -> bool:
    """As by contract, a fen of rounding aside; with a refund all of it comes back, or nothing."""
    if mine.fee_fen is not None and mine.fee_fen != line.fee_fen:
        return False
    expected = expected_fee(line.amount_fen, fee_bp=fee_bp)
    if mine.kind is MovementKind.PAYMENT:
        return abs(line.fee_fen - expected) <= 1
    return line.fee_fen == 0 or abs(line.fee_fen + expected) <= 1


def _is_missed(mine: Movement, billed: Set[date]) -> bool:
    if mine.at is None or mine.billed_on is not None:
        return False
    return days_of(mine.at) <= billed


def _unknown(line: BillLine) -> Break:
    is_payment = line.kind is MovementKind.PAYMENT
    return Break(
        kind=BreakKind.PAYMENT_UNKNOWN if is_payment else BreakKind.REFUND_UNKNOWN,
        about=line.number,
        order_number=None,
        ours_fen=None,
        ledger_fen=None,
        bill_fen=line.amount_fen,
        detail=_names(line),
    )


def _break(kind: BreakKind, mine: Movement, line: BillLine) -> Break:
    return Break(
        kind=kind,
        about=mine.number,
        order_number=mine.order_number,
        ours_fen=mine.amount_fen,
        ledger_fen=mine.ledger_fen,
        bill_fen=line.amount_fen,
        detail=_names(line),
    )


def _fee_break(mine: Movement, line: BillLine, *, fee_bp: int) -> Break:
    """What was booked is what the bill said first."""
    expected = expected_fee(line.amount_fen, fee_bp=fee_bp)
    return Break(
        kind=BreakKind.FEE_UNEXPECTED,
        about=mine.number,
        order_number=mine.order_number,
        ours_fen=expected if mine.kind is MovementKind.PAYMENT else -expected,
        ledger_fen=line.fee_fen if mine.fee_fen is None else mine.fee_fen,
        bill_fen=line.fee_fen,
        detail=_names(line),
    )


def _missing_there(mine: Movement) -> Break:
    is_payment = mine.kind is MovementKind.PAYMENT
    return Break(
        kind=BreakKind.PAYMENT_MISSING_THERE if is_payment else BreakKind.REFUND_MISSING_THERE,
        about=mine.number,
        order_number=mine.order_number,
        ours_fen=mine.amount_fen,
        ledger_fen=mine.ledger_fen,
        bill_fen=None,
    )


def _names(line: BillLine) -> str:
    """What the bill calls it."""
    refund = f", refund {line.refund_number}" if line.refund_number else ""
    return f"trade {line.gateway_trade_no}, order {line.payment_number}{refund}"
