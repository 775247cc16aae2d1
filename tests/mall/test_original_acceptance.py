"""What was accepted of the original, point by point, on its own paths; the mall's part of each."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from mall_builders import SHOP, World
from mall_original import ALONE, Form, OldPage, notify, old_page, tell_formed

TEAM = "10000001"


@pytest.fixture
async def three(world: World) -> AsyncIterator[list[OldPage]]:
    """Signed in, each in a browser of their own."""
    async with AsyncExitStack() as stack:
        pages = [OldPage(world, await stack.enter_async_context(old_page(world))) for _ in range(3)]
        for n, page in enumerate(pages):
            await page.sign_in(f"o-{n}")
        yield pages


async def team_of(pages: list[OldPage]) -> list[Form]:
    """The first opens a team, the others join it, and all have paid."""
    world, forms = pages[0].world, [await pages[0].ordered()]
    world.market.numbers[TEAM] = f"team-{forms[0].number}"
    forms += [await page.ordered(teamId=TEAM) for page in pages[1:]]
    for page, form in zip(pages, forms, strict=True):
        assert await notify(world, page.http, form) == "success"
    await world.settle_down()
    return forms


# 4. A team of three.


async def test_three_paid_orders_are_settled_and_delivered_when_their_team_has_formed(
    three: list[OldPage],
) -> None:
    world = three[0].world
    forms = await team_of(three)
    settled = [number for step, number in world.market.asked if step == "settle"]
    waiting = [await page.states() for page in three]

    await tell_formed(three[0].http, TEAM, [form.number for form in forms])
    await world.settle_down()

    assert sorted(settled) == sorted(form.number for form in forms)
    assert (waiting, [await page.states() for page in three]) == ([["PAY_SUCCESS"]] * 3, [["DEAL_DONE"]] * 3)
    assert world.rows("SELECT count(*), count(DISTINCT order_number) FROM delivery") == [(3, 3)]


async def test_who_buys_alone_is_delivered_without_a_team(three: list[OldPage]) -> None:
    form = await three[0].ordered(**ALONE)
    await notify(three[0].world, three[0].http, form)
    await three[0].world.settle_down()

    assert await three[0].states() == ["DEAL_DONE"]
    assert three[0].world.market.asked == []


# 5. The callback.


async def test_a_callback_that_was_refused_succeeds_when_it_comes_again(three: list[OldPage]) -> None:
    forms = await team_of(three)
    numbers = [form.number for form in forms]

    refused = await tell_formed(three[0].http, TEAM, numbers, secret="whsec_bm90IG91cnM=")
    taken = await tell_formed(three[0].http, TEAM, numbers)
    await three[0].world.settle_down()

    assert (refused, taken) == ("error", "success")
    assert [await page.states() for page in three] == [["DEAL_DONE"]] * 3


async def test_a_payment_counts_while_the_market_is_away_and_is_settled_when_it_is_back(
    three: list[OldPage],
) -> None:
    world, page = three[0].world, three[0]
    form = await page.ordered()
    world.network.away.add("market.test")
    assert await notify(world, page.http, form) == "success"
    await world.settle_down()
    assert await page.states() == ["PAY_SUCCESS"]

    world.network.away.clear()
    await world.settle_down()

    assert world.market.seats[form.number]["status"] == "settled"


# 6. Taking back.


async def test_unpaid_it_is_closed_at_the_gateway_and_its_seat_is_free(three: list[OldPage]) -> None:
    world, page = three[0].world, three[0]
    form = await page.ordered()
    world.alipay.pay(form.number, "108.00", trade_status="WAIT_BUYER_PAY")

    answer = await page.refund(form.number)

    assert answer["data"] == {"success": True, "message": "退单成功", "orderId": form.number}
    assert await page.states() == ["CLOSE"]
    assert world.market.seats[form.number]["status"] == "released"
    assert ("alipay.trade.close", {"out_trade_no": form.number}) in world.alipay.asked
    assert world.rows("SELECT count(*) FROM refund") == [(0,)]


async def test_paid_and_not_formed_its_seat_is_free_and_its_money_goes_back_once(
    three: list[OldPage],
) -> None:
    world, page = three[0].world, three[0]
    form = await page.ordered()
    await notify(world, page.http, form)
    await world.settle_down()

    answers = [await page.refund(form.number), await page.refund(form.number)]
    await world.settle_down()
    over = await page.refund(form.number)

    assert [answer["data"]["success"] for answer in answers] == [True, True]
    assert (over["code"], over["data"]["success"]) == ("0000", False)
    assert over["data"]["message"] == "退单失败，订单不存在、已关闭或不属于该用户"
    assert await page.states() == ["CLOSE"]
    assert world.market.seats[form.number]["status"] == "refunded"
    assert world.rows("SELECT status, amount_fen, reason FROM refund") == [("done", 108_00, "交易退单")]


async def test_formed_or_delivered_it_is_no_longer_the_buyers_alone_to_take_back(
    three: list[OldPage],
) -> None:
    """The original paid back whoever asked, and they kept what they had been sent."""
    world = three[0].world
    forms = await team_of(three)
    world.market.teams_are = "formed"
    formed = await three[0].refund(forms[0].number)
    await tell_formed(three[0].http, TEAM, [form.number for form in forms])
    await world.settle_down()

    delivered = await three[0].refund(forms[0].number)

    for answer in (formed, delivered):
        assert (answer["code"], answer["data"]["success"]) == ("0000", False)
        assert answer["data"]["message"] == "退单失败，已成团或已发货的订单请联系商家"
    assert world.rows("SELECT count(*) FROM refund") == [(0,)]
    assert world.market.seats[forms[0].number]["status"] == "settled"


async def test_a_refund_that_fails_at_the_gateway_is_made_later_under_the_same_number(
    three: list[OldPage],
) -> None:
    world, page = three[0].world, three[0]
    form = await page.ordered()
    await notify(world, page.http, form)
    await world.settle_down()
    world.alipay.refund_refused = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    await page.refund(form.number)
    await world.settle_down()
    waiting = await page.states()

    world.alipay.refund_refused = None
    await world.settle_down()

    asked = {content["out_request_no"] for method, content in world.alipay.asked if method.endswith("refund")}
    assert (waiting, await page.states(), len(asked)) == (["WAIT_REFUND"], ["CLOSE"], 1)


async def test_a_team_that_fails_pays_everybody_back(three: list[OldPage]) -> None:
    world = three[0].world
    forms = await team_of(three)

    await world.team_failed(f"team-{forms[0].number}", paid=[form.number for form in forms])
    await world.settle_down()

    assert [await page.states() for page in three] == [["CLOSE"]] * 3
    assert world.rows("SELECT status, sum(amount_fen) FROM refund GROUP BY 1") == [("done", 3 * 108_00)]


# 7. Time passes.


async def test_not_paid_in_time_it_is_closed_and_its_seat_is_free(three: list[OldPage]) -> None:
    world, page = three[0].world, three[0]
    form = await page.ordered()
    world.alipay.pay(form.number, "108.00", trade_status="WAIT_BUYER_PAY")
    world.clock.pass_by(minutes=30)

    await world.settle_down()

    assert await page.states() == ["CLOSE"]
    assert world.market.seats[form.number]["status"] == "released"


async def test_a_notify_that_is_lost_is_made_good_by_asking_and_waiting_is_not_paid(
    three: list[OldPage],
) -> None:
    """The original took the answer to its question, code 10000, for the payment."""
    world, page = three[0].world, three[0]
    form = await page.ordered()
    world.alipay.pay(form.number, "108.00", trade_status="WAIT_BUYER_PAY")
    world.clock.pass_by(minutes=1)
    await world.settle_down()
    waiting = await page.states()

    world.alipay.pay(form.number, "108.00")
    world.clock.pass_by(minutes=5)
    await world.settle_down()

    assert (waiting, await page.states()) == (["PAY_WAIT"], ["PAY_SUCCESS"])


async def test_a_notify_that_comes_again_does_not_take_a_delivered_order_back(three: list[OldPage]) -> None:
    world, page = three[0].world, three[0]
    form = await page.ordered(**ALONE)
    await notify(world, page.http, form)
    await world.settle_down()

    assert await notify(world, page.http, form) == "success"
    await world.settle_down()
    assert await page.states() == ["DEAL_DONE"]
    assert world.rows("SELECT count(*) FROM delivery") == [(1,)]


# 9. The pages.


async def test_a_fingerprint_is_nobodys_sign_in(world: World) -> None:
    """无痕登录 wrote the browser's fingerprint into its cookie, and was then whoever has that fingerprint."""
    async with old_page(world) as http:
        page = OldPage(world, http, token="3f9a2c7d41b05e6f8a9b0c1d2e3f4a5b")
        answers = [await page.order(), await page.post("query_user_order_list", {"userId": page.token})]

    assert [answer["code"] for answer in answers] == ["0003", "0003"]
    assert world.rows("SELECT count(*) FROM mall_order") == [(0,)]


async def test_signed_in_a_buyer_orders_pays_comes_back_sees_the_order_and_takes_it_back(
    three: list[OldPage],
) -> None:
    world, page = three[0].world, three[0]
    form = await page.ordered()
    world.alipay.pay(form.number, "108.00")

    back = await page.http.get(f"/return/alipay/{form.number}")
    asked = await page.ask(form.number)
    [order] = (await page.orders())["orderList"]
    await page.refund(form.number)

    assert (back.status_code, back.headers["location"]) == (303, f"{SHOP}/orders/{form.number}")
    assert asked["data"] == "交易成功，订单状态已更新"
    assert (order["orderId"], order["status"], order["payAmount"]) == (form.number, "PAY_SUCCESS", 108.0)
    assert await page.states() == ["WAIT_REFUND"]


@pytest.mark.parametrize(
    "path",
    [
        "GET login/weixin_qrcode_ticket",
        "GET login/weixin_qrcode_ticket_scene",
        "GET login/check_login",
        "GET login/check_login_scene",
        "GET weixin/portal/receive",
        "POST weixin/portal/receive",
        "POST alipay/create_pay_order",
        "POST alipay/alipay_notify_url",
        "POST alipay/group_buy_notify",
        "POST alipay/query_user_order_list",
        "POST alipay/refund_order",
        "POST alipay/active_pay_notify",
    ],
)
async def test_every_path_of_the_original_is_served(world: World, path: str) -> None:
    method, _, rest = path.partition(" ")
    async with old_page(world) as http:
        answer = await http.request(method, f"/api/v1/{rest}")
        other = await http.request(method, f"/api/v1/{rest}_of_yesterday")

    assert (answer.status_code, other.status_code) == (200, 404)
