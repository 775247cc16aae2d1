"""A buyer chooses how to pay, and may think again: never are two payments of one order kept."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from mall_builders import API, SHOP, Shopper, World

PAYMENTS = "SELECT number, gateway, status FROM payment ORDER BY opened_at, number"
STATUS = "SELECT status FROM mall_order"


async def switch(shopper: Shopper, order: dict[str, Any], gateway: str) -> httpx.Response:
    return await shopper.browser.post(order["pay_url"], data={"gateway": gateway})


async def scan_and_pay(world: World, number: str, total: int = 108_00) -> int:
    """By WeChat Pay; how the mall answered its notify."""
    headers, body = world.wechatpay.notify(world.wechatpay.pay(number, total))
    async with world.browser() as sender:
        return (await sender.post(f"{API}/hooks/wechatpay", headers=headers, content=body)).status_code


@contextmanager
def nothing_changes(world: World) -> Iterator[None]:
    before = world.everything()
    yield
    assert world.everything() == before


async def test_the_shop_says_how_one_may_pay(world: World) -> None:
    async with world.browser() as visitor:
        settings = (await visitor.get(f"{API}/v1/settings")).json()

    assert settings["gateways"] == [
        {"name": "alipay", "title": "支付宝"},
        {"name": "wechatpay", "title": "微信支付"},
    ]


@pytest.mark.parametrize(("chosen", "gateway"), [({}, "alipay"), ({"gateway": "wechatpay"}, "wechatpay")])
async def test_an_order_is_paid_through_what_was_chosen_or_the_first(
    world: World, ann: Shopper, chosen: dict[str, str], gateway: str
) -> None:
    order = await ann.ordered(**chosen)

    assert order["gateway"] == gateway
    assert world.rows(PAYMENTS) == [(order["number"], gateway, "open")]


async def test_a_way_that_is_not_offered_places_no_order(world: World, ann: Shopper) -> None:
    answer = await ann.order(gateway="paypal")

    assert (answer.status_code, answer.json()["code"]) == (422, "gateway_not_offered")
    assert world.rows("SELECT count(*) FROM mall_order") == [(0,)]


async def test_the_same_press_with_another_choice_is_the_same_order(world: World, ann: Shopper) -> None:
    first = await ann.ordered(key="press-01", gateway="alipay")
    again = await ann.ordered(key="press-01", gateway="wechatpay")

    assert (again["number"], again["gateway"]) == (first["number"], "alipay")


async def test_thinking_again_closes_the_one_and_opens_the_other(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    answer = await switch(ann, order, "wechatpay")

    assert (answer.status_code, answer.headers["location"]) == (303, order["pay_url"])
    assert world.alipay.trades[order["number"]]["trade_status"] == "TRADE_CLOSED"
    assert world.rows(PAYMENTS) == [
        (order["number"], "alipay", "closed"),
        (f"{order['number']}_2", "wechatpay", "open"),
    ]
    assert (await ann.see(order["number"]))["gateway"] == "wechatpay"
    assert "pay-qr" in (await ann.browser.get(order["pay_url"])).text

    await switch(ann, order, "alipay")
    assert world.wechatpay.orders[f"{order['number']}_2"]["trade_state"] == "CLOSED"
    assert world.rows(PAYMENTS)[2] == (f"{order['number']}_3", "alipay", "open")


async def test_choosing_what_is_chosen_changes_nothing(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    with nothing_changes(world):
        answer = await switch(ann, order, "alipay")

    assert answer.status_code == 303
    assert world.alipay.asked == []


@pytest.mark.parametrize("trouble", ["away", "unsigned"])
async def test_as_long_as_it_is_unknown_the_open_one_stays(world: World, ann: Shopper, trouble: str) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    if trouble == "away":
        world.network.away.add("alipay.test")
    else:
        world.alipay.signs = False
    with nothing_changes(world):
        answer = await switch(ann, order, "wechatpay")

    assert answer.status_code == 503
    assert f'href="{order["pay_url"]}"' in answer.text
    assert world.wechatpay.asked == []


async def test_what_was_paid_meanwhile_is_paid(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    world.alipay.paid_at_the_last_moment = True
    await switch(ann, order, "wechatpay")
    page = await ann.browser.get(order["pay_url"])

    assert world.rows(STATUS) == [("paid",)]
    assert world.rows(PAYMENTS) == [(order["number"], "alipay", "paid")]
    assert (page.status_code, page.headers["location"]) == (303, f"{SHOP}/orders/{order['number']}")


async def test_with_no_time_left_for_another_attempt_the_open_one_stays(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE mall_order SET hold_until = %s", [world.clock.now])
    with nothing_changes(world):
        answer = await switch(ann, order, "wechatpay")

    assert answer.status_code == 503
    assert world.alipay.trades[order["number"]]["trade_status"] == "WAIT_BUYER_PAY"


@pytest.mark.parametrize("first", ["alipay", "wechatpay"])
async def test_paid_through_both_one_is_kept_and_the_other_goes_back(
    world: World, ann: Shopper, first: str
) -> None:
    """Alipay's cashier, opened before and entered only now, in another window, is still there."""
    order = await ann.ordered()
    number = order["number"]
    await ann.browser.get(order["pay_url"])
    await switch(ann, order, "wechatpay")
    await ann.browser.get(order["pay_url"])

    if first == "alipay":
        assert await world.pay(order) == "success"
        assert await scan_and_pay(world, f"{number}_2") == 204
    else:
        assert await scan_and_pay(world, f"{number}_2") == 204
        assert await world.pay(order) == "success"
    await world.settle_down()

    assert world.rows(PAYMENTS) == [(number, "alipay", "closed"), (f"{number}_2", "wechatpay", "paid")]
    assert world.rows("SELECT number, gateway, status, amount_fen FROM refund") == [
        (f"{number}R", "alipay", "done", 108_00)
    ]
    assert world.alipay.refunds == {f"{number}R": "108.00"}
    assert world.wechatpay.refunds == {}
    assert world.rows(STATUS) == [("paid",)]


async def test_a_code_paid_after_it_was_given_up_goes_back(world: World, ann: Shopper) -> None:
    order = await ann.ordered(gateway="wechatpay")
    number = order["number"]
    await switch(ann, order, "alipay")
    assert await scan_and_pay(world, number) == 204
    await world.settle_down()

    assert world.rows("SELECT number, gateway, status FROM refund") == [(f"{number}R", "wechatpay", "done")]
    assert world.wechatpay.refunds[f"{number}R"]["status"] == "SUCCESS"
    assert world.rows(STATUS) == [("awaiting_payment",)]


async def test_many_changes_of_mind_at_once_leave_one_open(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    answers = await asyncio.gather(
        *(switch(ann, order, gateway) for _ in range(3) for gateway in ("wechatpay", "alipay")),
        return_exceptions=True,
    )

    assert {getattr(answer, "status_code", answer) for answer in answers} <= {303, 503}
    assert world.rows("SELECT count(*) FROM payment WHERE status = 'open'") == [(1,)]


async def test_money_and_a_change_of_mind_at_once_leave_no_money_behind(world: World, ann: Shopper) -> None:
    for _ in range(6):
        order = await ann.ordered(gateway="wechatpay")
        await ann.browser.get(order["pay_url"])
        await asyncio.gather(scan_and_pay(world, order["number"]), switch(ann, order, "alipay"))
    await world.settle_down()

    ends = world.rows(
        "SELECT (SELECT count(*) FROM payment WHERE order_number = number_of AND status = 'paid'),"
        " (SELECT count(*) FROM refund WHERE order_number = number_of AND status = 'done')"
        " FROM (SELECT number FROM mall_order) AS one (number_of)"
    )
    assert len(ends) == 6
    assert set(ends) <= {(1, 0), (0, 1)}


@pytest.mark.parametrize("who", ["another buyer", "another site", "nobody"])
async def test_nobody_else_changes_a_buyers_mind(world: World, ann: Shopper, bob: Shopper, who: str) -> None:
    order = await ann.ordered()
    with nothing_changes(world):
        match who:
            case "another buyer":
                answer = await switch(bob, order, "wechatpay")
            case "another site":
                headers = {"sec-fetch-site": "cross-site"}
                data = {"gateway": "wechatpay"}
                answer = await ann.browser.post(order["pay_url"], data=data, headers=headers)
            case _:
                async with world.browser() as stranger:
                    answer = await stranger.post(order["pay_url"], data={"gateway": "wechatpay"})

    assert answer.status_code == {"another buyer": 404, "another site": 403, "nobody": 401}[who]


@pytest.mark.parametrize("data", [{}, {"gateway": ""}, {"gateway": "paypal"}, {"gateway": "a b"}])
async def test_a_way_that_is_none_is_refused(world: World, ann: Shopper, data: dict[str, str]) -> None:
    order = await ann.ordered()
    with nothing_changes(world):
        answer = await ann.browser.post(order["pay_url"], data=data)

    assert answer.status_code == 422
