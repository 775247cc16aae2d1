"""Our mall's door to WeChat Pay and wechatpayv3: it signs as we sign, and what it signs we trust."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from interop_sandbox import WECHATPAY
from oracles import Oracle
from pydantic import SecretStr

from tuan.kernel.rsa import new_private_key, private_pem, public_pem
from tuan.mall.gateways.gateway import PaymentCode, TradeStatus, UntrustedAnswer
from tuan.mall.gateways.wechatpay import WeChatPay
from tuan.mall.gateways.wechatpay_settings import WeChatPaySettings
from tuan.mall.notify import RawNotify, UntrustedNotify, Verdict
from tuan.mall.payment import Payment, full_refund

Proved = Callable[[Oracle, str], None]
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
TIMESTAMP, NONCE = str(int(NOW.timestamp())), "593BEC0C930BF1AFEB40B4A08C8FB242"
MERCHANT_KEY, PLATFORM_KEY = new_private_key(), new_private_key()
API_V3_KEY = "dZ7ebP3AyhmRW8UEf3Pbs4zWZ2Ttk7mx"
PAYMENT = Payment(
    number="261123ABCDEFGHJKMNPQ",
    order_number="261123ABCDEFGHJKMNPQ",
    gateway="wechatpay",
    amount_fen=108_00,
    opened_at=NOW,
    expires_at=NOW + timedelta(minutes=15),
)
PAID = {
    "appid": WECHATPAY["app_id"],
    "mchid": WECHATPAY["mch_id"],
    "out_trade_no": PAYMENT.number,
    "transaction_id": "4200002611202611239876543210",
    "trade_type": "NATIVE",
    "trade_state": "SUCCESS",
    "trade_state_desc": "支付成功",
    "bank_type": "OTHERS",
    "attach": "",
    "success_time": "2026-11-23T12:00:30+08:00",
    "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    "amount": {"total": 108_00, "payer_total": 108_00, "currency": "CNY", "payer_currency": "CNY"},
}
AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')


class Line(httpx.AsyncBaseTransport):
    """Between our door and a WeChat Pay whose answers the library signs."""

    def __init__(self, library: Oracle) -> None:
        self.library = library
        self.node: dict[str, Any] = {}
        self.key = PLATFORM_KEY
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.asked.append(request)
        body = json.dumps(self.node, ensure_ascii=False)
        return httpx.Response(200, text=body, headers=signed(self.library, body, key=private_pem(self.key)))


def signed(library: Oracle, body: str, *, key: str) -> dict[str, str]:
    signature = library.ask("sign_answer", private_key=key, body=body, nonce=NONCE, timestamp=TIMESTAMP)
    return {
        "wechatpay-serial": WECHATPAY["public_key_id"],
        "wechatpay-signature": signature,
        "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
        "wechatpay-timestamp": TIMESTAMP,
        "wechatpay-nonce": NONCE,
    }


@pytest.fixture
def line(wechatpayv3: Oracle) -> Line:
    return Line(wechatpayv3)


@pytest.fixture
def door(line: Line) -> WeChatPay:
    settings = WeChatPaySettings(
        api_url="http://wechatpay.test",
        app_id=WECHATPAY["app_id"],
        mch_id=WECHATPAY["mch_id"],
        serial_no=WECHATPAY["serial_no"],
        private_key=SecretStr(private_pem(MERCHANT_KEY)),
        api_v3_key=SecretStr(API_V3_KEY),
        public_key_id=WECHATPAY["public_key_id"],
        public_key=public_pem(PLATFORM_KEY.public_key()),
    )
    return settings.gateway(httpx.AsyncClient(transport=line), public_url="http://shop.test")


async def test_our_requests_carry_the_signature_it_would_give_them(
    wechatpayv3: Oracle, door: WeChatPay, line: Line, proved: Proved
) -> None:
    line.node = {"code_url": "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}
    code = await door.open(PAYMENT, subject='武夷岩茶·肉桂 "125g" <b>', mobile=False, now=NOW)
    line.node = PAID
    found = await door.query(PAYMENT.number, now=NOW)
    await door.close(PAYMENT.number, now=NOW)

    assert code == PaymentCode(url="weixin://wxpay/bizpayurl?pr=p4lpSuKzz")
    assert found.status is TradeStatus.PAID
    assert len(line.asked) == 3
    for request in line.asked:
        said = dict(AUTHORIZATION.findall(request.headers["authorization"]))
        assert said["signature"] == wechatpayv3.ask(
            "signature",
            account=WECHATPAY | {"private_key": private_pem(MERCHANT_KEY)},
            method=request.method,
            path=request.url.raw_path.decode(),
            body=request.content.decode(),
            nonce=said["nonce_str"],
            timestamp=said["timestamp"],
        )
    proved(wechatpayv3, "our mall's order, query and close carry the very signature it would give them")


async def test_an_answer_it_signs_is_trusted_and_one_of_another_key_is_not(
    wechatpayv3: Oracle, door: WeChatPay, line: Line, proved: Proved
) -> None:
    refund = full_refund(PAYMENT, reason="未能成团，全额退款", now=NOW)
    line.node = {"status": "SUCCESS", "out_refund_no": refund.number, "out_trade_no": PAYMENT.number}
    line.node |= {"refund_id": "50000000382019052709732678859", "amount": {"refund": 108_00, "total": 108_00}}

    assert await door.refund(refund, now=NOW)
    line.key = new_private_key()
    with pytest.raises(UntrustedAnswer):
        await door.query(PAYMENT.number, now=NOW)
    proved(wechatpayv3, "our mall trusts answers that it signs; with another key, it does not")


async def test_a_notify_it_signs_is_read_and_a_changed_one_is_forged(
    wechatpayv3: Oracle, door: WeChatPay, proved: Proved
) -> None:
    nonce, kind = "fdasflkja484", "transaction"
    plain = json.dumps(PAID, ensure_ascii=False)
    sealed = wechatpayv3.ask("seal", api_v3_key=API_V3_KEY, text=plain, nonce=nonce, associated_data=kind)
    told = {
        "id": "EV-2018022511223320873",
        "create_time": "2026-11-23T12:00:31+08:00",
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": {
            "original_type": kind,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": sealed,
            "associated_data": kind,
            "nonce": nonce,
        },
    }
    body = json.dumps(told, ensure_ascii=False)
    headers = signed(wechatpayv3, body, key=private_pem(PLATFORM_KEY))
    read = RawNotify(body=body.encode(), headers=headers, received_at=NOW)
    changed = RawNotify(body=body.replace("支付", "退款").encode(), headers=headers, received_at=NOW)

    notice = await door.read_notify(read, now=NOW)
    with pytest.raises(UntrustedNotify) as forged:
        await door.read_notify(changed, now=NOW)

    assert (notice.payment_number, notice.amount_fen) == (PAYMENT.number, 108_00)
    assert (notice.app_is_ours, notice.seller_is_ours, notice.says_paid) == (True, True, True)
    assert forged.value.verdict is Verdict.FORGED
    proved(
        wechatpayv3, "a notify it signs, sealed as it opens one, is read by our mall; changed, it is forged"
    )
