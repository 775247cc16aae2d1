"""What a discount would cost a buyer, shown at the console before there is one."""

import httpx
import pytest
from console_builders import Office, code_of
from market_processes import query


@pytest.mark.parametrize(
    ("terms", "list_fen", "payable_fen"),
    [
        ({"plan": "amount_off", "off_fen": 20_00}, 128_00, 108_00),
        ({"plan": "threshold", "over_fen": 100_00, "off_fen": 10_00}, 99_99, 99_99),
        ({"plan": "percent", "rate_bp": 8_000}, 68_01, 54_40),
        ({"plan": "fixed_price", "price_fen": 1_99}, 1_00, 1_00),
    ],
)
async def test_a_price_is_previewed_before_there_is_a_discount(
    office: Office, operator: httpx.AsyncClient, terms: dict[str, object], list_fen: int, payable_fen: int
) -> None:
    answer = await operator.post("/discounts/preview", json={"terms": terms, "list_fen": list_fen})

    assert answer.json() == {
        "list_fen": list_fen,
        "discount_fen": list_fen - payable_fen,
        "payable_fen": payable_fen,
        "margin": None,
    }
    assert query(office.url, "SELECT (SELECT count(*) FROM discount), (SELECT count(*) FROM audit_log)") == [
        (0, 0)
    ]


@pytest.mark.parametrize(
    ("cost_fen", "margin_fen", "margin_bp"), [(80_00, 28_00, 2_592), (108_00, 0, 0), (108_01, -1, -1)]
)
async def test_what_is_left_of_a_price_is_previewed_for_who_says_what_the_goods_cost(
    operator: httpx.AsyncClient, cost_fen: int, margin_fen: int, margin_bp: int
) -> None:
    terms = {"plan": "amount_off", "off_fen": 20_00}
    answer = await operator.post(
        "/discounts/preview", json={"terms": terms, "list_fen": 128_00, "cost_fen": cost_fen}
    )

    assert answer.json()["margin"] == {
        "cost_fen": cost_fen,
        "margin_fen": margin_fen,
        "margin_bp": margin_bp,
    }


async def test_no_price_is_previewed_for_what_cannot_be_a_discount(operator: httpx.AsyncClient) -> None:
    terms = {"plan": "threshold", "over_fen": 10_00, "off_fen": 10_00}
    refused = await operator.post("/discounts/preview", json={"terms": terms, "list_fen": 100_00})

    assert code_of(refused) == (422, "invalid_request")
