"""The order's states: every move there is, and no other."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mall_builders import NOW, an_order

from tuan.kernel.errors import Refusal
from tuan.mall.order import (
    IdempotencyKeyReused,
    Order,
    OrderKind,
    OrderMovedOn,
    OrderRefused,
    OrderStatus,
    Price,
    PriceChanged,
)

PRICE = Price(list_fen=128_00, discount_fen=20_00, payable_fen=108_00)
MOVES = {
    "await_payment": lambda order: order.await_payment(PRICE, team_id="team-1", hold_until=NOW),
    "pay": lambda order: order.pay(paid_at=NOW),
    "make_ready": lambda order: order.make_ready(now=NOW),
    "fulfil": lambda order: order.fulfil(now=NOW),
    "close": lambda order: order.close(now=NOW),
    "begin_refund": lambda order: order.begin_refund(now=NOW),
    "end_refund": lambda order: order.end_refund(now=NOW),
}
ALLOWED = {
    ("created", "await_payment"): "awaiting_payment",
    ("created", "close"): "closed",
    ("awaiting_payment", "pay"): "paid",
    ("awaiting_payment", "close"): "closed",
    ("paid", "make_ready"): "ready",
    ("paid", "begin_refund"): "refunding",
    ("ready", "fulfil"): "fulfilled",
    ("ready", "begin_refund"): "refunding",
    ("fulfilled", "begin_refund"): "refunding",
    ("closed", "begin_refund"): "refunding",
    ("refunding", "end_refund"): "refunded",
}


@pytest.mark.parametrize(("status", "move"), list(product(OrderStatus, MOVES)))
def test_an_order_makes_these_moves_and_no_others(status: OrderStatus, move: str) -> None:
    order = an_order(status=status)
    if expected := ALLOWED.get((status, move)):
        MOVES[move](order)
        assert order.status == expected
    else:
        with pytest.raises(OrderMovedOn):
            MOVES[move](order)
        assert order == an_order(status=status)


@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=12))
def test_however_an_order_is_pushed_each_moment_is_written_once_and_kept(moves: list[str]) -> None:
    order = an_order()
    moments = ("paid_at", "ready_at", "fulfilled_at", "closed_at", "refunding_at", "refunded_at")
    for move in moves:
        before = {name: getattr(order, name) for name in moments}
        try:
            MOVES[move](order)
        except OrderMovedOn:
            assert {name: getattr(order, name) for name in moments} == before
        assert all(getattr(order, name) == moment for name, moment in before.items() if moment)
    assert (order.fulfilled_at is None) or (order.ready_at is not None and order.paid_at is not None)
    assert (order.refunded_at is None) or (order.paid_at is not None) != (order.closed_at is not None)


@given(st.integers(-5, 300), st.integers(-5, 300), st.integers(-5, 300))
def test_a_price_adds_up_or_is_none(listed: int, discount: int, payable: int) -> None:
    if listed == discount + payable and discount >= 0 and payable >= 1:
        Price(list_fen=listed, discount_fen=discount, payable_fen=payable)
    else:
        with pytest.raises(PriceChanged):
            Price(list_fen=listed, discount_fen=discount, payable_fen=payable)


def test_another_list_price_than_the_one_shown_is_refused() -> None:
    order = an_order(list_fen=100_00, payable_fen=100_00)
    with pytest.raises(PriceChanged):
        order.await_payment(PRICE, team_id="team-1", hold_until=NOW)


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        (an_order(status=OrderStatus.AWAITING_PAYMENT), "order_moved_on"),
        (an_order(status=OrderStatus.CLOSED), "order_moved_on"),
        (an_order(status=OrderStatus.PAID, paid_at=NOW), None),
        (an_order(status=OrderStatus.PAID, paid_at=NOW, kind=OrderKind.ALONE), "refund_needs_operator"),
        (an_order(status=OrderStatus.READY, paid_at=NOW), "refund_needs_operator"),
        (an_order(status=OrderStatus.FULFILLED, paid_at=NOW), "refund_needs_operator"),
    ],
)
def test_a_buyer_may_ask_for_their_money_while_the_team_forms(order: Order, refusal: str | None) -> None:
    if refusal is None:
        order.ask_refund(reason="changed my mind", now=NOW)
        assert (order.refund_asked_at, order.refund_reason) == (NOW, "changed my mind")
        assert not order.may_be_shipped
        return
    with pytest.raises(Refusal) as raised:
        order.ask_refund(reason="changed my mind", now=NOW)
    assert (raised.value.code, order.refund_asked_at) == (refusal, None)


def refused() -> Order:
    order = an_order()
    order.refuse(OrderRefused(code="team_full", status=409, detail="Full."), now=NOW + timedelta(seconds=1))
    return order


def test_a_refused_order_repeats_its_refusal() -> None:
    with pytest.raises(OrderRefused, match=r"^Full\.$") as raised:
        refused().answer(b"\1" * 32)
    assert (raised.value.code, raised.value.status) == ("team_full", 409)


@pytest.mark.parametrize("order", [an_order(), refused()])
def test_a_key_used_for_something_else_says_so_first(order: Order) -> None:
    with pytest.raises(IdempotencyKeyReused):
        order.answer(b"\2" * 32)


def test_one_refusal_does_not_change_the_words_of_the_next() -> None:
    OrderRefused(code="team_full", status=409, detail="Full.")
    assert (OrderRefused.code, Refusal.code, Refusal.status) == ("refused", "refused", 409)
