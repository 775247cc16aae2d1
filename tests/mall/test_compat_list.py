"""One's own orders on the original's paths: its fields, its pages, and its word for each state."""

import pytest
from mall_builders import NOW, TEA, World
from mall_original import ALONE, OldPage, form_of, notify, tell_formed


async def test_an_order_is_listed_as_the_original_wrote_it(old_ann: OldPage) -> None:
    form = await old_ann.ordered()
    old_ann.world.clock.pass_by(minutes=1)
    await old_ann.ordered(**ALONE)
    await notify(old_ann.world, old_ann.http, form)

    answer = await old_ann.http.post("/api/v1/alipay/query_user_order_list", json={"userId": old_ann.token})

    paid, waiting = answer.json()["data"]["orderList"]
    millis = int(NOW.timestamp() * 1000)
    assert paid == {
        "id": 1,
        "userId": old_ann.token,
        "productId": TEA,
        "productName": "武夷岩茶·肉桂 125g",
        "orderId": form.number,
        "orderTime": millis,
        "totalAmount": 128.0,
        "status": "PAY_SUCCESS",
        "payUrl": None,
        "marketType": 1,
        "marketDeductionAmount": 20.0,
        "payAmount": 108.0,
        "payTime": millis + 60_000,
    }
    assert '"totalAmount":128.00' in answer.text
    assert (waiting["status"], waiting["marketType"], waiting["payTime"]) == ("PAY_WAIT", 0, None)
    assert form_of(waiting["payUrl"]).content["total_amount"] == "128.00"


async def test_a_long_list_comes_in_pages_oldest_first_and_each_order_once(
    old_ann: OldPage, old_bob: OldPage
) -> None:
    """All made in the same instant: their order is by number then, and still nobody is seen twice or not."""
    await old_bob.ordered(**ALONE)
    for n in range(7):
        product = "9890003" if n % 2 else TEA
        form = await old_ann.ordered(productId=product, **ALONE)
        await notify(old_ann.world, old_ann.http, form)

    pages, last = [], None
    for _ in range(4):
        page = await old_ann.orders(lastId=last, pageSize=3)
        pages.append(page)
        last = page["lastId"]

    assert [len(page["orderList"]) for page in pages] == [3, 3, 1, 0]
    assert [page["hasMore"] for page in pages] == [True, True, False, False]
    assert [page["lastId"] for page in pages] == [3, 6, 7, None]
    numbers = [order["orderId"] for page in pages for order in page["orderList"]]
    assert (len(set(numbers)), numbers) == (7, sorted(numbers))


@pytest.mark.parametrize("changes", [{"pageSize": 0}, {"pageSize": 51}, {"lastId": -1}, {"lastId": "x"}])
async def test_a_page_has_one_to_fifty_orders(old_ann: OldPage, changes: dict[str, object]) -> None:
    answer = await old_ann.post("query_user_order_list", {"userId": old_ann.token} | changes)

    assert (answer["code"], answer["data"]) == ("0002", None)


async def test_each_state_has_the_originals_word(world: World, old_ann: OldPage, old_bob: OldPage) -> None:
    assert await old_ann.states() == []
    world.network.away.add("market.test")
    await old_ann.order()
    assert await old_ann.states() == ["CREATE"]
    world.network.away.clear()
    form = await old_ann.ordered()
    assert await old_ann.states() == ["PAY_WAIT"]
    await notify(world, old_ann.http, form)
    assert await old_ann.states() == ["PAY_SUCCESS"]
    await world.settle_down()
    await tell_formed(old_ann.http, "10000001", [form.number])
    assert await old_ann.states() == ["MARKET"]
    await world.settle_down()
    assert await old_ann.states() == ["DEAL_DONE"]

    other = await old_bob.ordered()
    await notify(world, old_bob.http, other)
    await world.settle_down()
    world.network.away.add("market.test")
    assert (await old_bob.refund(other.number))["code"] == "0001"
    assert await old_bob.states() == ["PAY_SUCCESS"]
    world.network.away.clear()
    await old_bob.refund(other.number)
    assert await old_bob.states() == ["WAIT_REFUND"]
    await world.settle_down()
    assert await old_bob.states() == ["CLOSE"]


async def test_a_wish_for_money_waits_for_it_though_the_market_is_away(old_ann: OldPage) -> None:
    world = old_ann.world
    form = await old_ann.ordered()
    await notify(world, old_ann.http, form)
    await world.settle_down()
    world.market.refuses["release"] = (503, "overloaded")

    answer = await old_ann.refund(form.number)

    assert (answer["code"], answer["data"]["message"]) == ("0001", "退单失败，系统异常")
    assert await old_ann.states() == ["WAIT_REFUND"]
    world.market.refuses.clear()
    world.clock.pass_by(minutes=5)
    await world.settle_down()
    assert await old_ann.states() == ["CLOSE"]
