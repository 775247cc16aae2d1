"""WeChat Pay's front door and what is behind it, as real merchants find them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sandbox_builders import NOW, PUBLIC_URL, WECHAT_APP_ID, Merchant

from sandbox_pay_client import (
    BARE_KEY,
    CERTIFICATE,
    MCH_ID,
    PUBLIC_KEY_ID,
    SCHEME,
    SERIAL,
    PayClient,
    opened,
    order_content,
    require_signed,
    wall,
)

QUERY = f"/v3/pay/transactions/out-trade-no/T00001?mchid={MCH_ID}"
NATIVE = "/v3/pay/transactions/native"

UNSIGNED = {
    "nothing": "",
    "another scheme": 'WECHATPAY2-SM2-WITH-SM3 mchid="1"',
    "half of it": f'{SCHEME} mchid="{MCH_ID}"',
    "no list": f"{SCHEME} {MCH_ID}",
}


@pytest.mark.parametrize("said", UNSIGNED)
async def test_who_does_not_sign_is_turned_away_unsigned(pay: PayClient, said: str) -> None:
    answer = await pay.send("GET", QUERY, headers={"authorization": UNSIGNED[said]})

    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert "wechatpay-signature" not in answer.headers


@pytest.mark.parametrize(
    "change",
    [
        {"mchid": "1900000000"},
        {"serial_no": "0" * 40},
        {"timestamp": str(int((NOW - timedelta(minutes=6)).timestamp()))},
        {"timestamp": str(int((NOW + timedelta(minutes=6)).timestamp()))},
        {"timestamp": "now"},
        {"signature": "A" * 344},
        {"signature": ""},
    ],
)
async def test_a_request_that_is_not_the_merchants_own_is_turned_away(
    pay: PayClient, change: dict[str, str]
) -> None:
    authorization = pay.authorization("GET", QUERY, "", **change)
    answer = await pay.send("GET", QUERY, headers={"authorization": authorization})

    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [("POST", QUERY, ""), ("GET", QUERY + "0", ""), ("GET", QUERY.split("?")[0], ""), ("GET", QUERY, "{}")],
)
async def test_a_signature_of_something_else_is_shown_what_was_verified(
    pay: PayClient, method: str, url: str, body: str
) -> None:
    authorization = pay.authorization(method, url, body)
    answer = await pay.send("GET", QUERY, headers={"authorization": authorization})
    said = answer.json()

    assert (answer.status_code, said["code"], said["message"]) == (401, "SIGN_ERROR", "错误的签名，验签失败")
    assert said["detail"]["detail"] == {"issue": "sign not match"}
    assert (said["detail"]["field"], said["detail"]["location"]) == ("signature", "authorization")
    shown = said["detail"]["sign_information"]
    assert (shown["method"], shown["url"]) == ("GET", QUERY)
    assert shown["truncated_sign_message"].startswith(f"GET\n{QUERY}\n{int(NOW.timestamp())}\n")
    assert shown["sign_message_length"] == len(shown["truncated_sign_message"])


async def test_the_body_is_signed_byte_for_byte(pay: PayClient, merchant: Merchant) -> None:
    body = json.dumps(order_content(), ensure_ascii=False, indent=3)
    headers = pay.headers | {"authorization": pay.authorization("POST", NATIVE, body)}
    good = await merchant.http.post(f"/wechatpay{NATIVE}", content=body, headers=headers)
    bad = await merchant.http.post(f"/wechatpay{NATIVE}", content=body + " ", headers=headers)

    assert (good.status_code, bad.status_code) == (200, 401)


@pytest.mark.parametrize("missing", ["accept", "user-agent"])
async def test_a_client_says_who_it_is_and_what_it_takes(
    pay: PayClient, merchant: Merchant, missing: str
) -> None:
    request = merchant.http.build_request(
        "GET", f"/wechatpay{QUERY}", headers={"authorization": pay.authorization("GET", QUERY, "")}
    )
    del request.headers[missing]
    answer = await merchant.http.send(request)

    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")


async def test_the_certificate_is_handed_out_sealed(pay: PayClient) -> None:
    [one] = (await pay.ask("GET", "/v3/certificates"))["data"]

    assert one["serial_no"] == SERIAL
    assert one["effective_time"] < wall(NOW + timedelta(days=9999))
    assert one["encrypt_certificate"]["associated_data"] == "certificate"
    assert opened(one["encrypt_certificate"]) == CERTIFICATE


async def test_who_asks_for_the_public_key_is_answered_under_it(pay: PayClient) -> None:
    answer = await pay.send("POST", NATIVE, order_content(), headers={"wechatpay-serial": PUBLIC_KEY_ID})

    assert answer.status_code == 200
    key = BARE_KEY.public_key()
    require_signed(answer.headers, answer.content, at=NOW, serial=PUBLIC_KEY_ID, key=key)


async def test_an_order_is_there_before_anybody_scans_it(pay: PayClient) -> None:
    code_url = (await pay.order())["code_url"]

    assert code_url.startswith(f"{PUBLIC_URL}/wxpay/")
    assert await pay.query() == {
        "appid": WECHAT_APP_ID,
        "mchid": MCH_ID,
        "out_trade_no": "T00001",
        "trade_state": "NOTPAY",
        "trade_state_desc": "订单未支付",
        "attach": "自定义数据",
        "amount": {"total": 88_00, "currency": "CNY"},
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"out_trade_no": "T1"}, "/out_trade_no"),
        ({"out_trade_no": "T" * 33}, "/out_trade_no"),
        ({"out_trade_no": "订单000001"}, "/out_trade_no"),
        ({"description": ""}, "/description"),
        ({"description": "x" * 128}, "/description"),
        ({"description": "a\0b"}, "/description"),
        ({"amount": {"total": 0}}, "/amount/total"),
        ({"amount": {"total": "8800"}}, "/amount/total"),
        ({"amount": {"total": 88.0}}, "/amount/total"),
        ({"amount": {"total": 1, "currency": "USD"}}, "/amount/currency"),
        ({"time_expire": "2026-11-22 18:15:00"}, "/time_expire"),
        ({"notify_url": "http://shop.test/hooks?a=1"}, "/notify_url"),
        ({"notify_url": None}, "/notify_url"),
        ({"attach": "x" * 129}, "/attach"),
    ],
)
async def test_what_is_wrong_with_an_order_is_named_and_signed(
    pay: PayClient, change: dict[str, Any], field: str
) -> None:
    said = await pay.order(status=400, **change)

    assert said["code"] == "PARAM_ERROR"
    assert (said["detail"]["location"], said["detail"]["field"]) == ("body", field)


@pytest.mark.parametrize("body", ["", "[]", "{", "null"])
async def test_a_body_that_is_no_object_is_refused(pay: PayClient, merchant: Merchant, body: str) -> None:
    headers = pay.headers | {"authorization": pay.authorization("POST", NATIVE, body)}
    answer = await merchant.http.post(f"/wechatpay{NATIVE}", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"appid": "wx0"}, "APPID_MCHID_NOT_MATCH"),
        ({"mchid": "1"}, "APPID_MCHID_NOT_MATCH"),
        ({"time_expire": wall(NOW)}, "INVALID_REQUEST"),
    ],
)
async def test_an_order_that_cannot_be_is_refused(pay: PayClient, change: dict[str, Any], code: str) -> None:
    assert (await pay.order(status=400, **change))["code"] == code
    assert (await pay.query(status=404))["code"] == "ORDER_NOT_EXIST"


async def test_ordering_again_for_the_same_gives_the_same_code(pay: PayClient) -> None:
    first = await pay.order()
    assert await pay.order() == first


@pytest.mark.parametrize(
    "change", [{"amount": {"total": 1}}, {"description": "x"}, {"time_expire": None}, {"attach": None}]
)
async def test_a_number_cannot_ask_for_something_else(pay: PayClient, change: dict[str, Any]) -> None:
    await pay.order()
    assert (await pay.order(status=400, **change))["code"] == "INVALID_REQUEST"
    assert (await pay.query())["amount"]["total"] == 88_00


async def test_an_order_closes_in_time_or_when_the_merchant_says(pay: PayClient) -> None:
    await pay.order()
    await pay.order(out_trade_no="T00002")
    assert await pay.close() is None
    assert (await pay.query())["trade_state"] == "CLOSED"
    assert (await pay.close(status=400))["code"] == "ORDER_CLOSED"
    assert (await pay.order(status=400))["code"] == "ORDER_CLOSED"
    assert (await pay.close("T00009", status=404))["code"] == "ORDER_NOT_EXIST"

    pay.time.pass_(minutes=15)
    assert (await pay.query("T00002"))["trade_state"] == "CLOSED"
    assert (await pay.close("T00002", status=400))["code"] == "ORDER_CLOSED"


async def test_a_paid_order_says_who_paid_what_and_when(pay: PayClient) -> None:
    await pay.buy()
    said = await pay.query()

    assert (said["trade_state"], said["trade_type"], said["success_time"]) == ("SUCCESS", "NATIVE", wall(NOW))
    assert said["amount"] == {
        "total": 88_00, "payer_total": 88_00, "currency": "CNY", "payer_currency": "CNY",
    }  # fmt: skip
    assert len(said["transaction_id"]) == 28
    assert len(said["payer"]["openid"]) == 28
    url = f"/v3/pay/transactions/id/{said['transaction_id']}?mchid={MCH_ID}"
    assert await pay.ask("GET", url) == said
    assert (await pay.order(status=400))["code"] == "ORDERPAID"
    assert (await pay.close(status=400))["code"] == "ORDERPAID"


async def test_a_query_names_the_merchant(pay: PayClient) -> None:
    await pay.order()
    url = "/v3/pay/transactions/out-trade-no/T00001"
    assert (await pay.ask("GET", url, status=400))["code"] == "APPID_MCHID_NOT_MATCH"
