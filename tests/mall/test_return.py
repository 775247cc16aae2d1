"""Coming back from the cashier: the buyer's word proves nothing, and they always see their order."""

from urllib.parse import urlencode

import httpx
from mall_builders import API, SHOP, Shopper, World


def came_back(world: World, number: str, **changes: str) -> str:
    fields = {
        "charset": "utf-8", "out_trade_no": number, "method": "alipay.trade.page.pay.return",
        "total_amount": "108.00", "trade_no": "t1", "version": "1.0", "sign_type": "RSA2",
        "timestamp": "2026-11-23 12:00:00",
    }  # fmt: skip
    return urlencode(world.alipay.signed(fields) | changes)


async def come_back(world: World, number: str, query: str) -> httpx.Response:
    async with world.browser() as browser:
        return await browser.get(f"{API}/return/alipay/{number}?{query}")


async def test_coming_back_from_the_cashier_asks_alipay_itself(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00")
    answer = await come_back(world, order["number"], came_back(world, order["number"]))

    assert (answer.status_code, answer.headers["location"]) == (303, f"{SHOP}/orders/{order['number']}")
    assert (await ann.see(order["number"]))["status"] == "paid"


async def test_coming_back_after_the_notify_asks_nobody(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    asked = list(world.alipay.asked)
    answer = await come_back(world, order["number"], came_back(world, order["number"]))

    assert (answer.status_code, answer.headers["location"]) == (303, f"{SHOP}/orders/{order['number']}")
    assert world.alipay.asked == asked


async def test_coming_back_without_having_paid_pays_nothing(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    before = world.everything()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    answer = await come_back(world, order["number"], came_back(world, order["number"]))

    assert (answer.status_code, answer.headers["location"]) == (303, f"{SHOP}/orders/{order['number']}")
    assert [method for method, _ in world.alipay.asked] == ["alipay.trade.query"]
    assert world.everything() == before


async def test_coming_back_with_too_little_paid_pays_nothing_and_it_goes_back(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "0.01")
    await come_back(world, order["number"], came_back(world, order["number"]))
    await world.service.drain()

    assert (await ann.see(order["number"]))["status"] == "awaiting_payment"
    assert world.alipay.refunds == {f"{order['number']}R": "0.01"}
    assert world.rows("SELECT kind, detail FROM alarm") == [("amount_differs", "told by query")]


async def test_coming_back_with_a_forged_address_asks_nobody(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    other = await ann.ordered()
    world.alipay.pay(order["number"], "108.00")
    for query in (
        "",
        came_back(world, order["number"], total_amount="1.00"),
        came_back(world, other["number"]),
    ):
        answer = await come_back(world, order["number"], query)
        assert answer.headers["location"] == f"{SHOP}/orders/{order['number']}"

    assert world.alipay.asked == []


async def test_coming_back_while_alipay_is_away_shows_the_order_all_the_same(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    world.network.away.add("alipay.test")
    answer = await come_back(world, order["number"], came_back(world, order["number"]))

    assert (answer.status_code, answer.headers["location"]) == (303, f"{SHOP}/orders/{order['number']}")


async def test_coming_back_from_nowhere_shows_all_orders(world: World) -> None:
    answer = await come_back(world, "none", "")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{SHOP}/orders")
