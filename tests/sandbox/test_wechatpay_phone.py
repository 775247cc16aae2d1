"""Paying by scanning: the phone's page, and what the merchant is told of it, how often, under which key."""

import asyncio
import json
from datetime import timedelta

import httpx
import pytest
from sandbox_builders import NOW, PUBLIC_URL, WECHAT_APP_ID, Merchant, Shop, Time, controls
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox_pay_client import (
    BARE_KEY,
    MCH_ID,
    PAY_NOTIFY_URL,
    PUBLIC_KEY_ID,
    PayClient,
    opened,
    require_signed,
    wall,
)
from tuan.sandbox.app import build
from tuan.sandbox.config import SandboxSettings
from tuan.sandbox.wechatpay_notify import LADDER

PAGE = {"accept": "text/html"}


async def test_the_phone_shows_what_is_paid_for_and_pays_it_once(pay: PayClient) -> None:
    code_url = (await pay.order())["code_url"]
    page = await pay.http.get(code_url, headers=PAGE)
    assert (page.status_code, list(controls(page.text))) == (200, ["pay-password", "pay"])
    assert ("88.00" in page.text, "拼团 商品" in page.text, "T00001" in page.text) == (True, True, True)

    paid = await pay.http.post(f"{code_url}/pay", data={"payer": "小博", "password": "111111"}, headers=PAGE)
    assert (paid.status_code, paid.headers["location"]) == (303, code_url)
    assert list(controls((await pay.http.get(code_url, headers=PAGE)).text)) == ["paid"]
    assert (await pay.scan(code_url, payer="小博")).json()["status"] == "paid"
    assert (await pay.query())["trade_state"] == "SUCCESS"


async def test_a_wrong_password_pays_nothing(pay: PayClient) -> None:
    code_url = (await pay.order())["code_url"]
    answer = await pay.scan(code_url, password="123456")
    data = {"payer": "彩彩", "password": "123456"}
    page = await pay.http.post(f"{code_url}/pay", data=data, headers=PAGE)

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_password")
    assert (page.status_code, 'role="alert"' in page.text, 'value="彩彩" checked' in page.text) == (
        422, True, True,
    )  # fmt: skip
    assert (await pay.query())["trade_state"] == "NOTPAY"


async def test_what_is_closed_or_too_late_is_not_paid(pay: PayClient) -> None:
    closed = (await pay.order())["code_url"]
    late = (await pay.order(out_trade_no="T00002"))["code_url"]
    old = (await pay.order(out_trade_no="T00003", time_expire=wall(NOW + timedelta(days=1))))["code_url"]
    await pay.close()
    pay.time.pass_(hours=2)

    shown = [list(controls((await pay.http.get(url, headers=PAGE)).text)) for url in (closed, late, old)]
    assert shown == [["closed"], ["closed"], ["expired"]]
    answers = [(await pay.scan(url)).status_code for url in (closed, late, old)]
    assert answers == [400, 400, 410]
    assert (await pay.query("T00003"))["trade_state"] == "NOTPAY"

    again = await pay.order(out_trade_no="T00003", time_expire=wall(NOW + timedelta(days=1)))
    assert (await pay.scan(again["code_url"])).json()["status"] == "paid"


async def test_another_payer_finds_it_paid(pay: PayClient) -> None:
    code_url = (await pay.order())["code_url"]
    await pay.scan(code_url, payer="安安")

    assert (await pay.scan(code_url, payer="小博")).status_code == 400


async def test_two_who_scan_at_once_pay_once(pay: PayClient, merchant: Merchant) -> None:
    merchant.shop.answers = [(204, "")] * 9
    for number in ("T00001", "T00002", "T00003"):
        code_url = (await pay.order(out_trade_no=number))["code_url"]
        answers = await asyncio.gather(*(pay.scan(code_url, payer=one) for one in ("安安", "小博", "彩彩")))
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400]
    await merchant.service.drain()

    assert len(merchant.shop.bodies) == 3


async def test_a_code_of_nobody_is_not_found(pay: PayClient) -> None:
    assert (await pay.http.get(f"{PUBLIC_URL}/wxpay/NONE", headers=PAGE)).status_code == 404


async def test_the_merchant_is_told_sealed_and_signed(pay: PayClient, merchant: Merchant) -> None:
    heard = merchant.shop
    heard.answers = [(204, "")]
    await pay.buy()
    await merchant.service.drain()

    [body] = heard.bodies
    told = json.loads(body)
    require_signed(heard.headers[0], body, at=NOW)
    assert (told["event_type"], told["resource_type"]) == ("TRANSACTION.SUCCESS", "encrypt-resource")
    assert (told["create_time"], told["summary"]) == (wall(NOW), "支付成功")
    assert told["resource"]["original_type"] == "transaction"
    said = json.loads(opened(told["resource"]))
    assert said == await pay.query()
    assert (said["appid"], said["mchid"], said["trade_state"]) == (WECHAT_APP_ID, MCH_ID, "SUCCESS")
    assert await merchant.deliveries() == [(1, 204, "")]


async def test_a_refund_is_told_once_the_money_has_arrived(pay: PayClient, merchant: Merchant) -> None:
    merchant.shop.answers = [(200, "")] * 2
    await pay.buy()
    await merchant.service.drain()
    await pay.refund()
    await merchant.service.drain()
    assert len(merchant.shop.bodies) == 1

    pay.time.pass_(seconds=2)
    await merchant.service.drain()
    told = json.loads(merchant.shop.bodies[1])
    assert (told["event_type"], told["resource"]["original_type"]) == ("REFUND.SUCCESS", "refund")
    said = json.loads(opened(told["resource"]))
    assert said == {
        "mchid": MCH_ID,
        "out_trade_no": "T00001",
        "transaction_id": (await pay.query())["transaction_id"],
        "out_refund_no": "R00001",
        "refund_id": (await pay.refund_query())["refund_id"],
        "refund_status": "SUCCESS",
        "success_time": wall(NOW + timedelta(seconds=2)),
        "user_received_account": "支付用户零钱",
        "amount": {"total": 88_00, "refund": 88_00, "payer_total": 88_00, "payer_refund": 88_00},
    }


async def test_a_refund_without_an_address_is_told_to_nobody(pay: PayClient, merchant: Merchant) -> None:
    merchant.shop.answers = [(200, "")] * 2
    await pay.buy()
    await pay.refund(notify_url=None)
    pay.time.pass_(seconds=2)
    await merchant.service.drain()

    assert len(merchant.shop.bodies) == 1


@pytest.mark.parametrize("answer", [(400, '{"code":"FAIL"}'), (500, ""), (302, ""), (202, "")])
async def test_it_is_told_sixteen_times_at_growing_intervals(
    pay: PayClient, merchant: Merchant, answer: tuple[int, str]
) -> None:
    merchant.shop.answers = [answer] * 99
    await pay.buy()
    await merchant.service.drain()
    for told, gap in enumerate(LADDER, start=1):
        assert len(merchant.shop.bodies) == told
        pay.time.pass_(seconds=gap - 1)
        await merchant.service.drain()
        assert len(merchant.shop.bodies) == told
        pay.time.pass_(seconds=1)
        await merchant.service.drain()
    pay.time.pass_(days=2)
    await merchant.service.drain()

    assert len(merchant.shop.bodies) == 16
    assert sum(LADDER) == 24 * 3600 + 4 * 60
    ids = {json.loads(body)["id"] for body in merchant.shop.bodies}
    assert (len(ids), len({headers["wechatpay-signature"] for headers in merchant.shop.headers})) == (1, 16)


async def test_a_merchant_of_the_public_key_is_told_under_it(
    settings: SandboxSettings, time: Time, shop: Shop
) -> None:
    by_key = settings.model_copy(update={"wechatpay_notifies_by": "public_key"})
    service = build(by_key, clock=time, transport=httpx.ASGITransport(app=shop))
    site = httpx.ASGITransport(app=Starlette(routes=[Mount("/sandbox", app=service.app)]))
    async with service.opened(), httpx.AsyncClient(transport=site, base_url=PUBLIC_URL) as http:
        await PayClient(http=http, time=time).buy()
        await service.drain()

    key = BARE_KEY.public_key()
    require_signed(shop.headers[0], shop.bodies[0], at=NOW, serial=PUBLIC_KEY_ID, key=key)


async def test_behind_the_counter_both_gateways_are_seen(pay: PayClient, merchant: Merchant) -> None:
    await pay.buy()
    await merchant.buy()
    await merchant.service.drain()
    page = (await pay.http.get("/", headers=PAGE)).text
    [order] = (await pay.http.get("/admin/orders")).json()["items"]
    told = (await pay.http.get("/admin/deliveries")).json()["items"]

    assert ("T00001" in page, "TRADE_SUCCESS" in page, ">SUCCESS<" in page) == (True, True, True)
    assert (order["out_trade_no"], order["state"]) == ("T00001", "SUCCESS")
    assert {(one["gateway"], one["trade_status"], one["url"]) for one in told} == {
        ("wechatpay", "SUCCESS", PAY_NOTIFY_URL),
        ("alipay", "TRADE_SUCCESS", "http://shop.test/hooks/alipay"),
    }
