import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuan.kernel.money import FEN_MAX, fen_of, yuan_text


@given(st.integers(0, FEN_MAX))
def test_yuan_and_back_is_the_same_money(fen: int) -> None:
    assert fen_of(yuan_text(fen)) == fen


@pytest.mark.parametrize(("fen", "yuan"), [(0, "0.00"), (1, "0.01"), (199, "1.99"), (10000, "100.00")])
def test_how_a_price_is_written(fen: int, yuan: str) -> None:
    assert yuan_text(fen) == yuan


@pytest.mark.parametrize(
    "text", ["", "1", "1.0", "1.000", "-1.00", "01.00", "1e2", "１.００", " 1.00", "1.00\n", "NaN", "1,00"]
)
def test_what_is_not_an_amount(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        fen_of(text)


def test_no_gateway_has_negative_prices() -> None:
    with pytest.raises(ValueError, match="-1"):
        yuan_text(-1)
