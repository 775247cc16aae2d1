"""Alipay's signatures, made and checked: by its own examples, and against a corpus of forgeries."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mall_builders import A_PAYMENT, NOW, Wall
from mall_stand_ins import ALIPAY_KEY, APP_ID, APP_KEY, SELLER_ID, AlipayStandIn, ByHost

from tuan.kernel.errors import Unreachable
from tuan.kernel.rsa import new_private_key, sign, verifies
from tuan.mall.gateways.alipay import Alipay, AlipayAccount
from tuan.mall.gateways.alipay_signing import (
    answer_is_signed,
    form_fields,
    notify_is_signed,
    request_text,
    signed_node,
)
from tuan.mall.gateways.gateway import GatewayRefusal, TradeStatus, UntrustedAnswer
from tuan.mall.notify import RawNotify, UntrustedNotify, Verdict
from tuan.mall.payment import Receipt, full_refund

NUMBER = A_PAYMENT.number
ACCOUNT = AlipayAccount(
    gateway_url="http://alipay.test/gateway.do",
    app_id=APP_ID,
    seller_id=SELLER_ID,
    private_key=APP_KEY,
    public_key=ALIPAY_KEY.public_key(),
    notify_url="http://h/n",
    return_url="http://h/r",
    fee_bp=60,
)
EXAMPLE = {
    "version": "1.0",
    "app_id": "9021000136624944",
    "biz_content": '{"out_trade_no":"GB20261122000001","product_code":"FAST_INSTANT_TRADE_PAY",'
    '"subject":"拼团 商品 \\"A\\"&B","time_expire":"2026-11-22 18:00:00","total_amount":"88.00"}',
    "charset": "utf-8",
    "format": "json",
    "method": "alipay.trade.page.pay",
    "notify_url": "http://h/n",
    "return_url": "http://h/r?x=1",
    "sign_type": "RSA2",
    "timestamp": "2026-11-22 09:44:19",
}
EXAMPLE_TEXT = (
    'app_id=9021000136624944&biz_content={"out_trade_no":"GB20261122000001",'
    '"product_code":"FAST_INSTANT_TRADE_PAY","subject":"拼团 商品 \\"A\\"&B",'
    '"time_expire":"2026-11-22 18:00:00","total_amount":"88.00"}&charset=utf-8&format=json'
    "&method=alipay.trade.page.pay&notify_url=http://h/n&return_url=http://h/r?x=1&sign_type=RSA2"
    "&timestamp=2026-11-22 09:44:19&version=1.0"
)


def as_it_came(body: bytes) -> RawNotify:
    return RawNotify(body=body, headers={}, received_at=NOW)


@pytest.fixture
def alipay() -> AlipayStandIn:
    return AlipayStandIn(Wall())


@pytest.fixture
def network(alipay: AlipayStandIn) -> ByHost:
    return ByHost({"alipay.test": alipay.app})


@pytest.fixture
async def gateway(network: ByHost) -> AsyncIterator[Alipay]:
    async with httpx.AsyncClient(transport=network) as http:
        yield Alipay(http, ACCOUNT)


def test_a_request_is_signed_over_the_text_that_alipays_own_sdk_signs() -> None:
    assert request_text(EXAMPLE) == EXAMPLE_TEXT
    assert request_text(EXAMPLE | {"sign": "x", "app_auth_token": ""}) == EXAMPLE_TEXT


async def test_the_form_carries_what_the_cashier_needs(gateway: Alipay) -> None:
    form = await gateway.open(A_PAYMENT, subject="茶/A=B&C", mobile=False, now=NOW)
    params = {name: values[0] for name, values in parse_qs(urlsplit(form.action).query).items()}
    content = json.loads(form.fields["biz_content"])

    assert verifies(APP_KEY.public_key(), request_text(params | form.fields), params["sign"])
    assert (params["method"], params["charset"], params["sign_type"]) == (
        "alipay.trade.page.pay", "utf-8", "RSA2",
    )  # fmt: skip
    assert (params["timestamp"], params["notify_url"]) == ("2026-11-23 12:00:00", "http://h/n")
    assert params["return_url"] == f"http://h/r/{NUMBER}"
    assert content == {
        "out_trade_no": NUMBER,
        "total_amount": "108.00",
        "subject": "茶 A B C",
        "product_code": "FAST_INSTANT_TRADE_PAY",
        "time_expire": "2026-11-23 12:15:00",
    }
    assert form.origins[0] == "http://alipay.test"


async def test_a_phone_pays_by_wap(gateway: Alipay) -> None:
    form = await gateway.open(A_PAYMENT, subject="茶", mobile=True, now=NOW)
    content = json.loads(form.fields["biz_content"])

    assert "method=alipay.trade.wap.pay" in form.action
    assert (content["product_code"], content["quit_url"]) == ("QUICK_WAP_WAY", f"http://h/r/{NUMBER}")


async def test_a_trade_nobody_came_for_is_absent(gateway: Alipay) -> None:
    assert (await gateway.query(NUMBER, now=NOW)).status is TradeStatus.ABSENT


@pytest.mark.parametrize(
    ("trade_status", "status"),
    [("WAIT_BUYER_PAY", TradeStatus.WAITING), ("TRADE_CLOSED", TradeStatus.CLOSED)],
)
async def test_code_10000_is_not_money(
    gateway: Alipay, alipay: AlipayStandIn, trade_status: str, status: TradeStatus
) -> None:
    alipay.pay(NUMBER, "108.00", trade_status=trade_status)
    trade = await gateway.query(NUMBER, now=NOW)

    assert (trade.status, trade.receipt) == (status, None)


@pytest.mark.parametrize("trade_status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
async def test_a_paid_trade_is_a_receipt(gateway: Alipay, alipay: AlipayStandIn, trade_status: str) -> None:
    made = alipay.pay(NUMBER, "108.00", trade_status=trade_status)

    assert (await gateway.query(NUMBER, now=NOW)).receipt == Receipt(
        payment_number=NUMBER, gateway_trade_no=made["trade_no"], amount_fen=108_00, paid_at=NOW
    )


async def test_an_answer_about_another_payment_is_not_believed(
    gateway: Alipay, alipay: AlipayStandIn
) -> None:
    alipay.pay(NUMBER, "108.00")["out_trade_no"] = "another"
    with pytest.raises(UntrustedAnswer):
        await gateway.query(NUMBER, now=NOW)


async def test_an_unsigned_success_is_rejected(gateway: Alipay, alipay: AlipayStandIn) -> None:
    alipay.pay(NUMBER, "108.00")
    alipay.signs = False
    with pytest.raises(UntrustedAnswer):
        await gateway.query(NUMBER, now=NOW)


async def test_an_answer_signed_by_somebody_else_is_rejected(gateway: Alipay, alipay: AlipayStandIn) -> None:
    alipay.pay(NUMBER, "108.00")
    alipay.key = new_private_key()
    with pytest.raises(UntrustedAnswer):
        await gateway.query(NUMBER, now=NOW)


async def test_a_query_is_asked_again_and_a_refund_is_left_to_its_job(
    gateway: Alipay, alipay: AlipayStandIn, network: ByHost
) -> None:
    alipay.pay(NUMBER, "108.00")
    network.answers_lost["alipay.test"] = 2
    assert (await gateway.query(NUMBER, now=NOW)).status is TradeStatus.PAID

    network.answers_lost["alipay.test"] = 1
    with pytest.raises(Unreachable):
        await gateway.refund(full_refund(A_PAYMENT, reason="late", now=NOW), now=NOW)
    assert [method for method, _ in alipay.asked] == ["alipay.trade.query"] * 3 + ["alipay.trade.refund"]


@pytest.mark.parametrize(("fund_change", "done"), [("Y", True), ("N", True), ("pending", False)])
async def test_a_refund_is_done_when_alipay_says_the_money_moved(
    gateway: Alipay, alipay: AlipayStandIn, fund_change: str, done: bool
) -> None:
    alipay.pay(NUMBER, "108.00")
    alipay.fund_change = fund_change
    refund = full_refund(A_PAYMENT, reason="late", now=NOW)

    assert await gateway.refund(refund, now=NOW) is done
    assert alipay.refunds == {f"{NUMBER}R": "108.00"}


async def test_a_refund_of_nothing_is_refused(gateway: Alipay) -> None:
    with pytest.raises(GatewayRefusal, match=r"ACQ\.TRADE_NOT_EXIST"):
        await gateway.refund(full_refund(A_PAYMENT, reason="late", now=NOW), now=NOW)


async def test_closing_what_nobody_came_for_is_done_already(gateway: Alipay) -> None:
    await gateway.close(NUMBER, now=NOW)


async def test_an_error_response_is_a_refusal_signed_or_not(network: ByHost) -> None:
    body = '{"error_response":{"code":"40002","msg":"Invalid","sub_code":"isv.invalid-app-id"}}'
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    async with httpx.AsyncClient(transport=transport) as http:
        with pytest.raises(GatewayRefusal, match=r"isv\.invalid-app-id"):
            await Alipay(http, ACCOUNT).query(NUMBER, now=NOW)


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "null", "<html>", '{"alipay_trade_query_response":{', "{" * 900]
)
async def test_an_answer_that_is_none_is_not_believed(body: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    async with httpx.AsyncClient(transport=transport) as http:
        with pytest.raises(UntrustedAnswer):
            await Alipay(http, ACCOUNT).query(NUMBER, now=NOW)


@given(st.dictionaries(st.text(), st.text() | st.dictionaries(st.text(), st.text())))
def test_the_signed_part_is_found_whatever_is_written_in_it(answer: dict[str, object]) -> None:
    node = json.dumps(answer, ensure_ascii=False)
    assert signed_node('{"x_response": ' + node + ',"sign":"}"}', "x_response") == node


@pytest.mark.parametrize("signed_escaped", [True, False])
def test_slashes_are_signed_either_way(signed_escaped: bool) -> None:
    sent = '{"url":"http:\\/\\/a"}'
    signature = sign(ALIPAY_KEY, sent if signed_escaped else sent.replace("\\/", "/"))
    body = f'{{"x_response":{sent},"sign":"{signature}"}}'

    assert answer_is_signed(sent, body, ALIPAY_KEY.public_key())
    assert not answer_is_signed('{"url":"http:\\/\\/b"}', body, ALIPAY_KEY.public_key())


async def test_a_good_notify_is_read(alipay: AlipayStandIn) -> None:
    raw = urlencode(alipay.notify(NUMBER, "108.00", trade_no="t1")).encode()
    notice = await Alipay(httpx.AsyncClient(), ACCOUNT).read_notify(as_it_came(raw), now=NOW)

    assert (notice.payment_number, notice.gateway_trade_no, notice.amount_fen) == (NUMBER, "t1", 108_00)
    assert notice.paid_at == datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    assert (notice.app_is_ours, notice.seller_is_ours) == (True, True)
    assert (notice.says_paid, notice.tells_of_refund) == (True, False)


def test_empty_values_are_signed_or_left_out(alipay: AlipayStandIn) -> None:
    fields = alipay.notify(NUMBER, "108.00")
    key = ALIPAY_KEY.public_key()

    assert notify_is_signed(fields | {"body": ""}, key)
    assert notify_is_signed(alipay.signed(fields | {"body": ""}), key)
    assert not notify_is_signed(fields | {"body": "x"}, key)


Fields = dict[str, str]
FORGERIES: dict[str, Callable[[Fields], Fields]] = {
    "another key": lambda f: AlipayStandIn(Wall(), key=new_private_key()).signed(f),
    "another amount": lambda f: f | {"total_amount": "0.01"},
    "another number": lambda f: f | {"out_trade_no": "261123AAAAAAAAAAAAAA"},
    "one more field": lambda f: f | {"extra": "1"},
    "one field less": lambda f: {name: value for name, value in f.items() if name != "gmt_payment"},
    "no signature": lambda f: {name: value for name, value in f.items() if name != "sign"},
    "an empty signature": lambda f: f | {"sign": ""},
    "no base64": lambda f: f | {"sign": "好"},
    "the old algorithm": lambda f: f | {"sign_type": "RSA"},
    "no algorithm": lambda f: {name: value for name, value in f.items() if name != "sign_type"},
    "plus become space": lambda f: f | {"sign": f["sign"].replace("+", " "), "subject": "x"},
    "a newline at the end": lambda f: f | {"total_amount": "108.00\n"},
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_notify_is_not_believed(alipay: AlipayStandIn, forgery: str) -> None:
    raw = urlencode(FORGERIES[forgery](alipay.notify(NUMBER, "108.00"))).encode()
    with pytest.raises(UntrustedNotify) as raised:
        await Alipay(httpx.AsyncClient(), ACCOUNT).read_notify(as_it_came(raw), now=NOW)
    assert raised.value.verdict is Verdict.FORGED


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"a=1&a=2",
        b"a=1&a=1",
        b"a=1&&b=2",
        b"nothing",
        b"a=%FF",
        "a=好".encode(),
        b"a=%00",
        b"&".join(b"a%d=1" % n for n in range(101)),
    ],
)
async def test_a_body_that_is_no_clean_form_is_malformed(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        form_fields(raw)
    with pytest.raises(UntrustedNotify) as raised:
        await Alipay(httpx.AsyncClient(), ACCOUNT).read_notify(as_it_came(raw), now=NOW)
    assert raised.value.verdict is Verdict.MALFORMED


def test_a_plus_is_a_space_and_its_code_is_a_plus() -> None:
    assert form_fields(b"a=1+2&b=1%2B2&c=") == {"a": "1 2", "b": "1+2", "c": ""}
