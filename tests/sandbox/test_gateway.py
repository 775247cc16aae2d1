"""The gateway's checks, in its order, and its answers, as real merchants get them."""

import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from sandbox_builders import (
    LINKS,
    PAGE_PAY,
    WAP_PAY,
    Merchant,
    canonical,
    pay_content,
    require_signature,
    split_answer,
)

from tuan.kernel.rsa import new_private_key
from tuan.sandbox.alipay import NOTIFY_UNSIGNED, REQUEST_UNSIGNED
from tuan.sandbox.alipay import canonical as canonical_of_the_gateway

QUERY = "alipay.trade.query"


def test_the_canonical_string_of_the_document() -> None:
    params = {
        "version": "1.0",
        "sign": "left out",
        "biz_content": '{"out_trade_no":"GB20261122000001","product_code":"FAST_INSTANT_TRADE_PAY",'
        '"subject":"拼团 商品 \\"A\\"&B","time_expire":"2026-11-22 18:00:00","total_amount":"88.00"}',
        "app_id": "9021000136624944",
        "charset": "utf-8",
        "format": "json",
        "method": "alipay.trade.page.pay",
        "notify_url": "http://h/n",
        "return_url": "http://h/r?x=1",
        "app_auth_token": "",
        "sign_type": "RSA2",
        "timestamp": "2026-11-22 09:44:19",
    }

    assert canonical_of_the_gateway(params, leaving_out=REQUEST_UNSIGNED) == (
        'app_id=9021000136624944&biz_content={"out_trade_no":"GB20261122000001","product_code":'
        '"FAST_INSTANT_TRADE_PAY","subject":"拼团 商品 \\"A\\"&B","time_expire":"2026-11-22 18:00:00",'
        '"total_amount":"88.00"}&charset=utf-8&format=json&method=alipay.trade.page.pay'
        "&notify_url=http://h/n&return_url=http://h/r?x=1&sign_type=RSA2&timestamp=2026-11-22 09:44:19"
        "&version=1.0"
    )
    assert "sign_type" not in canonical_of_the_gateway(params, leaving_out=NOTIFY_UNSIGNED)


@pytest.mark.parametrize(
    ("missing", "sub_code"),
    [
        ("method", "isv.missing-method"),
        ("app_id", "isv.missing-app-id"),
        ("sign_type", "isv.missing-signature-type"),
        ("sign", "isv.missing-signature"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
    ],
)
async def test_what_is_missing_is_named_and_the_answer_is_unsigned(
    merchant: Merchant, missing: str, sub_code: str
) -> None:
    params = merchant.params(QUERY, {"out_trade_no": "T1"})

    answer = await merchant.send({name: value for name, value in params.items() if name != missing})

    assert answer.status_code == 200
    assert list(answer.json()) == ["error_response"]
    node = answer.json()["error_response"]
    assert (node["code"], node["msg"], node["sub_code"]) == ("40001", "Missing Required Arguments", sub_code)


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"app_id": "9021000000000000"}, "isv.invalid-app-id"),
        ({"method": "alipay.trade.fly"}, "isv.invalid-method"),
    ],
)
async def test_who_asks_and_for_what_must_be_known(
    merchant: Merchant, change: dict[str, str], sub_code: str
) -> None:
    answer = await merchant.send(merchant.params(QUERY, {"out_trade_no": "T1"}) | change)

    assert list(answer.json()) == ["error_response"]
    assert answer.json()["error_response"]["code"] == "40002"
    assert answer.json()["error_response"]["sub_code"] == sub_code


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"charset": "gbk"}, "isv.invalid-charset"),
        ({"charset": ""}, "isv.invalid-charset"),
        ({"format": "XML"}, "isv.invalid-format"),
        ({"version": "2.0"}, "isv.invalid-parameter"),
        ({"timestamp": "2026-11-22T10:00:00Z"}, "isv.invalid-timestamp"),
        ({"biz_content": "{"}, "isv.invalid-parameter"),
        ({"biz_content": "[]"}, "isv.invalid-parameter"),
        ({"biz_content": ""}, "isv.invalid-parameter"),
    ],
)
async def test_what_is_wrong_is_named_and_signed(
    merchant: Merchant, change: dict[str, str], sub_code: str
) -> None:
    node = await merchant.call(QUERY, {"out_trade_no": "T1"}, **change)

    assert (node["code"], node["msg"], node["sub_code"]) == ("40002", "Invalid Arguments", sub_code)


async def test_a_bad_signature_is_answered_with_the_string_that_was_expected(merchant: Merchant) -> None:
    params = merchant.params(QUERY, {"out_trade_no": "T1"}) | {"version": "1.0", "format": "json"}

    answer = await merchant.send(params)

    node, signature = split_answer(answer.text, QUERY)
    require_signature(merchant.alipay_key, node, signature)
    assert json.loads(node)["sub_code"] == "isv.invalid-signature"
    assert json.loads(node)["sub_msg"].endswith("网关生成的验签字符串为：" + canonical(params, "sign"))


async def test_an_answer_that_was_changed_on_its_way_does_not_verify(merchant: Merchant) -> None:
    answer = await merchant.send(merchant.params(QUERY, {"out_trade_no": "T1"}))

    node, signature = split_answer(answer.text, QUERY)
    with pytest.raises(InvalidSignature):
        require_signature(merchant.alipay_key, node.replace("40004", "10000"), signature)
    assert answer.headers["content-type"] == "text/html;charset=utf-8"
    assert len(answer.headers["trace_id"]) == 32


async def test_parameters_may_all_stand_in_the_query_or_all_in_the_form_and_the_form_wins(
    merchant: Merchant,
) -> None:
    params = merchant.params(QUERY, {"out_trade_no": "T1"})
    answers = [
        await merchant.http.get("/alipay/gateway.do", params=params),
        await merchant.http.post("/alipay/gateway.do", data=params),
        await merchant.http.post("/alipay/gateway.do", params=params | {"version": "9"}, data=params),
    ]

    codes = [answer.json()["alipay_trade_query_response"]["sub_code"] for answer in answers]
    assert codes == ["ACQ.TRADE_NOT_EXIST"] * 3


@pytest.mark.parametrize("method", [PAGE_PAY, WAP_PAY])
async def test_a_browser_is_told_on_a_page(merchant: Merchant, method: str) -> None:
    merchant.key = new_private_key()

    answer = await merchant.send(merchant.params(method, pay_content(method), **LINKS))

    assert answer.status_code == 200
    assert "调试错误，请回到请求来源地，重新发起请求。" in answer.text
    assert "invalid-signature" in answer.text
    assert "验签出错" in answer.text


@pytest.mark.parametrize(
    ("change", "links"),
    [
        ({"total_amount": "0.00"}, LINKS),
        ({"total_amount": "88.001"}, LINKS),
        ({"total_amount": 88.001}, LINKS),
        ({"total_amount": True}, LINKS),
        ({"total_amount": float("nan")}, LINKS),
        ({"total_amount": -88}, LINKS),
        ({"total_amount": 1e300}, LINKS),
        ({"total_amount": "100000000.01"}, LINKS),
        ({"out_trade_no": "T 1"}, LINKS),
        ({"out_trade_no": "T" * 65}, LINKS),
        ({"subject": ""}, LINKS),
        ({"subject": "\0"}, LINKS),
        ({"subject": "\ud800"}, LINKS),
        ({"product_code": "QUICK_WAP_WAY"}, LINKS),
        ({"time_expire": "2026-11-22 18:00:00"}, LINKS),  # That is now, in Beijing.
        ({"time_expire": "2026-12-08 18:00:00"}, LINKS),
        ({"time_expire": "tomorrow"}, LINKS),
        ({"time_expire": None, "timeout_express": "90x"}, LINKS),
        ({}, {"notify_url": "ftp://shop.test/"}),
        ({}, {"return_url": "javascript:alert(1)"}),
    ],
)
async def test_no_cashier_opens_for_what_alipay_does_not_take(
    merchant: Merchant, change: dict[str, Any], links: dict[str, str]
) -> None:
    content = json.dumps(pay_content(**change))

    answer = await merchant.send(merchant.params(PAGE_PAY, content, **links))

    assert answer.status_code == 200
    assert "参数无效" in answer.text


@pytest.mark.parametrize(
    ("sent", "shown"), [(88, "88.00"), (0.1, "0.10"), (19.99, "19.99"), ("0.01", "0.01")]
)
async def test_an_amount_is_text_or_a_number_as_in_alipays_own_examples(
    merchant: Merchant, sent: object, shown: str
) -> None:
    content = json.dumps(pay_content(total_amount=sent))

    answer = await merchant.send(merchant.params(PAGE_PAY, content, **LINKS))

    page = await merchant.http.get(answer.headers["location"])
    assert (answer.status_code, f"</small>{shown}<" in page.text) == (302, True)


@pytest.mark.parametrize(
    ("express", "until"),
    [
        ("90m", "2026-11-22T11:30:00+00:00"),
        ("2h", "2026-11-22T12:00:00+00:00"),
        ("3d", "2026-11-25T10:00:00+00:00"),
        ("1c", "2026-11-22T16:00:00+00:00"),  # Midnight in Beijing.
        (None, "2026-12-07T10:00:00+00:00"),
    ],
)
async def test_how_long_a_buyer_may_take(merchant: Merchant, express: str | None, until: str) -> None:
    cashier = await merchant.open(time_expire=None, timeout_express=express)

    answer = await merchant.http.get(cashier, headers={"accept": "application/json"})

    assert answer.json()["expires_at"] == until
