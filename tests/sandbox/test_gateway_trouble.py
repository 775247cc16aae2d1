"""A gateway in trouble: what it did, and what it says it did."""

import json
import time

import httpx
import pytest
from sandbox_builders import Merchant, require_signature, split_answer

QUERY, CLOSE, REFUND = "alipay.trade.query", "alipay.trade.close", "alipay.trade.refund"
WHOLE = {"out_trade_no": "T1", "refund_amount": "88.00", "out_request_no": "R1", "refund_reason": "1/2"}


async def refunded_fen(merchant: Merchant) -> int:
    [trade] = (await merchant.http.get("/admin/trades")).json()["items"]
    fen: int = trade["refunded_fen"]
    return fen


async def ask_for_refund(merchant: Merchant) -> httpx.Response:
    return await merchant.send(merchant.params(REFUND, WHOLE))


@pytest.mark.parametrize(("kind", "done_fen"), [("cut_off", 0), ("answer_lost", 88_00)])
async def test_the_connection_closes_before_or_after_the_money_went_back(
    merchant: Merchant, kind: str, done_fen: int
) -> None:
    await merchant.buy()
    await merchant.suffer(f"alipay.gateway/{kind}", method=REFUND, times=1)

    with pytest.raises(httpx.RemoteProtocolError):
        await ask_for_refund(merchant)

    assert await refunded_fen(merchant) == done_fen
    assert (await merchant.refund("88.00"))["fund_change"] == ("N" if done_fen else "Y")
    assert await refunded_fen(merchant) == 88_00


async def test_a_dead_gateway_does_nothing_and_says_502(merchant: Merchant) -> None:
    await merchant.buy()
    await merchant.suffer("alipay.gateway/dead", times=1)

    answer = await ask_for_refund(merchant)

    assert (answer.status_code, await refunded_fen(merchant)) == (502, 0)


@pytest.mark.parametrize(
    ("kind", "code", "sub_code"),
    [
        ("unknown", "20000", "aop.unknow-error"),
        ("no_balance", "40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH"),
    ],
)
async def test_it_does_nothing_and_signs_why_not(
    merchant: Merchant, kind: str, code: str, sub_code: str
) -> None:
    await merchant.buy()
    await merchant.suffer(f"alipay.gateway/{kind}", times=1)

    answer = await merchant.refund("88.00")

    assert (answer["code"], answer["sub_code"]) == (code, sub_code)
    assert await refunded_fen(merchant) == 0


async def test_it_says_that_it_failed_though_it_did_not(merchant: Merchant) -> None:
    await merchant.buy()
    await merchant.suffer("alipay.gateway/system_error", method=REFUND, times=1)

    answer = await merchant.refund("88.00")

    assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.SYSTEM_ERROR")
    assert await refunded_fen(merchant) == 88_00


async def test_an_answer_without_a_signature(merchant: Merchant) -> None:
    await merchant.buy()
    await merchant.suffer("alipay.gateway/unsigned", times=1)

    answer = (await ask_for_refund(merchant)).json()

    assert list(answer) == ["alipay_trade_refund_response"]
    assert (answer["alipay_trade_refund_response"]["code"], await refunded_fen(merchant)) == ("10000", 88_00)


async def test_escaped_slashes_are_signed_as_they_stand(merchant: Merchant) -> None:
    await merchant.buy()
    await ask_for_refund(merchant)
    await merchant.suffer("alipay.gateway/escaped", times=1)
    method = "alipay.trade.fastpay.refund.query"

    answer = await merchant.send(merchant.params(method, WHOLE))

    node, signature = split_answer(answer.text, method)
    require_signature(merchant.alipay_key, node, signature)
    assert '"1\\/2"' in node
    assert json.loads(node)["refund_reason"] == "1/2"


async def test_a_slow_gateway_answers_in_the_end(merchant: Merchant) -> None:
    await merchant.buy()
    await merchant.suffer("alipay.gateway/slow", measure=1, times=1)
    began = time.monotonic()

    answer = await merchant.query()

    assert answer["trade_status"] == "TRADE_SUCCESS"
    assert time.monotonic() - began >= 1


async def test_it_befalls_the_calls_and_the_trade_it_is_about(merchant: Merchant) -> None:
    for number in ("T1", "T2"):
        await merchant.buy(out_trade_no=number)
    await merchant.suffer("alipay.gateway/unknown", about="T2", method=QUERY)

    codes = [(await merchant.query(number))["code"] for number in ("T1", "T2")]
    closed = await merchant.close("T2")

    assert (codes, closed["sub_code"]) == (["10000", "20000"], "ACQ.TRADE_STATUS_ERROR")


async def test_a_cashier_that_does_not_open(merchant: Merchant) -> None:
    await merchant.suffer("alipay.cashier/dead", times=1)
    with pytest.raises(AssertionError, match="502"):
        await merchant.open()

    assert await merchant.open()


@pytest.mark.parametrize("content", ["", "[", "[]", "{", '{"out_trade_no": 7}', "[" * 15_000])
async def test_whatever_is_asked_the_gateway_says_why_not(merchant: Merchant, content: str) -> None:
    answer = await merchant.call(QUERY, content)

    assert answer["code"] in {"40002", "40004"}
