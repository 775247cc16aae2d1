"""Our mall's door to Alipay and two libraries for it: each reads what the other writes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from interop_sandbox import APP_ID, SELLER_ID, pkcs1_pem
from mall_original import form_of
from oracles import Oracle

from tuan.kernel.rsa import new_private_key, public_pem
from tuan.mall.compat_answer import form_html
from tuan.mall.gateways.alipay import Alipay, AlipayAccount
from tuan.mall.gateways.gateway import TradeStatus, UntrustedAnswer
from tuan.mall.notify import RawNotify, UntrustedNotify, Verdict
from tuan.mall.payment import Payment, full_refund

Proved = Callable[[Oracle, str], None]
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
GATEWAY = "http://alipay.test/gateway.do"
APP_KEY, ALIPAY_KEY = new_private_key(), new_private_key()
AS_GATEWAY = {"app_id": APP_ID, "gateway": GATEWAY, "private_key": pkcs1_pem(ALIPAY_KEY)}
AS_GATEWAY |= {"public_key": public_pem(APP_KEY.public_key())}
AS_MERCHANT = AS_GATEWAY | {"private_key": pkcs1_pem(APP_KEY)}
SUBJECT = '武夷岩茶·肉桂 "125g" <b> 100%+'
PAYMENT = Payment(
    number="261123ABCDEFGHJKMNPQ",
    order_number="261123ABCDEFGHJKMNPQ",
    gateway="alipay",
    amount_fen=108_00,
    opened_at=NOW,
    expires_at=NOW + timedelta(minutes=15),
)
NOTIFY = {
    "notify_id": "2026112300222091314000001",
    "notify_type": "trade_status_sync",
    "notify_time": "2026-11-23 12:01:00",
    "charset": "utf-8",
    "version": "1.0",
    "sign_type": "RSA2",
    "app_id": APP_ID,
    "auth_app_id": APP_ID,
    "seller_id": SELLER_ID,
    "out_trade_no": PAYMENT.number,
    "trade_no": "2026112322001499999999999999",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "108.00",
    "gmt_payment": "2026-11-23 12:00:59",
    "subject": SUBJECT,
    "fund_bill_list": '[{"amount":"108.00","fundChannel":"ALIPAYACCOUNT"}]',
    "passback_params": "a=b&c=d",
}


def told(fields: dict[str, str]) -> RawNotify:
    return RawNotify(body=urlencode(fields).encode(), headers={}, received_at=NOW)


class Line(httpx.AsyncBaseTransport):
    """Between our door and a gateway that is played by a library: it signs what it is told to answer."""

    def __init__(self, library: Oracle) -> None:
        self.library = library
        self.node: dict[str, object] = {}
        self.asked: list[dict[str, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl((await request.aread()).decode()))
        params = {**request.url.params, **form}
        self.asked.append(params)
        node = json.dumps(self.node, ensure_ascii=False, separators=(",", ":"))
        signature = self.library.ask("sign_answer", account=AS_GATEWAY, node=node)
        name = f"{params['method'].replace('.', '_')}_response"
        return httpx.Response(200, text=f'{{"{name}":{node},"sign":"{signature}"}}')


@pytest.fixture
def line(alipay: Oracle) -> Line:
    return Line(alipay)


@pytest.fixture
def door(line: Line) -> Alipay:
    account = AlipayAccount(
        gateway_url=GATEWAY,
        app_id=APP_ID,
        seller_id=SELLER_ID,
        private_key=APP_KEY,
        public_key=ALIPAY_KEY.public_key(),
        notify_url="http://shop.test/hooks/alipay",
        return_url="http://shop.test/return/alipay",
        fee_bp=60,
    )
    return Alipay(httpx.AsyncClient(transport=line), account)


@pytest.mark.parametrize("mobile", [False, True])
async def test_our_page_form_is_signed_as_it_would_sign_it(
    alipay: Oracle, door: Alipay, proved: Proved, mobile: bool
) -> None:
    form = form_of(form_html(await door.open(PAYMENT, subject=SUBJECT, mobile=mobile, now=NOW)))
    params = dict(parse_qsl(urlsplit(form.action).query)) | form.fields

    unsigned = {name: value for name, value in params.items() if name != "sign"}
    assert alipay.ask("sign_request", account=AS_MERCHANT, params=unsigned) == params["sign"]
    assert alipay.ask("verifies_request", account=AS_GATEWAY, params=params)
    changed = params | {"notify_url": "http://evil.test/"}
    assert not alipay.ask("verifies_request", account=AS_GATEWAY, params=changed)
    page = "手机网站支付" if mobile else "电脑网站支付"
    proved(alipay, f"our mall's form for {page} has the very signature it would make, and verifies in it")


async def test_a_notify_it_signs_is_read_and_a_changed_one_is_forged(
    alipay: Oracle, door: Alipay, proved: Proved
) -> None:
    fields = NOTIFY | {"sign": alipay.ask("sign_notify", account=AS_GATEWAY, fields=NOTIFY)}

    notice = await door.read_notify(told(fields), now=NOW)
    with pytest.raises(UntrustedNotify) as forged:
        await door.read_notify(told(fields | {"total_amount": "0.01"}), now=NOW)

    assert (notice.payment_number, notice.amount_fen) == (PAYMENT.number, 108_00)
    assert (notice.app_is_ours, notice.seller_is_ours, notice.says_paid) == (True, True, True)
    assert forged.value.verdict is Verdict.FORGED
    proved(alipay, "a notify it signs is read by our mall; changed, it is forged")


async def test_our_questions_verify_in_it_and_the_answers_it_signs_are_trusted(
    alipay: Oracle, door: Alipay, line: Line, proved: Proved
) -> None:
    trade: dict[str, object] = {
        "trade_no": NOTIFY["trade_no"],
        "out_trade_no": PAYMENT.number,
        "total_amount": "108.00",
    }
    done: dict[str, object] = {"code": "10000", "msg": "Success"}
    line.node = done | trade | {"trade_status": "TRADE_SUCCESS", "store_name": '团 "A" {}/\\ 店'}
    found = await door.query(PAYMENT.number, now=NOW)
    line.node = done | trade
    await door.close(PAYMENT.number, now=NOW)
    refund = full_refund(PAYMENT, reason="未能成团，全额退款", now=NOW)
    line.node = done | {"refund_status": "REFUND_SUCCESS", "refund_amount": "108.00"}
    line.node |= {"out_request_no": refund.number}
    made = await door.refund(refund, now=NOW)

    assert (found.status, made) == (TradeStatus.PAID, True)
    assert [params["method"] for params in line.asked] == [
        "alipay.trade.query",
        "alipay.trade.close",
        "alipay.trade.refund",
        "alipay.trade.fastpay.refund.query",
    ]
    for params in line.asked:
        assert alipay.ask("verifies_request", account=AS_GATEWAY, params=params)
    proved(alipay, "our mall's query, close, refund, refund query verify in it; answers it signs are trusted")


async def test_an_answer_that_somebody_else_signs_is_not_trusted(
    alipay: Oracle, door: Alipay, line: Line, proved: Proved, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(AS_GATEWAY, "private_key", pkcs1_pem(new_private_key()))
    line.node = {"code": "10000", "trade_status": "TRADE_SUCCESS", "out_trade_no": PAYMENT.number}

    with pytest.raises(UntrustedAnswer):
        await door.query(PAYMENT.number, now=NOW)
    proved(alipay, "an answer it signs with another key is not trusted")
