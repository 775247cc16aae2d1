"""What WeChat Pay's answers mean: only a signed success about our own payment is money."""

import json
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from mall_builders import A_PAYMENT, NOW
from mall_stand_ins import ByHost

from mall_wechatpay_stand_in import MCH_ID, PAY_APP_ID, WECHATPAY, WeChatPayStandIn
from tuan.kernel.errors import Unreachable
from tuan.mall.gateways.gateway import GatewayRefusal, PaymentCode, TradeStatus, UntrustedAnswer
from tuan.mall.gateways.wechatpay import WeChatPay
from tuan.mall.payment import Receipt, full_refund

NUMBER = A_PAYMENT.number
PAYMENT = replace(A_PAYMENT, gateway="wechatpay")
REFUND = full_refund(PAYMENT, reason="不想要了", now=NOW)
QUERY = ("GET", f"/pay/transactions/out-trade-no/{NUMBER}")
CERTIFICATES = ("GET", "/certificates")


async def test_the_order_carries_what_wechat_pay_needs(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn
) -> None:
    code = await gateway.open(PAYMENT, subject="武" * 50, mobile=True, now=NOW)

    assert code == PaymentCode(url=f"weixin://wxpay/bizpayurl?pr={NUMBER[-9:]}")
    assert wechatpay.orders[NUMBER]["asked_for"] == {
        "appid": PAY_APP_ID,
        "mchid": MCH_ID,
        "description": "武" * 42,
        "out_trade_no": NUMBER,
        "time_expire": "2026-11-23T12:15:00+08:00",
        "notify_url": "http://h/hooks/wechatpay",
        "amount": {"total": 108_00, "currency": "CNY"},
    }
    assert re.fullmatch(r"[0-9A-Za-z_\-*|]{6,32}", f"{NUMBER}_9")


async def test_a_code_is_asked_for_again_under_the_same_number(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn
) -> None:
    first = await gateway.open(PAYMENT, subject="茶", mobile=False, now=NOW)
    assert await gateway.open(PAYMENT, subject="茶", mobile=False, now=NOW) == first
    assert list(wechatpay.orders) == [NUMBER]


async def test_an_order_nobody_opened_is_absent_and_closed(gateway: WeChatPay) -> None:
    assert (await gateway.query(NUMBER, now=NOW)).status is TradeStatus.ABSENT
    await gateway.close(NUMBER, now=NOW)


@pytest.mark.parametrize(
    ("trade_state", "status"),
    [
        ("NOTPAY", TradeStatus.WAITING),
        ("USERPAYING", TradeStatus.WAITING),
        ("PAYERROR", TradeStatus.WAITING),
        ("CLOSED", TradeStatus.CLOSED),
        ("REVOKED", TradeStatus.CLOSED),
        ("REFUND", TradeStatus.CLOSED),
    ],
)
async def test_only_success_is_money(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, trade_state: str, status: TradeStatus
) -> None:
    wechatpay.pay(NUMBER, 108_00, trade_state=trade_state)
    trade = await gateway.query(NUMBER, now=NOW)

    assert (trade.status, trade.receipt) == (status, None)


async def test_a_paid_order_is_a_receipt(gateway: WeChatPay, wechatpay: WeChatPayStandIn) -> None:
    made = wechatpay.pay(NUMBER, 108_00)

    assert (await gateway.query(NUMBER, now=NOW)).receipt == Receipt(
        payment_number=NUMBER, gateway_trade_no=made["transaction_id"], amount_fen=108_00, paid_at=NOW
    )


@pytest.mark.parametrize(
    "change",
    [
        {"trade_state": "DREAMT"},
        {"trade_state": None},
        {"out_trade_no": "another"},
        {"mchid": "1900000000"},
        {"appid": "wx0"},
        {"transaction_id": ""},
        {"amount": {"total": 108_00, "currency": "USD"}},
        {"amount": {"total": "10800", "currency": "CNY"}},
        {"amount": {"total": 0, "currency": "CNY"}},
        {"amount": None},
        {"success_time": "yesterday"},
    ],
)
async def test_a_signed_answer_that_makes_no_sense_is_not_believed(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, change: dict[str, Any]
) -> None:
    wechatpay.pay(NUMBER, 108_00, **change)
    with pytest.raises(UntrustedAnswer):
        await gateway.query(NUMBER, now=NOW)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_busy_wechat_pay_is_unreachable(status: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json={"code": "SYSTEM_ERROR"}))
    async with httpx.AsyncClient(transport=transport) as http:
        with pytest.raises(Unreachable):
            await WECHATPAY.gateway(http, public_url="http://h").query(NUMBER, now=NOW)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b"{"])
async def test_an_answer_that_is_none_is_not_believed(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, body: bytes
) -> None:
    await gateway.query(NUMBER, now=NOW)
    wechatpay.spoils = lambda _: wechatpay.signed(body)
    with pytest.raises(UntrustedAnswer):
        await gateway.open(PAYMENT, subject="茶", mobile=False, now=NOW)


async def test_a_query_is_asked_again_and_a_refund_is_left_to_its_job(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, network: ByHost
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    network.answers_lost["wechatpay.test"] = 2
    assert (await gateway.query(NUMBER, now=NOW)).status is TradeStatus.PAID

    network.answers_lost["wechatpay.test"] = 1
    with pytest.raises(Unreachable):
        await gateway.refund(REFUND, now=NOW)
    assert wechatpay.asked == [QUERY] * 3 + [CERTIFICATES, ("POST", "/refund/domestic/refunds")]


@pytest.mark.parametrize("trouble", ["away", "ORDERPAID"])
async def test_a_closing_that_failed_says_so(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, network: ByHost, trouble: str
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    if trouble == "away":
        network.away.add("wechatpay.test")
    with pytest.raises(Unreachable if trouble == "away" else GatewayRefusal):
        await gateway.close(NUMBER, now=NOW)


async def test_what_was_closed_is_closed(gateway: WeChatPay, wechatpay: WeChatPayStandIn) -> None:
    await gateway.open(PAYMENT, subject="茶", mobile=False, now=NOW)
    await gateway.close(NUMBER, now=NOW)
    wechatpay.refuses["/close"] = (400, "ORDER_CLOSED")
    await gateway.close(NUMBER, now=NOW)

    assert (await gateway.query(NUMBER, now=NOW)).status is TradeStatus.CLOSED


@pytest.mark.parametrize(("status", "done"), [("SUCCESS", True), ("PROCESSING", False)])
async def test_a_refund_is_done_when_wechat_pay_says_success(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, status: str, done: bool
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    wechatpay.refund_status = status

    assert await gateway.refund(REFUND, now=NOW) is done
    assert list(wechatpay.refunds) == [f"{NUMBER}R"]
    assert wechatpay.refunds[f"{NUMBER}R"]["amount"] == {"refund": 108_00, "total": 108_00, "currency": "CNY"}


@pytest.mark.parametrize("status", ["CLOSED", "ABNORMAL", "DREAMT"])
async def test_a_refund_that_wechat_pay_gave_up_is_trouble(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, status: str
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    wechatpay.refund_status = status
    with pytest.raises(GatewayRefusal, match=f"REFUND_{status}"):
        await gateway.refund(REFUND, now=NOW)


async def test_what_is_refused_may_be_done(gateway: WeChatPay, wechatpay: WeChatPayStandIn) -> None:
    wechatpay.pay(NUMBER, 108_00)
    await gateway.refund(REFUND, now=NOW)
    wechatpay.refuses["/refunds"] = (403, "NOT_ENOUGH")

    assert await gateway.refund(REFUND, now=NOW) is True


async def test_a_refund_of_nothing_is_refused(gateway: WeChatPay) -> None:
    with pytest.raises(GatewayRefusal, match="INVALID_REQUEST"):
        await gateway.refund(REFUND, now=NOW)


@pytest.mark.parametrize(
    "change", [{"out_refund_no": "another"}, {"amount": {"refund": 1}}, {"status": None}]
)
async def test_an_answer_about_another_refund_is_not_believed(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, change: dict[str, Any]
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    await gateway.query(NUMBER, now=NOW)
    said = {"out_refund_no": REFUND.number, "status": "SUCCESS", "amount": {"refund": 108_00}} | change
    wechatpay.spoils = lambda _: wechatpay.signed(json.dumps(said).encode())
    with pytest.raises(UntrustedAnswer):
        await gateway.refund(REFUND, now=NOW)
