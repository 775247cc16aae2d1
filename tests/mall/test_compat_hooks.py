"""What others tell the mall on the original's paths: believed with proof, and on nobody's word."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mall_builders import WEBHOOK_SECRET, World, a_world
from mall_original import ALIPAY, Form, OldPage, notify, old_page, tell_formed
from pydantic import SecretStr

from tuan.kernel.rsa import new_private_key

OTHER_SECRET = "whsec_b2YgYW5vdGhlciBlbmRwb2ludA=="


@pytest.fixture
async def paid(old_ann: OldPage) -> Form:
    """A seat in a team of two that still forms."""
    form = await old_ann.ordered()
    assert await notify(old_ann.world, old_ann.http, form) == "success"
    await old_ann.world.settle_down()
    return form


# alipay_notify_url


async def test_a_notify_that_alipay_signed_pays_the_order(old_ann: OldPage) -> None:
    form = await old_ann.ordered()

    assert await notify(old_ann.world, old_ann.http, form) == "success"
    assert await notify(old_ann.world, old_ann.http, form) == "success"

    assert await old_ann.states() == ["PAY_SUCCESS"]
    assert old_ann.world.rows("SELECT verdict FROM notify_log ORDER BY received_at, verdict") == [
        ("paid",),
        ("repeated",),
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sign": "Zm9yZ2Vk"}, "false"),
        ({"total_amount": "0.01"}, "false"),
        ({"out_trade_no": "another"}, "false"),
    ],
)
async def test_a_notify_that_was_changed_is_told_false_and_changes_nothing(
    old_ann: OldPage, changes: dict[str, str], told: str
) -> None:
    form = await old_ann.ordered()
    before = old_ann.world.everything()

    assert await notify(old_ann.world, old_ann.http, form, **changes) == told
    assert old_ann.world.everything() == before


@pytest.mark.parametrize(
    "changes",
    [{"app_id": "2021000000000000"}, {"seller_id": "2088000000000000"}, {"out_trade_no": "another"}],
)
async def test_a_notify_that_alipay_signed_for_somebody_else_is_told_false(
    old_ann: OldPage, changes: dict[str, str]
) -> None:
    form = await old_ann.ordered()
    before = old_ann.world.everything()
    fields = old_ann.world.alipay.notify(form.number, "108.00", **changes)

    answer = await old_ann.http.post(f"{ALIPAY}/alipay_notify_url", data=fields)

    assert answer.text == "false"
    assert old_ann.world.everything() == before


async def test_a_notify_signed_with_another_key_is_told_false(old_ann: OldPage) -> None:
    form = await old_ann.ordered()
    before = old_ann.world.everything()
    old_ann.world.alipay.key = new_private_key()

    assert await notify(old_ann.world, old_ann.http, form) == "false"
    assert old_ann.world.everything() == before


async def test_money_for_a_closed_order_goes_back(old_ann: OldPage) -> None:
    form = await old_ann.ordered()
    await old_ann.refund(form.number)
    assert await old_ann.states() == ["CLOSE"]

    assert await notify(old_ann.world, old_ann.http, form) == "success"
    assert await old_ann.states() == ["WAIT_REFUND"]
    await old_ann.world.settle_down()
    assert await old_ann.states() == ["CLOSE"]
    assert old_ann.world.rows("SELECT status, amount_fen FROM refund") == [("done", 108_00)]


# group_buy_notify


async def test_the_market_tells_of_a_team_and_its_orders_are_delivered(old_ann: OldPage, paid: Form) -> None:
    assert await tell_formed(old_ann.http, "10000001", [paid.number]) == "success"
    assert await tell_formed(old_ann.http, "10000001", [paid.number]) == "success"
    await old_ann.world.settle_down()

    assert await old_ann.states() == ["DEAL_DONE"]
    assert old_ann.world.rows("SELECT count(*) FROM delivery") == [(1,)]


@pytest.mark.parametrize(
    "signing",
    [
        {"secret": OTHER_SECRET},
        {"at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"at": datetime.now(UTC) + timedelta(hours=1)},
        {"body": '{"teamId":"10000001","outTradeNoList":["another"]}'},
    ],
)
async def test_a_team_that_somebody_else_tells_of_ships_nothing(
    old_ann: OldPage, paid: Form, signing: dict[str, Any]
) -> None:
    before = old_ann.world.everything()

    assert await tell_formed(old_ann.http, "10000001", [paid.number], **signing) == "error"
    assert old_ann.world.everything() == before
    assert old_ann.world.rows("SELECT count(*) FROM inbox") == [(0,)]


async def test_the_originals_own_bare_callback_ships_nothing(old_ann: OldPage, paid: Form) -> None:
    """Anybody could send it, and was believed."""
    before = old_ann.world.everything()

    answer = await old_ann.http.post(
        f"{ALIPAY}/group_buy_notify", json={"teamId": "10000001", "outTradeNoList": [paid.number]}
    )

    assert (answer.status_code, answer.text) == (200, "error")
    assert old_ann.world.everything() == before


async def test_orders_of_two_teams_or_of_none_are_no_team_of_ours(
    old_ann: OldPage, old_bob: OldPage, paid: Form
) -> None:
    other = await old_bob.ordered()
    await notify(old_bob.world, old_bob.http, other)
    await old_bob.world.settle_down()
    before = old_ann.world.everything()

    mixed = await tell_formed(old_ann.http, "10000001", [paid.number, other.number])
    unknown = await tell_formed(old_ann.http, "10000001", ["261123NOSUCHORDERXXX"], id="wh-2")
    nobody = await tell_formed(old_ann.http, "10000001", [], id="wh-3")

    assert (mixed, unknown, nobody) == ("error", "error", "error")
    assert old_ann.world.everything() == before
    assert old_ann.world.rows("SELECT count(*) FROM inbox") == [(0,)]


async def test_an_order_that_is_not_paid_for_is_not_shipped_whatever_team_it_is_in(old_ann: OldPage) -> None:
    form = await old_ann.ordered()

    assert await tell_formed(old_ann.http, "10000001", [form.number]) == "success"
    await old_ann.world.settle_down()

    assert await old_ann.states() == ["PAY_WAIT"]
    assert old_ann.world.rows("SELECT count(*) FROM delivery") == [(0,)]


async def test_told_on_both_paths_it_happens_once(old_ann: OldPage, paid: Form) -> None:
    world = old_ann.world
    native = await world.team_formed(f"team-{paid.number}", paid.number, id="event-1")
    original = await tell_formed(old_ann.http, "10000001", [paid.number], id="event-1")
    await world.settle_down()

    assert (native.status_code, original) == (204, "success")
    assert world.rows("SELECT count(*) FROM delivery") == [(1,)]
    assert world.rows("SELECT count(*) FROM inbox") == [(1,)]


async def test_each_endpoint_of_the_market_has_a_secret_of_its_own(mall_database: str) -> None:
    secrets = f"{WEBHOOK_SECRET} {OTHER_SECRET}"
    async with a_world(mall_database) as world, old_page(world) as http:
        page = OldPage(world, http)
        await page.sign_in("o-ann")
        form = await page.ordered()
        await notify(world, http, form)
    two_secrets = a_world(mall_database, market_webhook_secret=SecretStr(secrets))
    async with two_secrets as world, old_page(world) as http:
        told = [
            await tell_formed(http, "10000001", [form.number], secret=secret, id=id)
            for secret, id in ((WEBHOOK_SECRET, "e1"), (OTHER_SECRET, "e2"), ("whsec_bm9ib2R5", "e3"))
        ]

    assert told == ["success", "success", "error"]


# active_pay_notify


async def test_asked_to_we_ask_the_gateway_and_believe_it(old_ann: OldPage) -> None:
    form = await old_ann.ordered()
    nobody_came = await old_ann.ask(form.number)
    old_ann.world.alipay.pay(form.number, "108.00", trade_status="WAIT_BUYER_PAY")
    waits = await old_ann.ask(form.number)
    old_ann.world.alipay.pay(form.number, "108.00")
    done = await old_ann.ask(form.number)

    assert (nobody_came["code"], nobody_came["data"]) == ("0001", "查询失败: 交易不存在")
    assert (waits["code"], waits["data"]) == ("0000", "交易状态: WAIT_BUYER_PAY")
    assert (done["code"], done["data"]) == ("0000", "交易成功，订单状态已更新")
    assert await old_ann.states() == ["PAY_SUCCESS"]
    assert old_ann.world.rows("SELECT told_by FROM payment") == [("query",)]


async def test_asked_to_nothing_is_paid_that_the_gateway_does_not_say_is_paid(world: World) -> None:
    """A stranger asks, and says nothing that counts."""
    async with old_page(world) as http, old_page(world) as stranger:
        page = OldPage(world, http)
        await page.sign_in("o-ann")
        form = await page.ordered()
        world.alipay.pay(form.number, "108.00", trade_status="WAIT_BUYER_PAY")
        before = world.everything()

        answer = await stranger.post(
            f"{ALIPAY}/active_pay_notify?outTradeNo={form.number}",
            json={"trade_status": "TRADE_SUCCESS", "total_amount": "108.00"},
        )

    assert answer.json()["data"] == "交易状态: WAIT_BUYER_PAY"
    assert world.everything() == before


async def test_a_gateway_that_does_not_answer_or_does_not_sign_pays_nothing(old_ann: OldPage) -> None:
    form = await old_ann.ordered()
    old_ann.world.alipay.pay(form.number, "108.00")
    before = old_ann.world.everything()

    old_ann.world.alipay.signs = False
    unsigned = await old_ann.ask(form.number)
    old_ann.world.network.away.add("alipay.test")
    away = await old_ann.ask(form.number)

    assert [answer["code"] for answer in (unsigned, away)] == ["0001", "0001"]
    assert [answer["data"] for answer in (unsigned, away)] == [
        "查询失败: untrusted_answer",
        "查询失败: unreachable",
    ]
    assert old_ann.world.everything() == before


async def test_of_an_order_that_is_none_nothing_is_asked(old_ann: OldPage) -> None:
    unknown = await old_ann.ask("261123NOSUCHORDERXXX")
    missing = await old_ann.ask("")

    assert (unknown["code"], unknown["data"]) == ("0001", "查询失败: not_found")
    assert (missing["code"], missing["data"]) == ("0002", None)
    assert old_ann.world.alipay.asked == []


async def test_by_the_number_of_an_order_its_latest_attempt_is_asked_about(old_ann: OldPage) -> None:
    form = await old_ann.ordered()
    old_ann.world.alipay.pay(form.number, "108.00", trade_status="TRADE_CLOSED")
    closed = await old_ann.ask(form.number)
    old_ann.world.clock.pass_by(seconds=6)
    await old_ann.world.settle_down()
    again = await old_ann.ordered()
    old_ann.world.alipay.pay(again.number, "108.00", trade_status="WAIT_BUYER_PAY")

    assert again.number == f"{form.number}_2"
    assert closed["data"] == "交易状态: TRADE_CLOSED"
    assert (await old_ann.ask(form.number))["data"] == "交易状态: WAIT_BUYER_PAY"
