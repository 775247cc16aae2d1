"""The mall's lists come in the order of any column, each row once, whatever is added meanwhile."""

from typing import Any

import httpx
import pytest
from mall_builders import Shopper, World
from mall_console_builders import code_of
from sorted_lists import Value, in_order, refusals, walked

ORDERS: dict[str, Value] = {
    "created": lambda row: row["created_at"],
    "paid": lambda row: row["paid_at"],
    "payable": lambda row: row["payable_fen"],
}
REFUNDS: dict[str, Value] = {
    "created": lambda row: row["created_at"],
    "done": lambda row: row["done_at"],
    "amount": lambda row: row["amount_fen"],
    "tries": lambda row: row["tries"],
}
PAYMENTS: dict[str, Value] = {
    "opened": lambda row: row["opened_at"],
    "paid": lambda row: row["paid_at"],
    "amount": lambda row: row["amount_fen"],
}
PRODUCTS: dict[str, Value] = {"id": lambda row: row["id"], "price": lambda row: row["list_fen"]}


def both_ways(columns: dict[str, Value]) -> list[str]:
    return [way + column for column in columns for way in ("", "-")]


def number(row: dict[str, Any]) -> str:
    return str(row["number"])


@pytest.fixture
async def traded(world: World, ann: Shopper) -> None:
    """Five orders: of two prices, some placed at one moment, some paid, some paid back."""
    for n in range(5):
        order = await ann.buy_alone() if n % 2 else await ann.ordered()
        if n != 1:
            await world.pay(order)
        await world.service.drain()
        if n in (0, 4):
            await ann.ask_refund(order["number"])
            await world.service.drain()
        world.clock.pass_by(seconds=n // 2)


@pytest.mark.usefixtures("traded")
@pytest.mark.parametrize("sort", both_ways(ORDERS))
async def test_orders(ann: Shopper, olga: httpx.AsyncClient, sort: str) -> None:
    before = (await olga.get("/orders?limit=100")).json()["items"]

    async def one_more() -> None:
        await ann.buy_alone()

    found = await walked(olga, "/orders", sort, meanwhile=one_more)

    known = {row["number"] for row in before}
    assert len(before) == 5
    assert [row for row in found if row["number"] in known] == in_order(
        before, ORDERS[sort.removeprefix("-")], number, sort
    )
    assert len(found) in (5, 6)  # The new one comes if its place is still ahead.


@pytest.mark.usefixtures("traded")
async def test_payments_refunds_and_products(olga: httpx.AsyncClient) -> None:
    for path, columns in (("/payments", PAYMENTS), ("/refunds", REFUNDS)):
        for sort in both_ways(columns):
            found = await walked(olga, path, sort)
            assert found == in_order(found, columns[sort.removeprefix("-")], number, sort), (path, sort)
        assert len(found) == {"/payments": 5, "/refunds": 2}[path]
    for sort in both_ways(PRODUCTS):
        found = await walked(olga, "/products", sort)
        assert found == in_order(found, PRODUCTS[sort.removeprefix("-")], lambda row: row["id"], sort)
        assert len(found) > 3


@pytest.mark.usefixtures("traded")
async def test_the_spreadsheet_comes_in_the_same_order(olga: httpx.AsyncClient) -> None:
    stretch = "since=2026-11-20T00:00:00Z&until=2026-12-20T00:00:00Z"
    sheet = (await olga.get(f"/orders.csv?{stretch}&sort=payable")).text
    found = await walked(olga, "/orders", "payable")

    places = [sheet.index(row["number"]) for row in found]
    assert places == sorted(places)
    assert code_of(await olga.get(f"/orders.csv?{stretch}&sort=none")) == (422, "invalid_request")


@pytest.mark.usefixtures("traded")
@pytest.mark.parametrize(
    ("path", "sort"), [("/orders", "payable"), ("/payments", "paid"), ("/refunds", "done")]
)
async def test_what_is_no_column_or_no_cursor_of_this_order_is_refused(
    olga: httpx.AsyncClient, path: str, sort: str
) -> None:
    assert await refusals(olga, path, sort) == {(422, "invalid_request")}
