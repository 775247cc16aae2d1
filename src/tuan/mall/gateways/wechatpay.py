"""WeChat Pay, by APIv3: Native 支付, where the buyer scans a code that we show."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from pydantic import ValidationError

from tuan.kernel.clock import BEIJING
from tuan.kernel.errors import Unreachable
from tuan.mall.bill import BillLine
from tuan.mall.gateways import wechatpay_bill
from tuan.mall.gateways.gateway import (
    Acknowledgement,
    GatewayRefusal,
    NoBillYet,
    PaymentCode,
    Trade,
    TradeStatus,
    UnreadableBill,
    UntrustedAnswer,
)
from tuan.mall.gateways.wechatpay_bill import FILE_BYTES_MAX, read_bill, unpacked
from tuan.mall.gateways.wechatpay_client import Answer, WeChatPayClient
from tuan.mall.gateways.wechatpay_keys import PlatformKeys
from tuan.mall.gateways.wechatpay_shapes import Notification, RefundState, Transaction
from tuan.mall.gateways.wechatpay_signing import HEADERS, Signature
from tuan.mall.notify import Notice, RawNotify, UntrustedNotify, Verdict
from tuan.mall.payment import Payment, Receipt, Refund

ORDERS: Final = "/v3/pay/transactions/out-trade-no"
REFUNDS: Final = "/v3/refund/domestic/refunds"
TRIES_MAX: Final = 3
UNAUTHORIZED: Final = 401  # Who does not sign well gets an answer that nobody signed.
# The second of each is how older documents spell it.
ABSENT: Final = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST"})
SHUT: Final = ABSENT | {"ORDER_CLOSED", "ORDERCLOSED"}
DESCRIPTION_BYTES_MAX: Final = 127
REASON_BYTES_MAX: Final = 80


class WeChatPay:
    name = "wechatpay"
    title = "微信支付"
    notify_headers = HEADERS

    def __init__(self, client: WeChatPayClient) -> None:
        self._client = client
        self._account = client.account
        self._keys = PlatformKeys(client)

    @property
    def fee_bp(self) -> int:
        return self._account.fee_bp

    async def open(self, payment: Payment, *, subject: str, mobile: bool, now: datetime) -> PaymentCode:
        """The same for every device. Asked again, WeChat Pay gives a code for the same order."""
        order = {
            "appid": self._account.app_id,
            "mchid": self._account.mch_id,
            "description": _at_most(DESCRIPTION_BYTES_MAX, subject),
            "out_trade_no": payment.number,
            "time_expire": payment.expires_at.astimezone(BEIJING).isoformat(timespec="seconds"),
            "notify_url": self._account.notify_url,
            "amount": {"total": payment.amount_fen, "currency": "CNY"},
        }
        answer = await self._ask("POST", "/v3/pay/transactions/native", order, now=now)
        match answer.get("code_url"):
            case str(url) if url:
                return PaymentCode(url=url)
        raise UntrustedAnswer

    async def query(self, payment_number: str, *, now: datetime) -> Trade:
        path = f"{ORDERS}/{payment_number}?mchid={self._account.mch_id}"
        try:
            answer = await self._ask("GET", path, now=now, tries=TRIES_MAX)
        except GatewayRefusal as refusal:
            if refusal.reason in ABSENT:
                return Trade(status=TradeStatus.ABSENT)
            raise
        transaction = _transaction(answer)
        match transaction.trade_state:
            case "SUCCESS":
                receipt = self._receipt(transaction, payment_number, now=now)
                return Trade(status=TradeStatus.PAID, receipt=receipt)
            case "CLOSED" | "REVOKED" | "REFUND":  # Money that went back is not money for an order.
                return Trade(status=TradeStatus.CLOSED)
            case "NOTPAY" | "USERPAYING" | "PAYERROR":
                return Trade(status=TradeStatus.WAITING)
        raise UntrustedAnswer

    async def close(self, payment_number: str, *, now: datetime) -> None:
        path = f"{ORDERS}/{payment_number}/close"
        try:
            await self._ask("POST", path, {"mchid": self._account.mch_id}, now=now, tries=TRIES_MAX)
        except GatewayRefusal as refusal:
            if refusal.reason not in SHUT:
                raise

    async def refund(self, refund: Refund, *, now: datetime) -> bool:
        """Done at SUCCESS, or when its query says so: what is refused may be done.

        A refund that WeChat Pay gave up (CLOSED, ABNORMAL) is refused under that word.
        """
        content = {
            "out_trade_no": refund.payment_number,
            "out_refund_no": refund.number,
            "reason": _at_most(REASON_BYTES_MAX, refund.reason),
            "notify_url": self._account.notify_url,
            # All that was paid goes back: so it is also the total that WeChat Pay asks for.
            "amount": {"refund": refund.amount_fen, "total": refund.amount_fen, "currency": "CNY"},
        }
        try:
            answer = await self._ask("POST", REFUNDS, content, now=now)
        except GatewayRefusal as refusal:
            try:
                answer = await self._ask("GET", f"{REFUNDS}/{refund.number}", now=now, tries=TRIES_MAX)
            except GatewayRefusal:
                raise refusal from None
        return _is_made(answer, refund)

    async def bill(self, day: date, *, now: datetime) -> Sequence[BillLine]:
        """Everything that moved in one day of Beijing. Raises NoBillYet, UnreadableBill."""
        path = f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL&tar_type=GZIP"
        try:
            answer = await self._ask("GET", path, now=now, tries=TRIES_MAX)
        except GatewayRefusal as refusal:
            match refusal.reason:
                case wechatpay_bill.NOTHING_BILLED:
                    return []
                case wechatpay_bill.NO_BILL_YET:
                    raise NoBillYet from refusal
            raise
        # Whatever host it names, the file is asked for where everything else is.
        _, root, rest = str(answer.get("download_url")).partition("/v3/")
        try:
            file = await self._client.download(f"{root}{rest}", bytes_max=FILE_BYTES_MAX, now=now)
        except ValueError as error:
            raise UnreadableBill(str(error)) from error
        digest = {name: answer.get(name) for name in ("hash_type", "hash_value")}
        return await asyncio.to_thread(lambda: read_bill(unpacked(file, **digest)))

    async def read_notify(self, notify: RawNotify, *, now: datetime) -> Notice:
        if doubt := await self._doubt(notify.headers, notify.body, at=notify.received_at, now=now):
            raise UntrustedNotify(doubt)
        try:
            told = Notification.model_validate_json(notify.body)
        except ValidationError as error:
            raise UntrustedNotify(Verdict.MALFORMED) from error
        try:
            transaction = Transaction.model_validate_json(told.resource.opened(self._account.api_v3_key))
        except ValueError as error:  # Also pydantic's.
            raise UntrustedNotify(Verdict.UNREADABLE) from error

        tells_of_refund = told.event_type.startswith("REFUND.") or transaction.refund_status is not None
        return Notice(
            payment_number=transaction.out_trade_no,
            gateway_trade_no=transaction.transaction_id,
            amount_fen=transaction.amount_fen,
            paid_at=transaction.success_time,
            # News of a refund does not name the app, only the merchant.
            app_is_ours=tells_of_refund or transaction.appid == self._account.app_id,
            seller_is_ours=transaction.mchid == self._account.mch_id,
            says_paid=transaction.trade_state == "SUCCESS" and transaction.transaction_id != "",
            tells_of_refund=tells_of_refund,
        )

    def acknowledge(self, *, accepted: bool) -> Acknowledgement:
        if accepted:
            return Acknowledgement(status=204, body=b"", media_type="application/json")
        body = json.dumps({"code": "FAIL", "message": "失败"}, ensure_ascii=False).encode()
        return Acknowledgement(status=400, body=body, media_type="application/json")

    def read_return(self, query: bytes) -> str:
        """Nobody comes back from a code: it is scanned with another device."""
        raise UntrustedNotify(Verdict.FORGED)

    def _receipt(self, transaction: Transaction, payment_number: str, *, now: datetime) -> Receipt:
        ours = (payment_number, self._account.app_id, self._account.mch_id)
        if (transaction.out_trade_no, transaction.appid, transaction.mchid) != ours:
            raise UntrustedAnswer
        if transaction.amount_fen is None or not transaction.transaction_id:
            raise UntrustedAnswer
        return Receipt(
            payment_number=payment_number,
            gateway_trade_no=transaction.transaction_id,
            amount_fen=transaction.amount_fen,
            paid_at=transaction.success_time or now,
        )

    async def _ask(
        self,
        method: str,
        path: str,
        content: Mapping[str, Any] | None = None,
        *,
        now: datetime,
        tries: int = 1,
    ) -> dict[str, Any]:
        """Raises Unreachable, GatewayRefusal, UntrustedAnswer. Ask again only what may be done twice."""
        try:
            answer = await self._client.send(method, path, content, now=now)
        except Unreachable:
            if tries == 1:
                raise
            return await self._ask(method, path, content, now=now, tries=tries - 1)
        if answer.status != UNAUTHORIZED and await self._doubt(answer.headers, answer.body, at=now, now=now):
            raise UntrustedAnswer
        return _read(answer)

    async def _doubt(
        self, headers: Mapping[str, str], body: bytes, *, at: datetime, now: datetime
    ) -> Verdict | None:
        """Why not to believe that WeChat Pay wrote this at that moment; None when it did."""
        signature = Signature.of(headers)
        if signature is None:
            return Verdict.FORGED
        if not signature.is_of(at):
            return Verdict.STALE
        key = await self._keys.of(signature.serial, at=at, now=now)
        if key is None:
            return Verdict.UNKNOWN_KEY
        return None if signature.covers(body, key) else Verdict.FORGED


def _read(answer: Answer) -> dict[str, Any]:
    """What a believed answer says; 204 says nothing. Raises GatewayRefusal, UntrustedAnswer."""
    try:
        said = json.loads(answer.body or b"{}")
    except ValueError as error:
        raise UntrustedAnswer from error
    if not isinstance(said, dict):
        raise UntrustedAnswer
    if not answer.is_good:
        raise GatewayRefusal(reason=str(said.get("code", answer.status)))
    return said


def _transaction(answer: Mapping[str, Any]) -> Transaction:
    try:
        return Transaction.model_validate(answer)
    except ValidationError as error:
        raise UntrustedAnswer from error


def _is_made(answer: Mapping[str, Any], refund: Refund) -> bool:
    try:
        state = RefundState.model_validate(answer)
    except ValidationError as error:
        raise UntrustedAnswer from error
    if (state.out_refund_no, state.amount.refund) != (refund.number, refund.amount_fen):
        raise UntrustedAnswer
    match state.status:
        case "SUCCESS":
            return True
        case "PROCESSING":
            return False
    raise GatewayRefusal(reason=f"REFUND_{state.status}")


def _at_most(bytes_max: int, text: str) -> str:
    """No document says whether it counts letters or bytes: whole letters, of so many bytes."""
    return text.encode()[:bytes_max].decode(errors="ignore")
