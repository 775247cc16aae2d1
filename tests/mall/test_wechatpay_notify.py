"""WeChat Pay tells us something: believed if it wrote it just now, about a payment of ours; acted on once."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from mall_builders import API, Shopper, World

from mall_wechatpay_stand_in import CERTIFICATE, Letter, a_certificate, signed
from tuan.kernel.db import build_pool
from tuan.kernel.jobs import Jobs
from tuan.kernel.rsa import new_private_key
from tuan.mall.pay import replay_notify

VERDICTS = "SELECT verdict FROM notify_log ORDER BY id"
FAILED = {"code": "FAIL", "message": "失败"}


async def ordered(shopper: Shopper) -> dict[str, Any]:
    return await shopper.ordered(gateway="wechatpay")


async def tell(world: World, letter: Letter) -> httpx.Response:
    headers, body = letter
    async with world.browser() as sender:
        return await sender.post(f"{API}/hooks/wechatpay", headers=headers, content=body)


def paid(world: World, order: dict[str, Any], **changes: Any) -> Letter:
    content = world.wechatpay.pay(order["number"], order["payable_fen"])
    return world.wechatpay.notify(content | changes)


async def test_a_true_notify_pays_the_order_and_is_kept_whole(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    headers, body = paid(world, order)
    answer = await tell(world, (headers, body))

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await ann.see(order["number"]))["status"] == "paid"
    [(gateway, verdict, raw, kept)] = world.rows("SELECT gateway, verdict, raw, headers FROM notify_log")
    assert (gateway, verdict, bytes(raw)) == ("wechatpay", "paid", body)
    assert kept == {name.lower(): value for name, value in headers.items() if name != "content-type"}
    assert world.rows("SELECT task_name FROM procrastinate_jobs") == [("settle",)]


async def test_a_notify_told_sixteen_times_pays_once(world: World, ann: Shopper) -> None:
    letter = paid(world, await ordered(ann))
    answers = [(await tell(world, letter)).status_code for _ in range(16)]

    assert answers == [204] * 16
    assert world.rows(VERDICTS) == [("paid",)] + [("repeated",)] * 15
    assert world.rows("SELECT count(*) FROM procrastinate_jobs") == [(1,)]


def with_header(name: str, value: str) -> Callable[[World, Letter], Letter]:
    return lambda world, letter: (letter[0] | {f"Wechatpay-{name}": value}, letter[1])


def signed_at(**away: float) -> Callable[[World, Letter], Letter]:
    return lambda world, letter: world.wechatpay.signed(letter[1], at=world.clock.now + timedelta(**away))


def resealed(**changes: str) -> Callable[[World, Letter], Letter]:
    def spoil(world: World, letter: Letter) -> Letter:
        told = json.loads(letter[1])
        told["resource"] |= changes
        return world.wechatpay.signed(json.dumps(told).encode())

    return spoil


def one_bit_off(world: World, letter: Letter) -> Letter:
    told = json.loads(letter[1])
    secret = told["resource"]["ciphertext"]
    told["resource"]["ciphertext"] = ("B" if secret[0] == "A" else "A") + secret[1:]
    return world.wechatpay.signed(json.dumps(told).encode())


def by_a_stranger(world: World, letter: Letter) -> Letter:
    stranger = new_private_key()
    return signed(letter[1], key=stranger, serial=CERTIFICATE.serial, at=world.clock.now), letter[1]


SPOILED: dict[str, tuple[Callable[[World, Letter], Letter], str]] = {
    "no headers": (lambda world, letter: ({}, letter[1]), "forged"),
    "an unknown serial": (with_header("Serial", "F" * 40), "unknown_key"),
    "a public key of nobody": (with_header("Serial", "PUB_KEY_ID_1"), "unknown_key"),
    "another algorithm": (with_header("Signature-Type", "WECHATPAY2-SM2-WITH-SM3"), "forged"),
    "a probe": (with_header("Signature", "WECHATPAY/SIGNTEST/" + "A" * 325), "forged"),
    "no base64": (with_header("Signature", "!"), "forged"),
    "another nonce": (with_header("Nonce", "0" * 32), "forged"),
    "a stranger": (by_a_stranger, "forged"),
    "another body": (lambda world, letter: (letter[0], letter[1].replace(b"EV-", b"EW-")), "forged"),
    "an old copy": (signed_at(minutes=-5, seconds=-1), "stale"),
    "of tomorrow": (signed_at(minutes=5, seconds=1), "stale"),
    "no JSON": (lambda world, letter: world.wechatpay.signed(b"{"), "malformed"),
    "no resource": (lambda world, letter: world.wechatpay.signed(b"{}"), "malformed"),
    "one bit off": (one_bit_off, "unreadable"),
    "another cipher": (resealed(algorithm="AEAD_SM4_GCM"), "unreadable"),
    "another purpose": (resealed(associated_data="certificate"), "unreadable"),
    "a nonce that is none": (resealed(nonce=""), "unreadable"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
async def test_what_wechat_pay_did_not_write_just_now_changes_nothing(
    world: World, ann: Shopper, spoiled: str
) -> None:
    order = await ordered(ann)
    spoil, verdict = SPOILED[spoiled]
    letter = spoil(world, paid(world, order))
    before = world.everything()
    answer = await tell(world, letter)

    assert (answer.status_code, answer.json()) == (400, FAILED)
    assert world.everything() == before
    assert world.rows(VERDICTS) == [(verdict,)]


OF_OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "another app": ({"appid": "wx0000000000000000"}, "other_app"),
    "another merchant": ({"mchid": "1900000000"}, "other_seller"),
    "a number of nobody": ({"out_trade_no": "261123AAAAAAAAAAAAAA"}, "unknown_payment"),
    "no number": ({"out_trade_no": ""}, "unknown_payment"),
    "another currency": ({"amount": {"total": 108_00, "currency": "USD"}}, "amount_differs"),
    "nothing": ({"amount": {"total": 0, "currency": "CNY"}}, "amount_differs"),
    "too little, not paid yet": (
        {"amount": {"total": 1, "currency": "CNY"}, "trade_state": "NOTPAY"},
        "amount_differs",
    ),
}


@pytest.mark.parametrize("case", OF_OTHERS)
async def test_a_true_notify_that_is_not_about_our_payment_changes_nothing(
    world: World, ann: Shopper, case: str
) -> None:
    order = await ordered(ann)
    changes, verdict = OF_OTHERS[case]
    letter = paid(world, order, **changes)
    before = world.everything()
    answer = await tell(world, letter)

    assert (answer.status_code, answer.json()) == (400, FAILED)
    assert world.everything() == before
    assert world.rows(VERDICTS) == [(verdict,)]
    assert world.rows("SELECT kind, times FROM alarm") == [(verdict, 1)]


async def test_a_payment_through_another_gateway_is_none_of_wechat_pays(world: World, ann: Shopper) -> None:
    order = await ann.ordered(gateway="alipay")
    before = world.everything()

    assert (await tell(world, paid(world, order))).status_code == 400
    assert world.everything() == before
    assert world.rows(VERDICTS) == [("unknown_payment",)]


@pytest.mark.parametrize("state", ["NOTPAY", "CLOSED", "DREAMT", ""])
async def test_a_state_that_is_not_success_is_taken_in_and_pays_nothing(
    world: World, ann: Shopper, state: str
) -> None:
    letter = paid(world, await ordered(ann), trade_state=state)
    before = world.everything()

    assert (await tell(world, letter)).status_code == 204
    assert world.everything() == before
    assert world.rows(VERDICTS) == [("not_paid",)]


async def test_money_of_another_amount_goes_back(world: World, ann: Shopper) -> None:
    order = await ordered(ann)
    content = world.wechatpay.pay(order["number"], 1)
    await tell(world, world.wechatpay.notify(content))
    await world.service.drain()

    assert (await ann.see(order["number"]))["status"] == "awaiting_payment"
    assert world.wechatpay.refunds[f"{order['number']}R"]["amount"]["refund"] == 1


@pytest.mark.parametrize("status", ["SUCCESS", "ABNORMAL", "CLOSED"])
@pytest.mark.parametrize("of", ["an open payment", "a paid one"])
async def test_news_of_a_refund_is_taken_in_and_settles_nothing(
    world: World, ann: Shopper, status: str, of: str
) -> None:
    order = await ordered(ann)
    letter = paid(world, order)
    if of == "a paid one":
        await tell(world, letter)
    before = world.everything()
    news = world.wechatpay.refund_news(order["number"], order["payable_fen"], status)

    assert (await tell(world, world.wechatpay.notify(news, event=f"REFUND.{status}"))).status_code == 204
    assert world.everything() == before
    assert world.rows(VERDICTS)[-1:] == [("refund_news",)]


async def test_while_there_is_no_key_nothing_is_believed_and_told_again_it_is(
    world: World, ann: Shopper
) -> None:
    order = await ordered(ann)
    letter = paid(world, order)
    before = world.everything()
    world.network.away.add("wechatpay.test")

    assert (await tell(world, letter)).status_code == 400
    assert world.everything() == before

    world.network.away.clear()
    world.clock.pass_by(minutes=1)
    assert (await tell(world, letter)).status_code == 204
    assert world.rows(VERDICTS) == [("unknown_key",), ("paid",)]


async def test_a_notify_under_a_new_certificate_is_believed(world: World, ann: Shopper) -> None:
    first, second = await ordered(ann), await ordered(ann)
    await tell(world, paid(world, first))
    world.clock.pass_by(minutes=1)
    world.wechatpay.certificates.append(a_certificate(new_private_key()))

    assert (await tell(world, paid(world, second))).status_code == 204
    assert world.rows(VERDICTS) == [("paid",), ("paid",)]


async def test_a_notify_is_judged_again_as_of_when_it_came(
    world: World, ann: Shopper, mall_database: str
) -> None:
    order = await ordered(ann)
    content = world.wechatpay.pay(order["number"], order["payable_fen"])
    await tell(world, world.wechatpay.notify(content | {"out_trade_no": f"{order['number']}_2"}))
    [(id,)] = world.rows("SELECT id FROM notify_log")
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE payment SET status = 'closed'")
    await ann.browser.get(order["pay_url"])
    world.clock.pass_by(minutes=14)

    async with build_pool(mall_database, size=2) as pool:
        jobs, gateway = Jobs(mall_database), world.gateways["wechatpay"]
        assert await replay_notify(pool, jobs, gateway, id, now=world.clock.now) == "paid"
        [_, (replayed,)] = world.rows("SELECT id FROM notify_log ORDER BY id")
        assert await replay_notify(pool, jobs, gateway, replayed, now=world.clock.now) == "repeated"

    assert (await ann.see(order["number"]))["status"] == "paid"
    assert world.rows("SELECT verdict, replay_of FROM notify_log ORDER BY id") == [
        ("unknown_payment", None),
        ("paid", id),
        ("repeated", id),
    ]


async def test_a_gateway_that_is_none_has_no_hook(world: World) -> None:
    async with world.browser() as sender:
        answers = [
            await sender.post(f"{API}/hooks/paypal", content=b""),
            await sender.get(f"{API}/return/paypal/261123ABCDEFGHJKMNPQ"),
        ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert world.rows("SELECT count(*) FROM notify_log") == [(0,)]
