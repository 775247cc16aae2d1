"""Alipay, by its gateway.do protocol: 电脑网站支付 and 手机网站支付."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from tuan.kernel.clock import beijing_text, from_beijing
from tuan.kernel.errors import Unreachable
from tuan.kernel.money import fen_of, yuan_text
from tuan.kernel.rsa import sign
from tuan.mall.bill import BillLine
from tuan.mall.gateways.alipay_bill import download, link_to_bill, read_bill, require_nothing_billed
from tuan.mall.gateways.alipay_signing import (
    answer_is_signed,
    form_fields,
    notify_is_signed,
    request_text,
    signed_node,
)
from tuan.mall.gateways.gateway import (
    Acknowledgement,
    GatewayRefusal,
    PaymentForm,
    Trade,
    TradeStatus,
    UntrustedAnswer,
)
from tuan.mall.notify import Notice, RawNotify, UntrustedNotify, Verdict
from tuan.mall.payment import Payment, Receipt, Refund

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
TRIES_MAX = 3
TAKEN = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
ABSENT = "ACQ.TRADE_NOT_EXIST"
PASSING = frozenset({"20000", "ACQ.SYSTEM_ERROR"})
# The gateway sends the browser on to its cashier, on another host, and Chrome asks a page's policy
# about that redirect too.
CASHIERS = ("https://*.alipay.com", "https://*.alipaydev.com")
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class AlipayAccount:
    """Who we are to Alipay, and how each knows the other."""

    gateway_url: str
    app_id: str
    seller_id: str
    private_key: RSAPrivateKey = field(repr=False)  # Ours.
    public_key: RSAPublicKey = field(repr=False)  # Alipay's (支付宝公钥), not the app's own.
    notify_url: str
    return_url: str  # The payment's number comes after it.
    fee_bp: int


class Alipay:
    name = "alipay"
    title = "支付宝"
    notify_headers = ()  # It signs within the body.

    def __init__(self, http: httpx.AsyncClient, account: AlipayAccount) -> None:
        self._http = http
        self._account = account

    @property
    def fee_bp(self) -> int:
        return self._account.fee_bp

    async def open(self, payment: Payment, *, subject: str, mobile: bool, now: datetime) -> PaymentForm:
        account = self._account
        content = {
            "out_trade_no": payment.number,
            "total_amount": yuan_text(payment.amount_fen),
            "subject": _subject(subject),
            "product_code": "QUICK_WAP_WAY" if mobile else "FAST_INSTANT_TRADE_PAY",
            "time_expire": beijing_text(payment.expires_at),
        }
        return_url = f"{account.return_url}/{payment.number}"
        if mobile:
            content["quit_url"] = return_url
        params = self._signed(
            "alipay.trade.wap.pay" if mobile else "alipay.trade.page.pay",
            content,
            now=now,
            more={"notify_url": account.notify_url, "return_url": return_url},
        )
        fields = {"biz_content": params.pop("biz_content")}
        parts = urlsplit(account.gateway_url)
        return PaymentForm(
            action=f"{account.gateway_url}?{urlencode(params)}",
            fields=fields,
            origins=(f"{parts.scheme}://{parts.netloc}", *CASHIERS),
        )

    async def query(self, payment_number: str, *, now: datetime) -> Trade:
        """Only the trade's status counts: code 10000 says no more than that the question was understood."""
        content = {"out_trade_no": payment_number}
        try:
            answer = await self._ask("alipay.trade.query", content, now=now, tries=TRIES_MAX)
        except GatewayRefusal as refusal:
            if refusal.reason == ABSENT:
                return Trade(status=TradeStatus.ABSENT)
            raise
        match answer.get("trade_status"):
            case "TRADE_SUCCESS" | "TRADE_FINISHED":
                return Trade(status=TradeStatus.PAID, receipt=_receipt(answer, payment_number, now=now))
            case "TRADE_CLOSED":
                return Trade(status=TradeStatus.CLOSED)
            case "WAIT_BUYER_PAY":
                return Trade(status=TradeStatus.WAITING)
        raise UntrustedAnswer

    async def close(self, payment_number: str, *, now: datetime) -> None:
        content = {"out_trade_no": payment_number}
        try:
            await self._ask("alipay.trade.close", content, now=now, tries=TRIES_MAX)
        except GatewayRefusal as refusal:
            if refusal.reason != ABSENT:
                raise

    async def refund(self, refund: Refund, *, now: datetime) -> bool:
        """Done at fund_change=Y, or when its query says REFUND_SUCCESS: what is refused may be done."""
        content = {
            "out_trade_no": refund.payment_number,
            "out_request_no": refund.number,
            "refund_amount": yuan_text(refund.amount_fen),
            "refund_reason": refund.reason,
        }
        refusal: GatewayRefusal | None = None
        try:
            answer = await self._ask("alipay.trade.refund", content, now=now)
            if answer.get("fund_change") == "Y":
                return True
        except GatewayRefusal as refused:
            refusal = refused
        if await self._is_refunded(refund, now=now):
            return True
        if refusal is not None:
            raise refusal
        return False

    async def bill(self, day: date, *, now: datetime) -> Sequence[BillLine]:
        content = {"bill_type": "trade", "bill_date": day.isoformat(), "secure": "true"}
        try:
            answer = await self._ask(
                "alipay.data.dataservice.bill.downloadurl.query", content, now=now, tries=TRIES_MAX
            )
        except GatewayRefusal as refusal:
            require_nothing_billed(refusal)
            return []
        file = await download(self._http, link_to_bill(answer, gateway_url=self._account.gateway_url))
        return await asyncio.to_thread(read_bill, file, day, seller_id=self._account.seller_id)

    async def read_notify(self, notify: RawNotify, *, now: datetime) -> Notice:
        fields = self._trusted(notify.body)
        return Notice(
            payment_number=fields.get("out_trade_no", ""),
            gateway_trade_no=fields.get("trade_no", ""),
            amount_fen=_fen(fields.get("total_amount")),
            paid_at=_moment(fields.get("gmt_payment")),
            app_is_ours=fields.get("app_id") == self._account.app_id,
            seller_is_ours=fields.get("seller_id") == self._account.seller_id,
            says_paid=fields.get("trade_status") in TAKEN and "trade_no" in fields,
            tells_of_refund="refund_fee" in fields or "gmt_refund" in fields,
        )

    def acknowledge(self, *, accepted: bool) -> Acknowledgement:
        """Exactly `success`, so that Alipay stops telling."""
        body = b"success" if accepted else b"fail"
        return Acknowledgement(status=200, body=body, media_type="text/plain")

    def read_return(self, query: bytes) -> str:
        return self._trusted(query).get("out_trade_no", "")

    def _trusted(self, raw: bytes) -> dict[str, str]:
        try:
            fields = form_fields(raw)
        except ValueError as error:
            raise UntrustedNotify(Verdict.MALFORMED) from error
        if not notify_is_signed(fields, self._account.public_key):
            raise UntrustedNotify(Verdict.FORGED)
        return fields

    async def _is_refunded(self, refund: Refund, *, now: datetime) -> bool:
        content = {"out_trade_no": refund.payment_number, "out_request_no": refund.number}
        answer = await self._ask("alipay.trade.fastpay.refund.query", content, now=now, tries=TRIES_MAX)
        return (
            answer.get("refund_status") == "REFUND_SUCCESS"
            and answer.get("out_request_no") == refund.number
            and _fen(answer.get("refund_amount")) == refund.amount_fen
        )

    async def _ask(
        self, method: str, content: Mapping[str, str], *, now: datetime, tries: int = 1
    ) -> dict[str, Any]:
        """Raises Unreachable, GatewayRefusal, UntrustedAnswer. Ask again only what may be done twice."""
        try:
            return await self._ask_once(method, content, now=now)
        except (Unreachable, GatewayRefusal) as refusal:
            passing = isinstance(refusal, Unreachable) or refusal.reason in PASSING
            if tries == 1 or not passing:
                raise
        return await self._ask(method, content, now=now, tries=tries - 1)

    async def _ask_once(self, method: str, content: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
        params = self._signed(method, content, now=now)
        body = {"biz_content": params.pop("biz_content")}
        try:
            response = await self._http.post(
                self._account.gateway_url, params=params, data=body, timeout=TIMEOUT
            )
            response.raise_for_status()
        except httpx.HTTPError as error:
            log.warning("alipay_unreachable", method=method, error=type(error).__name__)
            raise Unreachable("The gateway does not answer; try again.") from error
        return _answer(response.text, method, self._account.public_key)

    def _signed(
        self,
        method: str,
        content: Mapping[str, str],
        *,
        now: datetime,
        more: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        params = {
            "app_id": self._account.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing_text(now),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False),
            **(more or {}),
        }
        return params | {"sign": sign(self._account.private_key, request_text(params))}


def _answer(body: str, method: str, key: RSAPublicKey) -> dict[str, Any]:
    """What Alipay signed, read from exactly those bytes. Raises GatewayRefusal, UntrustedAnswer."""
    try:
        if node := signed_node(body, f"{method.replace('.', '_')}_response"):
            if not answer_is_signed(node, body, key):
                raise UntrustedAnswer
            answer = json.loads(node)
            if answer.get("code") == "10000":
                return dict(answer)
        else:
            answer = json.loads(signed_node(body, "error_response") or "")
    except (ValueError, AttributeError) as error:
        raise UntrustedAnswer from error
    passing = answer.get("code") in PASSING
    reason = answer.get("code") if passing else answer.get("sub_code") or answer.get("code")
    raise GatewayRefusal(reason=str(reason))


def _receipt(answer: Mapping[str, Any], payment_number: str, *, now: datetime) -> Receipt:
    amount_fen = _fen(answer.get("total_amount"))
    trade_no = answer.get("trade_no")
    if amount_fen is None or not trade_no or answer.get("out_trade_no") != payment_number:
        raise UntrustedAnswer
    return Receipt(
        payment_number=payment_number,
        gateway_trade_no=str(trade_no),
        amount_fen=amount_fen,
        paid_at=_moment(answer.get("send_pay_date")) or now,
    )


def _subject(title: str) -> str:
    """At most 256 characters, and Alipay asks to avoid these three."""
    return title.translate(str.maketrans("/=&", "   "))[:256]


def _fen(yuan: object) -> int | None:
    try:
        return fen_of(str(yuan))
    except ValueError:
        return None


def _moment(text: object) -> datetime | None:
    try:
        return from_beijing(str(text))
    except ValueError:
        return None
