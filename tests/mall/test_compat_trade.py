"""Ordering on the original's paths: its form, its prices, and the market's codes where the market said no."""

import asyncio
import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from mall_builders import SHOP, World, a_world
from mall_original import ALONE, JOINED, OldPage, form_of, notify, old_page
from mall_stand_ins import APP_KEY

from tuan.kernel.rsa import verifies

ALL_ORDERS = "SELECT status, team_id, payable_fen FROM mall_order ORDER BY created_at, number"


async def test_an_order_is_answered_with_a_form_that_posts_itself_to_alipay(old_ann: OldPage) -> None:
    answer = await old_ann.order()

    form = form_of(answer["data"])
    assert (answer["code"], answer["info"], form.name) == ("0000", "调用成功", "punchout_form")
    assert form.action.startswith("http://alipay.test/gateway.do?")
    assert form.method == "alipay.trade.page.pay"
    assert form.content == {
        "out_trade_no": form.number,
        "total_amount": "108.00",
        "subject": "武夷岩茶·肉桂 125g",
        "product_code": "FAST_INSTANT_TRADE_PAY",
        "time_expire": "2026-11-23 12:15:00",
    }
    assert answer["data"].rstrip().endswith('<script>document.forms["punchout_form"].submit();</script>')
    assert old_ann.world.rows("SELECT number FROM mall_order") == [(form.number,)]


async def test_the_form_is_signed_as_it_stands_in_the_page(old_ann: OldPage) -> None:
    """With everything in it unescaped as a browser does; a title of ours cannot break out."""
    world = old_ann.world
    world.rows("UPDATE product SET title = '\"></form><script>alert(1)</script> & 团' RETURNING id")

    form = await old_ann.ordered()

    params = dict(parse_qsl(urlsplit(form.action).query)) | form.fields
    signature = params.pop("sign")
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    assert verifies(APP_KEY.public_key(), text, signature)
    assert "script" in form.content["subject"]


async def test_a_phone_gets_the_form_for_phones(world: World) -> None:
    async with old_page(world, **{"user-agent": "Mozilla/5.0 (iPhone) Mobile"}) as http:
        page = OldPage(world, http)
        await page.sign_in("o-ann")

        assert (await page.ordered()).method == "alipay.trade.wap.pay"


async def test_who_buys_alone_pays_the_list_price_and_asks_no_market(old_ann: OldPage) -> None:
    for body in ({"marketType": 0}, {"marketType": None, "teamId": "", "activityId": "summer"}):
        form = await old_ann.ordered(**body)
        assert form.content["total_amount"] == "128.00"

    assert old_ann.world.market.asked == []
    assert old_ann.world.rows(ALL_ORDERS) == [("awaiting_payment", None, 128_00)]


async def test_a_team_is_joined_by_the_number_the_market_shows(old_ann: OldPage, old_bob: OldPage) -> None:
    first = await old_ann.ordered()
    team = f"team-{first.number}"
    old_ann.world.market.numbers["10000001"] = team

    for named in ("10000001", 10000001, team):
        await old_bob.ordered(teamId=named)

    assert [row[1] for row in old_ann.world.rows(ALL_ORDERS)] == [team, team]


async def test_a_number_of_no_team_joins_none_and_places_nothing(old_ann: OldPage) -> None:
    answer = await old_ann.order(teamId="99999999")

    assert (answer["code"], answer["info"]) == ("E0005", "拼团组队失败，记录更新为0")
    assert old_ann.world.rows(ALL_ORDERS) == []


async def test_pressed_again_it_is_the_same_order_and_another_thing_is_another(old_ann: OldPage) -> None:
    """The original gave the last unpaid order of the product, whatever it was for and at whatever price."""
    first = await old_ann.ordered()
    again = await old_ann.ordered()
    alone = await old_ann.ordered(**ALONE)
    other = await old_ann.ordered(productId="9890003", **ALONE)

    assert first.number == again.number
    assert len({first.number, alone.number, other.number}) == 3
    assert [form.content["total_amount"] for form in (first, again, alone)] == ["108.00", "108.00", "128.00"]


async def test_ten_presses_at_once_are_one_order(old_ann: OldPage) -> None:
    forms = await asyncio.gather(*(old_ann.ordered() for _ in range(10)))

    assert len({form.number for form in forms}) == 1
    assert old_ann.world.rows("SELECT count(*) FROM mall_order") == [(1,)]


async def test_what_was_paid_for_or_taken_back_can_be_ordered_again(old_ann: OldPage) -> None:
    paid = await old_ann.ordered(**ALONE)
    await notify(old_ann.world, old_ann.http, paid)
    second = await old_ann.ordered(**ALONE)
    await old_ann.refund(second.number)
    third = await old_ann.ordered(**ALONE)

    assert len({paid.number, second.number, third.number}) == 3


async def test_an_order_cut_short_is_continued_by_the_next_press(old_ann: OldPage) -> None:
    old_ann.world.network.away.add("market.test")
    failed = await old_ann.order()
    old_ann.world.network.away.clear()
    form = await old_ann.ordered()

    assert (failed["code"], failed["data"]) == ("0001", None)
    assert old_ann.world.rows("SELECT number FROM mall_order") == [(form.number,)]


async def test_too_late_to_pay_says_so(old_ann: OldPage) -> None:
    await old_ann.ordered()
    old_ann.world.clock.pass_by(minutes=16)

    answer = await old_ann.order()
    [order] = (await old_ann.orders())["orderList"]

    assert (answer["code"], answer["info"]) == ("0001", "支付时间已过，请稍后重新下单")
    assert (order["status"], order["payUrl"]) == ("PAY_WAIT", None)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        ((409, "team_full"), "E0006"),
        ((409, "team_closed"), "E0006"),
        ((409, "wrong_team"), "E0005"),
        ((404, "not_found"), "E0005"),
        ((409, "campaign_closed"), "E0101"),
        ((404, "no_listing"), "E0002"),
        ((409, "take_limit_reached"), "E0103"),
        ((403, "audience_restricted"), "E0007"),
        ((403, "outside_rollout"), "E0004"),
        ((503, "downgraded"), "E0003"),
        ((403, "source_blocked"), "E0105"),
        ((429, "too_many_requests"), "0006"),
        ((500, "internal_error"), "0001"),
        ((409, "whatever_comes_next"), "0001"),
    ],
)
async def test_what_the_market_refuses_is_told_in_its_code_and_never_a_full_price(
    old_ann: OldPage, refusal: tuple[int, str], code: str
) -> None:
    old_ann.world.market.refuses["lock"] = refusal

    answer = await old_ann.order()

    assert (answer["code"], answer["data"]) == (code, None)
    assert old_ann.world.rows("SELECT count(*) FROM payment") == [(0,)]


@pytest.mark.parametrize(
    "changes",
    [
        {"userId": None},
        {"productId": None},
        {"productId": "none"},
        {"productId": "a b"},
        {"marketType": 2},
        {"marketType": -1},
        {"activityId": None},
        {"activityId": ""},
        {"teamId": "a b"},
    ],
)
async def test_what_makes_no_sense_is_an_illegal_parameter(
    old_ann: OldPage, changes: dict[str, object]
) -> None:
    answer = await old_ann.order(**changes)

    assert (answer["code"], answer["info"], answer["data"]) == ("0002", "非法参数", None)
    assert old_ann.world.rows(ALL_ORDERS) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
@pytest.mark.parametrize("path", ["create_pay_order", "query_user_order_list", "refund_order"])
async def test_what_is_no_json_object_is_an_illegal_parameter(
    old_ann: OldPage, path: str, body: bytes
) -> None:
    answer = await old_ann.http.post(f"/api/v1/alipay/{path}", content=body)

    assert (answer.status_code, answer.json()["code"]) == (200, "0002")


async def test_the_mall_answers_under_its_prefix_too(mall_database: str) -> None:
    async with a_world(mall_database) as world, world.browser() as browser:
        answer = await browser.post(
            f"{SHOP}/api/mall/api/v1/alipay/create_pay_order", json={"userId": "x"} | JOINED
        )

    assert json.loads(answer.text)["code"] == "0003"
