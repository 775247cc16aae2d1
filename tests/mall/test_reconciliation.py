"""The rules by which three tellings of the same money agree or do not."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tuan.mall.bill import BillLine, MovementKind
from tuan.mall.reconciliation import (
    BreakKind,
    Comparison,
    DayNotOver,
    Movement,
    compare,
    days_of,
    expected_fee,
    last_day_due,
    require_over,
)

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # The end of the day, in Beijing.
AROUND = {DAY - timedelta(days=1), DAY + timedelta(days=1)}


def line(**changes: Any) -> BillLine:
    fields: dict[str, Any] = {
        "kind": MovementKind.PAYMENT, "payment_number": "P1", "refund_number": None,
        "gateway_trade_no": "T1", "amount_fen": 108_00, "fee_fen": 65, "at": NOON,
    }  # fmt: skip
    return BillLine(**fields | changes)


def refund_line(**changes: Any) -> BillLine:
    return line(**{"kind": MovementKind.REFUND, "refund_number": "P1R", "fee_fen": -65} | changes)


def payment(**changes: Any) -> Movement:
    fields: dict[str, Any] = {
        "kind": MovementKind.PAYMENT, "number": "P1", "payment_number": "P1", "order_number": "O1",
        "gateway_trade_no": "T1", "amount_fen": 108_00, "ledger_fen": 108_00, "at": NOON,
        "billed_on": None, "fee_fen": None, "is_accounted_for": True,
    }  # fmt: skip
    return Movement(**fields | changes)


def refund(**changes: Any) -> Movement:
    return payment(**{"kind": MovementKind.REFUND, "number": "P1R"} | changes)


def compared(lines: list[BillLine], ours: list[Movement], billed: set[date] | None = None) -> Comparison:
    return compare(DAY, lines, ours, billed=AROUND if billed is None else billed, fee_bp=60)


def found(lines: list[BillLine], ours: list[Movement]) -> list[tuple[BreakKind, str]]:
    told = compared(lines, ours)
    assert len(told.agreed) + len(told.breaks) >= len(lines)
    return [(one.kind, one.about) for one in told.breaks]


def test_what_all_three_tell_alike_agrees() -> None:
    told = compared([line(), refund_line()], [payment(), refund()])

    assert [(one.line.number, one.order_number) for one in told.agreed] == [("P1", "O1"), ("P1R", "O1")]
    assert told.breaks == []


UNHEARD: dict[str, Any] = {"amount_fen": None, "ledger_fen": 0, "at": None}
DIFFERENCES: dict[str, tuple[list[BillLine], list[Movement]]] = {
    "payment_missing_here": ([line()], [payment(**UNHEARD, gateway_trade_no=None)]),
    "payment_missing_there": ([], [payment()]),
    "payment_unknown": ([line()], []),
    "refund_missing_here": ([refund_line()], [refund(**UNHEARD)]),
    "refund_missing_there": ([], [refund()]),
    "refund_unknown": ([refund_line()], []),
    "amount_differs": ([line(amount_fen=108_01)], [payment()]),
    "number_differs": ([line(payment_number="P9")], [payment()]),
    "trade_differs": ([line(gateway_trade_no="T9")], [payment()]),
    "ledger_differs": ([line()], [payment(ledger_fen=0)]),
    "order_contradicts": ([line()], [payment(is_accounted_for=False)]),
    "fee_unexpected": ([line(fee_fen=67)], [payment()]),
    "billed_twice": ([line()], [payment(billed_on=DAY - timedelta(days=1), fee_fen=65)]),
}


def test_every_kind_of_break_is_shown() -> None:
    assert DIFFERENCES.keys() == set(BreakKind)


@pytest.mark.parametrize("kind", BreakKind)
def test_each_difference_is_one_break_of_its_kind(kind: BreakKind) -> None:
    lines, ours = DIFFERENCES[kind]
    [told] = compared(lines, ours).breaks

    assert told.kind is kind
    assert told.about in {*(one.number for one in lines), *(one.number for one in ours)}
    is_fee = kind is BreakKind.FEE_UNEXPECTED
    assert told.bill_fen == ((lines[0].fee_fen if is_fee else lines[0].amount_fen) if lines else None)
    if not is_fee:
        assert (told.ours_fen, told.ledger_fen) == (
            (ours[0].amount_fen, ours[0].ledger_fen) if ours else (None, None)
        )


def test_only_what_the_gateway_has_done_and_we_do_not_know_is_repaired() -> None:
    assert [kind for kind in BreakKind if kind.is_repairable] == [
        BreakKind.PAYMENT_MISSING_HERE,
        BreakKind.REFUND_MISSING_HERE,
    ]


def test_a_wrong_number_does_not_also_make_its_payment_missing() -> None:
    assert found([line(payment_number="P9")], [payment()]) == [("number_differs", "P1")]
    assert found([refund_line(refund_number="R9")], [refund()]) == [("number_differs", "P1R")]


def test_a_second_refund_of_the_same_trade_is_not_taken_for_the_first() -> None:
    lines = [refund_line(), refund_line(refund_number="R9", amount_fen=1, fee_fen=0)]

    assert found(lines, [refund()]) == [("refund_unknown", "R9")]


def test_a_line_told_twice_agrees_once() -> None:
    told = compared([line(), line()], [payment()])

    assert (len(told.agreed), [one.kind for one in told.breaks]) == (1, ["billed_twice"])


def test_a_bill_that_confirms_again_what_it_confirmed_agrees() -> None:
    told = compared([line()], [payment(billed_on=DAY, fee_fen=65)])

    assert (len(told.agreed), told.breaks) == (1, [])


@pytest.mark.parametrize(
    ("fee_fen", "is_expected"), [(63, False), (64, True), (65, True), (66, True), (67, False), (0, False)]
)
def test_a_fee_is_the_contracts_a_fen_of_rounding_aside(fee_fen: int, is_expected: bool) -> None:
    assert (found([line(fee_fen=fee_fen)], [payment()]) == []) is is_expected


@pytest.mark.parametrize(("fee_fen", "is_expected"), [(0, True), (-65, True), (-66, True), (-1, False)])
def test_with_a_refund_the_fee_comes_back_or_does_not(fee_fen: int, is_expected: bool) -> None:
    assert (found([refund_line(fee_fen=fee_fen)], [refund()]) == []) is is_expected


def test_a_fee_that_a_later_bill_tells_otherwise_is_told() -> None:
    [told] = compared([line(fee_fen=66)], [payment(billed_on=DAY, fee_fen=65)]).breaks

    assert (told.kind, told.ours_fen, told.ledger_fen, told.bill_fen) == ("fee_unexpected", 65, 65, 66)


@pytest.mark.parametrize(
    ("fen", "fee_fen"), [(1, 0), (83, 0), (84, 1), (108_00, 65), (10_000_000_000, 60_000_000)]
)
def test_a_fee_is_rounded_to_the_nearest_fen(fen: int, fee_fen: int) -> None:
    assert expected_fee(fen, fee_bp=60) == fee_fen


@pytest.mark.parametrize("minutes", [-29, -1, 0, 1, 29])
def test_around_midnight_nothing_is_missed_until_both_days_are_billed(minutes: int) -> None:
    mine = payment(at=MIDNIGHT + timedelta(minutes=minutes))
    tomorrow = DAY + timedelta(days=1)

    assert days_of(mine.at or NOON) == {DAY, tomorrow}
    assert compared([], [mine], billed=set()).breaks == []
    assert [one.kind for one in compared([], [mine], billed={tomorrow}).breaks] == ["payment_missing_there"]


@pytest.mark.parametrize(("minutes", "day"), [(-31, DAY), (31, DAY + timedelta(days=1))])
def test_away_from_midnight_only_one_day_can_have_it(minutes: int, day: date) -> None:
    assert days_of(MIDNIGHT + timedelta(minutes=minutes)) == {day}


def test_what_an_earlier_bill_confirmed_is_not_missed() -> None:
    assert found([], [payment(billed_on=DAY - timedelta(days=1), fee_fen=65)]) == []


def test_a_payment_nobody_made_is_not_missed() -> None:
    assert found([], [payment(**UNHEARD), refund(**UNHEARD)]) == []


def test_a_day_is_due_from_ten_the_next_morning_in_beijing() -> None:
    ten = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

    assert last_day_due(ten) == DAY
    assert last_day_due(ten - timedelta(seconds=1)) == DAY - timedelta(days=1)


def test_a_day_must_be_over() -> None:
    require_over(DAY, now=MIDNIGHT)
    with pytest.raises(DayNotOver):
        require_over(DAY, now=MIDNIGHT - timedelta(seconds=1))
