"""The keys of one installation: made at its first start, kept in one file that only its owner can read."""

import base64
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tuan.kernel import rsa
from tuan.kernel.clock import utc_now
from tuan.kernel.ids import new_secret

CERTIFICATE_LASTS: Final = timedelta(days=5 * 365)


class Keyring(msgspec.Struct, frozen=True, kw_only=True):
    alipay_app_private_key: str
    alipay_gateway_private_key: str
    wechatpay_merchant_private_key: str
    wechatpay_api_v3_key: str
    wechatpay_certificate: str  # WeChat Pay's own, and its key.
    wechatpay_private_key: str
    wechatpay_public_key_private_key: str
    wechat_app_secret: str
    wechat_token: str
    wechat_aes_key: str
    market_api_key: str
    market_webhook_secret: str
    operator_password: str

    @property
    def alipay_app_public_key(self) -> str:
        return rsa.public_pem(rsa.load_private_key(self.alipay_app_private_key).public_key())

    @property
    def alipay_gateway_public_key(self) -> str:
        return rsa.public_pem(rsa.load_private_key(self.alipay_gateway_private_key).public_key())

    @property
    def wechatpay_merchant_public_key(self) -> str:
        return rsa.public_pem(rsa.load_private_key(self.wechatpay_merchant_private_key).public_key())


def load_or_make(path: Path) -> Keyring:
    """Those in the file, and new ones for whatever it lacks."""
    kept = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
    if kept.keys() >= set(Keyring.__struct_fields__):
        return msgspec.convert(kept, Keyring)

    keyring = msgspec.convert(msgspec.to_builtins(make()) | kept, Keyring)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(keyring)))
    return keyring


def make() -> Keyring:
    wechatpay_key = rsa.new_private_key()
    return Keyring(
        alipay_app_private_key=rsa.private_pem(rsa.new_private_key()),
        alipay_gateway_private_key=rsa.private_pem(rsa.new_private_key()),
        wechatpay_merchant_private_key=rsa.private_pem(rsa.new_private_key()),
        wechatpay_api_v3_key=secrets.token_hex(16),
        wechatpay_certificate=certificate_of(wechatpay_key),
        wechatpay_private_key=rsa.private_pem(wechatpay_key),
        wechatpay_public_key_private_key=rsa.private_pem(rsa.new_private_key()),
        wechat_app_secret=secrets.token_hex(16),
        wechat_token=secrets.token_hex(16),
        # 43 characters of base64, as WeChat hands them out: 32 bytes without the padding.
        wechat_aes_key=base64.b64encode(secrets.token_bytes(32)).decode().rstrip("="),
        market_api_key=new_secret(),
        market_webhook_secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        operator_password=secrets.token_urlsafe(9),
    )


def certificate_of(key: RSAPrivateKey) -> str:
    """One that vouches for itself, from yesterday on: clocks differ."""
    sandbox = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tuan sandbox")])
    since = utc_now() - timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(sandbox)
        .issuer_name(sandbox)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + CERTIFICATE_LASTS)
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
