"""The four discounts, by the original's examples and by what holds for every price."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuan.kernel.money import FEN_MAX
from tuan.market.discount import Discount, Plan

fen = st.integers(1, FEN_MAX)


@pytest.mark.parametrize(
    ("discount", "list_fen", "payable_fen"),
    [
        (Discount(id="d", plan=Plan.THRESHOLD, over_fen=100_00, off_fen=10_00), 100_00, 90_00),
        (Discount(id="d", plan=Plan.THRESHOLD, over_fen=100_00, off_fen=10_00), 99_99, 99_99),
        (Discount(id="d", plan=Plan.AMOUNT_OFF, off_fen=20_00), 100_00, 80_00),
        (Discount(id="d", plan=Plan.AMOUNT_OFF, off_fen=200_00), 100_00, 1),
        (Discount(id="d", plan=Plan.PERCENT, rate_bp=8_000), 100_00, 80_00),
        (Discount(id="d", plan=Plan.PERCENT, rate_bp=8_500), 99_99, 84_99),
        (Discount(id="d", plan=Plan.PERCENT, rate_bp=0), 100_00, 1),
        (Discount(id="d", plan=Plan.FIXED_PRICE, price_fen=1_99), 100_00, 1_99),
        (Discount(id="d", plan=Plan.FIXED_PRICE, price_fen=200_00), 100_00, 100_00),
    ],
)
def test_what_is_paid(discount: Discount, list_fen: int, payable_fen: int) -> None:
    assert discount.price(list_fen) == (list_fen, list_fen - payable_fen, payable_fen)


@given(
    st.builds(
        Discount,
        id=st.just("d"),
        plan=st.sampled_from(Plan),
        off_fen=fen,
        over_fen=fen,
        rate_bp=st.integers(0, 10_000),
        price_fen=st.integers(0, FEN_MAX),
    ),
    fen,
)
def test_nothing_is_free_and_nothing_costs_more_than_its_list_price(
    discount: Discount, list_fen: int
) -> None:
    price = discount.price(list_fen)

    assert 1 <= price.payable_fen <= list_fen
    assert price.discount_fen + price.payable_fen == price.list_fen == list_fen
