"""A payment takes exactly its amount, once; and the cashier closes in time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mall_builders import NOW, a_payment

from tuan.mall.notify import ACCEPTED, Notice, Verdict
from tuan.mall.payment import (
    AmountDiffers,
    AnotherTrade,
    HoldEnded,
    Payment,
    PaymentStatus,
    Receipt,
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
    payment.receive(RECEIPT)

    assert (payment.status, payment.gateway_trade_no, payment.paid_at) == ("paid", "t1", NOW)
    assert not payment.is_news(RECEIPT)


def test_money_for_a_closed_payment_is_recorded_and_it_stays_closed() -> None:
    payment = a_payment(status=PaymentStatus.CLOSED)
    assert payment.is_news(RECEIPT)
    payment.receive(RECEIPT)

    assert (payment.status, payment.gateway_trade_no, payment.paid_at) == ("closed", "t1", NOW)
    assert not payment.is_news(RECEIPT)


@given(st.integers(0, 10_000_000_000).filter(lambda fen: fen != 108_00))
def test_any_other_amount_is_refused(amount_fen: int) -> None:
    with pytest.raises(AmountDiffers):
        a_payment().is_news(replace(RECEIPT, amount_fen=amount_fen))


def test_a_second_trade_for_the_same_payment_is_refused() -> None:
    payment = a_payment()
    payment.receive(RECEIPT)
    with pytest.raises(AnotherTrade):
        payment.is_news(replace(RECEIPT, gateway_trade_no="t2"))


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

    assert first == again
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
