"""Orders paid by WeChat Pay, from code to delivery; given back, closed, and found when nobody told."""

from typing import Any

import httpx
import pytest
from mall_builders import API, SHOP, Shopper, World, a_shopper, a_world, some_settings

from tuan.kernel.db import build_pool
from tuan.mall.gateways.offered import build_gateways
from tuan.mall.refund import RefundPending, make_refund

STATUS = "SELECT status FROM mall_order"
PAYMENT = "SELECT status, told_by FROM payment"
REFUND = "SELECT status, tries, trouble FROM refund"


async def ordered(shopper: Shopper, **changes: Any) -> dict[str, Any]:
    return await shopper.ordered(gateway="wechatpay", **changes)


async def scan_and_pay(world: World, order: dict[str, Any]) -> None:
    content = world.wechatpay.pay(order["number"], order["payable_fen"])
    headers, body = world.wechatpay.notify(content)
    async with world.browser() as sender:
        answer = await sender.post(f"{API}/hooks/wechatpay", headers=headers, content=body)
    assert answer.status_code == 204, answer.text


def seats(world: World) -> list[str]:
    return [seat["status"] for seat in world.market.seats.values()]


def steps(world: World) -> list[str]:
    """What the neighbours were asked that ends anything."""
    last = {"GET": "query", "POST": "close"}
    asked = [last[method] for method, path in world.wechatpay.asked if "out-trade-no" in path]
    return asked + [step for step, _ in world.market.asked if step == "release"]


async def test_from_the_code_to_the_delivery(world: World, ann: Shopper, bob: Shopper) -> None:
    first = await ordered(ann)
    second = await ordered(bob, team_id=first["team_id"])
    for shopper, order in ((ann, first), (bob, second)):
        page = await shopper.browser.get(order["pay_url"])
        assert (page.status_code, "<svg" in page.text, "108.00" in page.text) == (200, True, True)
        await scan_and_pay(world, order)
    await world.service.drain()
    assert seats(world) == ["settled", "settled"]

    await world.team_formed(first["team_id"], first["number"], second["number"])
    await world.settle_down()

    for shopper, order in ((ann, first), (bob, second)):
        seen = await shopper.see(order["number"])
        assert (seen["status"], seen["delivery"] is None) == ("fulfilled", False)
    assert world.rows("SELECT gateway, status, told_by FROM payment") == [("wechatpay", "paid", "notify")] * 2
    assert await world.findings() == []


async def test_the_page_shows_the_code_and_loads_nothing_from_elsewhere(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    page = await ann.browser.get(order["pay_url"])
    policy = page.headers["content-security-policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]

    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in policy
    assert "connect-src 'self'; form-action 'none'" in policy
    assert page.text.count(f'<script nonce="{nonce}">') == page.text.count("<script") == 1
    assert "style=" not in page.text
    assert 'data-seconds="900"' in page.text
    assert f'fetch("{API}/v1/orders/{order["number"]}"' in page.text
    assert f'href="{SHOP}/orders/{order["number"]}"' in page.text
    assert "weixin://" not in page.text


async def test_the_demo_leads_to_the_phone_that_scans(mall_database: str) -> None:
    async with a_world(mall_database, demo=True) as world, a_shopper(world, "o-ann") as ann:
        page = await ann.browser.get((await ordered(ann))["pay_url"])

    assert 'href="weixin://wxpay/bizpayurl?pr=' in page.text


@pytest.mark.parametrize("trouble", ["away", "unsigned", "busy"])
async def test_a_gateway_that_does_not_answer_is_explained_and_changes_nothing(
    world: World, ann: Shopper, trouble: str
) -> None:
    order = await ordered(ann)
    before = world.everything()
    if trouble == "away":
        world.network.away.add("wechatpay.test")
    world.wechatpay.signs = trouble != "unsigned"
    if trouble == "busy":
        world.wechatpay.refuses["/native"] = (429, "FREQUENCY_LIMITED")
    page = await ann.browser.get(order["pay_url"])

    assert page.status_code == 503
    assert f'href="{SHOP}/orders/{order["number"]}"' in page.text
    assert world.everything() == before


async def test_who_has_paid_and_looks_again_is_taken_to_the_order(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    await ann.browser.get(order["pay_url"])
    world.wechatpay.pay(order["number"], order["payable_fen"])
    page = await ann.browser.get(order["pay_url"])

    assert (page.status_code, page.headers["location"]) == (303, f"{SHOP}/orders/{order['number']}")
    assert world.rows(PAYMENT) == [("paid", "query")]


async def test_money_no_notify_told_of_is_found(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    await ann.browser.get(order["pay_url"])
    world.wechatpay.pay(order["number"], order["payable_fen"])
    world.clock.pass_by(seconds=5)
    await world.service.drain()

    assert world.rows(PAYMENT) == [("paid", "query")]
    assert seats(world) == ["settled"]


async def test_who_does_not_pay_in_time_loses_the_seat_and_the_order_closes(
    world: World, ann: Shopper
) -> None:
    order = await ordered(ann)
    await ann.browser.get(order["pay_url"])
    world.clock.pass_by(minutes=15)
    await world.service.drain()

    assert steps(world) == ["query", "close", "release"]
    assert world.wechatpay.orders[order["number"]]["trade_state"] == "CLOSED"
    assert world.rows(STATUS) == [("closed",)]
    assert seats(world) == ["released"]
    assert await world.findings() == []


async def test_an_unsigned_answer_closes_nothing(world: World, ann: Shopper) -> None:
    await ordered(ann)
    world.wechatpay.signs = False
    world.clock.pass_by(minutes=16)
    await world.service.drain()

    assert world.rows(STATUS) == [("awaiting_payment",)]
    assert seats(world) == ["locked"]


async def test_paid_at_the_last_moment_is_paid(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    await ann.browser.get(order["pay_url"])
    world.wechatpay.paid_at_the_last_moment = True
    answer = await ann.cancel(order["number"])

    assert (answer.status_code, answer.json()["code"]) == (409, "already_paid")
    assert steps(world) == ["query", "close", "query"]
    assert world.rows(STATUS) == [("paid",)]


async def test_a_buyer_cancels_and_the_order_is_closed_at_wechat_pay(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    await ann.browser.get(order["pay_url"])

    assert (await ann.cancel(order["number"])).json()["status"] == "closed"
    assert world.wechatpay.orders[order["number"]]["trade_state"] == "CLOSED"
    assert seats(world) == ["released"]


async def test_a_refund_is_done_when_wechat_pay_has_made_it(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    await scan_and_pay(world, order)
    await world.service.drain()
    world.wechatpay.refund_status = "PROCESSING"
    await ann.ask_refund(order["number"])
    await world.service.drain()
    assert world.rows(REFUND) == [("owed", 1, "refund_pending")]
    assert (await ann.see(order["number"]))["status"] == "refunding"

    world.wechatpay.refund_status = "SUCCESS"
    await world.settle_down()
    assert world.rows(REFUND) == [("done", 1, "refund_pending")]
    assert (await ann.see(order["number"]))["status"] == "refunded"
    assert world.wechatpay.refunds[f"{order['number']}R"]["amount"]["refund"] == 108_00
    assert await world.findings() == []


async def test_a_refund_that_wechat_pay_gave_up_stays_owed_under_its_word(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    await scan_and_pay(world, order)
    await world.service.drain()
    world.wechatpay.refund_status = "ABNORMAL"
    await ann.ask_refund(order["number"])
    await world.service.drain()

    assert world.rows(REFUND) == [("owed", 1, "REFUND_ABNORMAL")]
    assert (await ann.see(order["number"]))["status"] == "refunding"


async def test_money_for_a_closed_order_goes_back_though_no_notify_comes(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    await ann.cancel(order["number"])
    world.wechatpay.pay(order["number"], order["payable_fen"])
    world.clock.pass_by(minutes=16)
    await world.settle_down()

    assert world.rows(STATUS) == [("refunded",)]
    assert list(world.wechatpay.refunds) == [f"{order['number']}R"]


async def test_what_was_paid_through_a_gateway_that_is_gone_is_owed_until_it_is_back(
    world: World, ann: Shopper, mall_database: str
) -> None:
    order = await ordered(ann)
    await scan_and_pay(world, order)
    await world.service.drain()
    world.wechatpay.refund_status = "PROCESSING"
    await ann.ask_refund(order["number"])
    await world.service.drain()
    settings = some_settings(mall_database, wechatpay=None)
    async with build_pool(mall_database, size=1) as pool, httpx.AsyncClient() as http:
        without = build_gateways(settings, http, public_url=SHOP)
        assert list(without) == ["alipay"]
        with pytest.raises(RefundPending, match="unreachable"):
            await make_refund(pool, without, refund_number=f"{order['number']}R", now=world.clock.now)

    assert world.rows(REFUND) == [("owed", 2, "unreachable")]
