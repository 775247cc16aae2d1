"""A payment takes exactly its amount, once; and the cashier closes in time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mall_builders import NOW, a_payment

from tuan.mall.notify import ACCEPTED, Notice, Verdict
from tuan.mall.payment import (
    AnotherTrade,
    HoldEnded,
    Payment,
    PaymentStatus,
    Receipt,
    RefundMade,
    ToldBy,
    full_refund,
    pay_until,
)

RECEIPT = Receipt(payment_number=a_payment().number, gateway_trade_no="t1", amount_fen=108_00, paid_at=NOW)
NOTICE = Notice(
    payment_number=RECEIPT.payment_number,
    gateway_trade_no="t1",
    amount_fen=108_00,
    paid_at=NOW,
    app_is_ours=True,
    seller_is_ours=True,
    says_paid=True,
    tells_of_refund=False,
)


def test_money_for_an_open_payment_makes_it_paid() -> None:
    payment = a_payment()
    assert payment.is_news(RECEIPT)
    payment.receive(RECEIPT, told_by=ToldBy.NOTIFY)

    assert (payment.status, payment.gateway_trade_no, payment.paid_at) == ("paid", "t1", NOW)
    assert (payment.received_fen, payment.ask_at) == (108_00, None)
    assert not payment.is_news(RECEIPT)


def test_money_for_a_closed_payment_is_recorded_and_it_stays_closed() -> None:
    payment = a_payment(status=PaymentStatus.CLOSED)
    assert payment.is_news(RECEIPT)
    payment.receive(RECEIPT, told_by=ToldBy.NOTIFY)

    assert (payment.status, payment.gateway_trade_no, payment.paid_at) == ("closed", "t1", NOW)
    assert not payment.is_news(RECEIPT)


@given(st.integers(0, 10_000_000_000).filter(lambda fen: fen != 108_00))
def test_any_other_amount_is_recorded_and_does_not_pay(amount_fen: int) -> None:
    payment = a_payment()
    payment.receive(replace(RECEIPT, amount_fen=amount_fen), told_by=ToldBy.QUERY)

    assert (payment.status, payment.received_fen, payment.amount_fen) == ("closed", amount_fen, 108_00)


@pytest.mark.parametrize("other", [{"gateway_trade_no": "t2"}, {"amount_fen": 1}])
def test_other_money_for_a_payment_that_was_made_is_refused(other: dict[str, Any]) -> None:
    payment = a_payment()
    payment.receive(RECEIPT, told_by=ToldBy.NOTIFY)
    with pytest.raises(AnotherTrade):
        payment.is_news(replace(RECEIPT, **other))


def test_the_gateway_is_asked_soon_then_rarely_and_when_the_cashier_closes() -> None:
    payment, asked = a_payment(), []
    now = NOW
    while now < payment.expires_at:
        payment.book_question(now=now)
        assert payment.ask_at
        now = payment.ask_at
        asked.append((now - NOW).total_seconds())

    assert asked == [5, 15, 30, 60, 180, 600, 900]
    payment.book_question(now=now)
    assert payment.ask_at == now + timedelta(seconds=15)


def test_after_the_ladder_the_gateway_is_asked_every_ten_minutes() -> None:
    payment = a_payment(expires_at=NOW + timedelta(hours=2))
    payment.book_question(now=NOW + timedelta(minutes=47))

    assert payment.ask_at == NOW + timedelta(minutes=57)


def test_a_cashier_is_shut_for_certain_a_little_after_its_time() -> None:
    payment = a_payment()
    shut = payment.expires_at + timedelta(seconds=15)

    assert not payment.is_over(now=shut - timedelta(microseconds=1))
    assert payment.is_over(now=shut)


def test_a_refund_tried_in_vain_is_stuck_until_a_person_asks_again() -> None:
    refund = full_refund(a_payment(), reason="late", now=NOW)
    for _ in range(3):
        assert refund.status == "owed"
        refund.fail("ACQ.SELLER_BALANCE_NOT_ENOUGH", tries_max=3)
    assert (refund.status, refund.trouble) == ("stuck", "ACQ.SELLER_BALANCE_NOT_ENOUGH")

    refund.owe_again()
    assert (refund.status, refund.tries) == ("owed", 0)
    refund.finish(now=NOW)
    with pytest.raises(RefundMade):
        refund.owe_again()


@given(
    pay_within=st.integers(1, 60),
    hold_seconds=st.none() | st.integers(-100, 7200),
    microsecond=st.integers(0, 999_999),
)
def test_the_cashier_closes_in_whole_seconds_and_before_the_hold_ends(
    pay_within: int, hold_seconds: int | None, microsecond: int
) -> None:
    now = NOW.replace(microsecond=microsecond)
    hold_until = None if hold_seconds is None else now + timedelta(seconds=hold_seconds)
    try:
        until = pay_until(now=now, pay_within=timedelta(minutes=pay_within), hold_until=hold_until)
    except HoldEnded:
        assert hold_seconds is not None
        assert hold_seconds < 90
        return
    assert until.microsecond == 0
    assert until > now + timedelta(seconds=59)
    assert hold_until is None or until <= hold_until - timedelta(seconds=30)


def test_a_refund_has_its_number_before_anybody_is_asked_and_always_the_same() -> None:
    first = full_refund(a_payment(), reason="late", now=NOW)
    again = full_refund(a_payment(), reason="late", now=NOW)

    less = full_refund(a_payment(received_fen=1), reason="late", now=NOW)

    assert first == again
    assert (less.number, less.amount_fen) == (first.number, 1)
    assert (first.number, first.amount_fen) == (f"{a_payment().number}R", 108_00)


@pytest.mark.parametrize(
    ("notice", "payment", "verdict"),
    [
        (NOTICE, a_payment(), None),
        (replace(NOTICE, app_is_ours=False), None, Verdict.OTHER_APP),
        (NOTICE, None, Verdict.UNKNOWN_PAYMENT),
        (replace(NOTICE, amount_fen=1, seller_is_ours=False), a_payment(), Verdict.AMOUNT_DIFFERS),
        (replace(NOTICE, amount_fen=None), a_payment(), Verdict.AMOUNT_DIFFERS),
        (replace(NOTICE, seller_is_ours=False), a_payment(), Verdict.OTHER_SELLER),
        (replace(NOTICE, tells_of_refund=True), a_payment(), Verdict.REFUND_NEWS),
        (replace(NOTICE, says_paid=False), a_payment(), Verdict.NOT_PAID),
    ],
)
def test_a_notice_is_doubted_in_this_order(
    notice: Notice, payment: Payment | None, verdict: Verdict | None
) -> None:
    assert notice.objection(payment) is verdict


def test_the_gateway_may_stop_telling_only_what_we_took_in() -> None:
    assert {verdict for verdict in Verdict if verdict.accepted} == ACCEPTED
    assert {"paid", "repeated", "late_money", "not_paid", "refund_news"} == ACCEPTED
