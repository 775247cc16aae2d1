"""A WeChat Pay for the mall, small and true to protocol: it checks our signature, and signs its answers."""

import asyncio
import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tuan.kernel.clock import BEIJING, Clock
from tuan.kernel.rsa import new_private_key, private_pem, sign, verifies
from tuan.mall.gateways.wechatpay_settings import WeChatPaySettings

PAY_APP_ID, MCH_ID, SERIAL_NO = "wxd678efh567hg6787", "1900007291", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
API_V3_KEY = "0123456789abcdef0123456789ABCDEF"
MERCHANT_KEY, PLATFORM_KEY, BARE_KEY = new_private_key(), new_private_key(), new_private_key()
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000072912026112200000001"
WECHATPAY = WeChatPaySettings(
    api_url="http://wechatpay.test",
    app_id=PAY_APP_ID,
    mch_id=MCH_ID,
    serial_no=SERIAL_NO,
    private_key=SecretStr(private_pem(MERCHANT_KEY)),
    api_v3_key=SecretStr(API_V3_KEY),
)
SCHEME = "WECHATPAY2-SHA256-RSA2048"
Said = tuple[int, dict[str, Any] | None]
Letter = tuple[dict[str, str], bytes]  # Headers and body.


@dataclass(frozen=True)
class Certificate:
    key: RSAPrivateKey
    pem: str
    serial: str


def a_certificate(
    key: RSAPrivateKey = PLATFORM_KEY,
    *,
    since: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    lasts: timedelta = timedelta(days=1800),
) -> Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com Root CA")])
    number = secrets.randbits(150) | 1 << 151
    builder = x509.CertificateBuilder(name, name, key.public_key(), number, since, since + lasts)
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    return Certificate(key, pem, f"{number:040X}")


CERTIFICATE = a_certificate()


def sealed(plain: str, *, kind: str, key: str = API_V3_KEY) -> dict[str, str]:
    nonce = secrets.token_hex(6)
    secret = AESGCM(key.encode()).encrypt(nonce.encode(), plain.encode(), kind.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": kind,
        "ciphertext": base64.b64encode(secret).decode(),
    }


def signed(body: bytes, *, key: RSAPrivateKey, serial: str, at: datetime) -> dict[str, str]:
    timestamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
    return {
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": SCHEME,
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": sign(key, f"{timestamp}\n{nonce}\n{body.decode()}\n"),
    }


def wall(moment: datetime) -> str:
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


@dataclass
class WeChatPayStandIn:
    clock: Clock
    certificates: list[Certificate] = field(default_factory=lambda: [CERTIFICATE])
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # Method, and the path from /v3 on.
    refund_status: str = "SUCCESS"
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)  # By the end of a path.
    paid_at_the_last_moment: bool = False  # Between our question and our closing.
    signs: bool = True
    spoils: Callable[[Letter], Letter] = lambda letter: letter
    hands_out: asyncio.Event = field(default_factory=asyncio.Event)  # Certificates, once this is set.
    bill_csv: bytes = b""
    bill_file: bytes = b""

    def __post_init__(self) -> None:
        self.hands_out.set()

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.serve, methods=["GET", "POST"])])

    @property
    def signer(self) -> tuple[RSAPrivateKey, str]:
        """With the certificate that it made last."""
        return self.certificates[-1].key, self.certificates[-1].serial

    async def serve(self, request: Request) -> Response:
        raw = await request.body()
        url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self._check(request, url, raw)
        self.asked.append((request.method, request.url.path.removeprefix("/v3")))
        if request.url.path.endswith("/certificates"):
            await self.hands_out.wait()
        status, said = self._answer(request, json.loads(raw or b"null"))
        body = b"" if said is None else json.dumps(said, ensure_ascii=False).encode()
        if request.url.path.endswith("/file"):
            return Response(self.bill_file, status)
        if not self.signs:
            return Response(body, status)
        key, serial = self.signer
        if request.headers.get("wechatpay-serial") == PUBLIC_KEY_ID:
            key, serial = BARE_KEY, PUBLIC_KEY_ID
        headers, body = self.spoils((signed(body, key=key, serial=serial, at=self.clock()), body))
        return Response(body, status, headers)

    def pay(self, number: str, total: int, **changes: Any) -> dict[str, Any]:
        """Somebody has scanned the code and paid."""
        self.orders[number] = {
            "appid": PAY_APP_ID,
            "mchid": MCH_ID,
            "out_trade_no": number,
            "transaction_id": f"42000012342026112{number[-11:]}",
            "trade_type": "NATIVE",
            "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功",
            "bank_type": "OTHERS",
            "attach": "",
            "success_time": wall(self.clock()),
            "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
            "amount": {"total": total, "payer_total": total, "currency": "CNY", "payer_currency": "CNY"},
        } | changes
        return self.orders[number]

    def notify(
        self, content: dict[str, Any], *, event: str = "TRANSACTION.SUCCESS", key: str = API_V3_KEY
    ) -> Letter:
        """Headers and body of a notify about this, as it would be sent now."""
        kind = "refund" if event.startswith("REFUND") else "transaction"
        told = {
            "id": "EV-2018022511223320873",
            "create_time": wall(self.clock()),
            "resource_type": "encrypt-resource",
            "event_type": event,
            "summary": "支付成功",
            "resource": {
                "original_type": kind,
                **sealed(json.dumps(content, ensure_ascii=False), kind=kind, key=key),
            },
        }
        return self.signed(json.dumps(told, ensure_ascii=False).encode())

    def signed(self, body: bytes, *, at: datetime | None = None) -> Letter:
        key, serial = self.signer
        headers = signed(body, key=key, serial=serial, at=at or self.clock())
        return headers | {"content-type": "application/json"}, body

    def refund_news(self, number: str, total: int, status: str = "SUCCESS") -> dict[str, Any]:
        return {
            "mchid": MCH_ID,
            "out_trade_no": number,
            "transaction_id": self.orders[number]["transaction_id"],
            "out_refund_no": f"{number}R",
            "refund_id": "50200207182018070300011301001",
            "refund_status": status,
            "success_time": wall(self.clock()),
            "user_received_account": "支付用户零钱",
            "amount": {"total": total, "refund": total, "payer_total": total, "payer_refund": total},
        }

    def _check(self, request: Request, url: str, raw: bytes) -> None:
        said = dict(re.findall(r'(\w+)="([^"]*)"', request.headers["authorization"]))
        assert request.headers["authorization"].startswith(f"{SCHEME} ")
        assert (said["mchid"], said["serial_no"]) == (MCH_ID, SERIAL_NO)
        assert said["timestamp"] == str(int(self.clock().timestamp()))
        assert request.headers["accept"] == "application/json"
        assert request.headers["user-agent"]
        text = f"{request.method}\n{url}\n{said['timestamp']}\n{said['nonce_str']}\n{raw.decode()}\n"
        assert verifies(MERCHANT_KEY.public_key(), text, said["signature"])

    def _answer(self, request: Request, body: Any) -> Said:
        path = request.url.path
        for end, (status, code) in self.refuses.items():
            if path.endswith(end):
                return status, {"code": code, "message": "不行"}
        number = path.removesuffix("/close").rsplit("/", 1)[-1]
        match path.removeprefix("/v3").split("/")[1:]:
            case ["certificates"]:
                return 200, {"data": [self._handed_out(one) for one in self.certificates]}
            case ["pay", "transactions", "native"]:
                return self._native(body)
            case ["pay", "transactions", "out-trade-no", _, "close"]:
                return self._close(number, body)
            case ["pay", "transactions", "out-trade-no", _]:
                assert request.query_params["mchid"] == MCH_ID
                missing = (404, {"code": "ORDER_NOT_EXIST", "message": "订单不存在"})
                return (200, self.orders[number]) if number in self.orders else missing
            case ["refund", "domestic", "refunds"]:
                return self._refund(body)
            case ["refund", "domestic", "refunds", _]:
                missing = (404, {"code": "RESOURCE_NOT_EXISTS", "message": "退款单不存在"})
                return (200, self.refunds[number]) if number in self.refunds else missing
            case ["bill", "tradebill"]:
                url = f"https://api.mch.weixin.qq.com/v3/billdownload/file?token={request.query_params['bill_date']}"
                digest = hashlib.sha1(self.bill_csv).hexdigest()
                return 200, {"hash_type": "SHA1", "hash_value": digest, "download_url": url}
        return 200, None

    def _native(self, body: dict[str, Any]) -> Said:
        assert (body["appid"], body["mchid"], body["amount"]["currency"]) == (PAY_APP_ID, MCH_ID, "CNY")
        known = self.orders.setdefault(
            body["out_trade_no"],
            {
                "appid": PAY_APP_ID,
                "mchid": MCH_ID,
                "out_trade_no": body["out_trade_no"],
                "trade_state": "NOTPAY",
                "trade_state_desc": "订单未支付",
                "amount": {"total": body["amount"]["total"], "currency": "CNY"},
                "asked_for": body,
            },
        )
        if known["trade_state"] != "NOTPAY":
            return 400, {"code": "ORDERPAID", "message": "该订单已支付"}
        return 200, {"code_url": f"weixin://wxpay/bizpayurl?pr={body['out_trade_no'][-9:]}"}

    def _close(self, number: str, body: dict[str, Any]) -> Said:
        assert body == {"mchid": MCH_ID}
        if number not in self.orders:
            return 404, {"code": "ORDER_NOT_EXIST", "message": "订单不存在"}
        if self.paid_at_the_last_moment:
            self.pay(number, self.orders[number]["amount"]["total"])
        if self.orders[number]["trade_state"] != "NOTPAY":
            return 400, {"code": "ORDERPAID", "message": "该订单已支付"}
        self.orders[number]["trade_state"] = "CLOSED"
        return 204, None

    def _refund(self, body: dict[str, Any]) -> Said:
        order = self.orders.get(body["out_trade_no"])
        if order is None or order["trade_state"] not in ("SUCCESS", "REFUND"):
            return 400, {"code": "INVALID_REQUEST", "message": "订单未支付"}
        assert body["amount"]["total"] == order["amount"]["total"]
        order["trade_state"] = "REFUND"
        self.refunds[body["out_refund_no"]] = {
            "refund_id": "50200207182018070300011301001",
            "out_refund_no": body["out_refund_no"],
            "out_trade_no": body["out_trade_no"],
            "status": self.refund_status,
            "amount": body["amount"],
        }
        return 200, self.refunds[body["out_refund_no"]]

    def _handed_out(self, certificate: Certificate) -> dict[str, Any]:
        return {
            "serial_no": certificate.serial,
            "effective_time": "2026-01-01T08:00:00+08:00",
            "expire_time": "2030-12-31T08:00:00+08:00",
            "encrypt_certificate": sealed(certificate.pem, kind="certificate"),
        }
