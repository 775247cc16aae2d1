"""The market's lists in the order of any column; and what a listing says of its goods' cost."""

from typing import Any

import httpx
import pytest
from console_builders import TEN_OFF, Office, a_campaign, code_of
from market_builders import API_KEY, save_campaign
from market_processes import query
from sorted_lists import Value, in_order, refusals, walked

TEA = {"goods_id": "tea", "channel": "app", "buyer_id": "b1"}
KEY = {"authorization": f"Bearer {API_KEY}"}
CAMPAIGNS: dict[str, Value] = {
    "name": lambda row: row["name"],
    "starts": lambda row: row["starts_at"],
    "ends": lambda row: row["ends_at"],
}
LISTINGS: dict[str, Value] = {
    "goods": lambda row: row["goods_id"],
    "source": lambda row: row["source"],
    "price": lambda row: row["price"]["list_fen"],
}
TEAMS: dict[str, Value] = {
    "opened": lambda row: row["id"],
    "closes": lambda row: row["closes_at"],
    "paid": lambda row: row["seats_settled"],
}


@pytest.fixture
async def offered(office: Office, operator: httpx.AsyncClient) -> None:
    """Campaigns of two names, listings of two prices, and four teams, of which two were paid for."""
    save_campaign(office.url)
    discount = (await operator.post("/discounts", json=TEN_OFF)).json()
    for n in range(3):
        body = a_campaign(discount["id"], now=office.clock(), take_limit=9) | {"name": f"Sale {n % 2}"}
        campaign = (await operator.post("/campaigns", json=body)).json()["id"]
    await operator.put(f"/campaigns/{campaign}/publication", json={})
    for n in range(4):
        listing = {"campaign_id": campaign, "list_fen": 100_00 + n % 2}
        assert (await operator.put(f"/listings/mall/c{n % 2}/g{n}", json=listing)).status_code == 200
    lock = {"campaign_id": campaign, "goods_id": "g0", "channel": "c0", "buyer_id": "b"}
    for n in range(4):
        seat = f"http://market/v1/seats/T{n}"
        assert (await operator.put(seat, json=lock, headers=KEY)).status_code == 200
        if n % 2:
            paid = {"paid_at": office.clock().isoformat()}
            await operator.put(f"{seat}/settlement", json=paid, headers=KEY)
        office.clock.forward(seconds=n // 2)


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("path", "columns", "count"),
    [("/campaigns", CAMPAIGNS, 4), ("/listings", LISTINGS, 5), ("/teams", TEAMS, 4)],
    ids=["campaigns", "listings", "teams"],
)
async def test_a_list_comes_in_the_order_of_any_of_its_columns(
    operator: httpx.AsyncClient, path: str, columns: dict[str, Value], count: int
) -> None:
    def key(row: dict[str, Any]) -> object:
        return row["id"] if "id" in row else (row["source"], row["channel"], row["goods_id"])

    for sort in [way + column for column in columns for way in ("", "-")]:
        found = await walked(operator, path, sort)
        assert found == in_order(found, columns[sort.removeprefix("-")], key, sort), sort
        assert len(found) == count


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("path", "sort"), [("/campaigns", "name"), ("/listings", "price"), ("/teams", "paid")]
)
async def test_what_is_no_column_or_no_cursor_of_this_order_is_refused(
    operator: httpx.AsyncClient, path: str, sort: str
) -> None:
    assert await refusals(operator, path, sort) == {(422, "invalid_request")}


async def test_a_listing_may_say_what_its_goods_cost_and_buyers_never_see_it(
    office: Office, operator: httpx.AsyncClient
) -> None:
    save_campaign(office.url)
    body = {"campaign_id": "summer", "list_fen": 100_00, "cost_fen": 60_00}
    told = await operator.put("/listings/mall/app/tea", json=body)
    [shown] = (await operator.get("/listings")).json()["items"]
    margin = {"cost_fen": 60_00, "margin_fen": 20_00, "margin_bp": 2_500}
    assert (told.json()["margin"], shown["margin"]) == (margin, margin)

    quoted = await operator.post("http://market/v1/quotes", json=TEA, headers=KEY)
    assert quoted.json()["payable_fen"] == 80_00
    assert "cost" not in quoted.text

    for refused in (0, -1, 1.5, "60"):
        assert code_of(await operator.put("/listings/mall/app/tea", json=body | {"cost_fen": refused})) == (
            422, "invalid_request",
        )  # fmt: skip
    assert query(office.url, "SELECT cost_fen FROM listing") == [(60_00,)]
    del body["cost_fen"]
    assert (await operator.put("/listings/mall/app/tea", json=body)).json()["margin"] is None
    assert query(office.url, "SELECT before ->> 'cost_fen', after ->> 'cost_fen' FROM audit_log") == [
        (None, "6000"), ("6000", None),
    ]  # fmt: skip
