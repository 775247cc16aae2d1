"""How WeChat Pay reads a request, checks who sent it, and signs what it says. By its documents on APIv3."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from tuan.kernel.errors import Refusal
from tuan.kernel.rsa import sign, verifies

SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
AUTHORIZATION: Final = re.compile(rf'{SCHEME} (\w+="[^"]*"(?:,\w+="[^"]*")*)', re.ASCII)
PART: Final = re.compile(r'(\w+)="([^"]*)"', re.ASCII)
SAID: Final = frozenset({"mchid", "nonce_str", "signature", "timestamp", "serial_no"})
APART_MAX: Final = timedelta(minutes=5)
SHOWN_MAX: Final = 1024


class PayError(Refusal):
    """WeChat Pay says no, with a code of its own and a status that fits."""

    error: ClassVar[str]
    detail: Mapping[str, object] | None = None


class SignError(PayError):
    """错误的签名，验签失败"""

    error = "SIGN_ERROR"
    status = 401


class ParamError(PayError):
    """参数错误"""

    error = "PARAM_ERROR"
    status = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class PayMerchant:
    """The one merchant we know, and the key it signs with."""

    app_id: str
    mch_id: str
    serial_no: str
    key: RSAPublicKey
    api_v3_key: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    serial: str
    key: RSAPrivateKey = field(repr=False)

    def headers(self, body: bytes, *, now: datetime) -> dict[str, str]:
        timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(16)
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self.serial,
            "Wechatpay-Signature": sign(self.key, f"{timestamp}\n{nonce}\n{body.decode()}\n"),
            "Wechatpay-Signature-Type": SCHEME,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """WeChat Pay itself: it has a certificate, and for those who ask for it a bare key with an id."""

    certificate_pem: str = field(repr=False)
    by_certificate: Signer
    by_public_key: Signer

    def signer(self, serial: str | None) -> Signer:
        """Of an answer to who asked for this key."""
        return self.by_public_key if serial == self.by_public_key.serial else self.by_certificate


def serial_of(certificate_pem: str) -> str:
    """40 hexadecimal digits. Raises ValueError for what is no certificate."""
    return f"{load_pem_x509_certificate(certificate_pem.encode()).serial_number:040X}"


def admit(
    merchant: PayMerchant, *, method: str, url: str, authorization: str | None, body: bytes, now: datetime
) -> None:
    """`url` is the path from /v3 on, with its query. Raises SignError."""
    said = _said(authorization)
    if said["mchid"] != merchant.mch_id:
        raise SignError("商户号不存在，或与商户证书不匹配")
    if said["serial_no"] != merchant.serial_no:
        raise SignError("商户证书序列号有误。请使用签名私钥匹配的证书序列号")
    if not _is_now(said["timestamp"], now):
        raise SignError("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")

    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise SignError from error
    message = f"{method}\n{url}\n{said['timestamp']}\n{said['nonce_str']}\n{text}\n"
    if not verifies(merchant.key, message, said["signature"]):
        raise _unsigned(method, url, message)


def _said(authorization: str | None) -> dict[str, str]:
    found = AUTHORIZATION.fullmatch(authorization or "")
    said = dict(PART.findall(found[1])) if found else {}
    if said.keys() != SAID:
        raise SignError("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
    return said


def _is_now(timestamp: str, now: datetime) -> bool:
    if not re.fullmatch("[0-9]{1,12}", timestamp):
        return False
    return abs(now.timestamp() - int(timestamp)) <= APART_MAX.total_seconds()


def _unsigned(method: str, url: str, message: str) -> SignError:
    """It shows what it verified, for the merchant to compare."""
    refusal = SignError()
    refusal.detail = {
        "detail": {"issue": "sign not match"},
        "field": "signature",
        "location": "authorization",
        "sign_information": {
            "method": method,
            "url": url,
            "sign_message_length": len(message.encode()),
            "truncated_sign_message": message[:SHOWN_MAX],
        },
    }
    return refusal
