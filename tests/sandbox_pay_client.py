"""A merchant of the sandbox's WeChat Pay: it signs, verifies and opens by WeChat Pay's documents alone."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509 import load_pem_x509_certificate
from sandbox_builders import JSON, NOW, WECHAT_APP_ID, Time, require_signature, signature_of

from tuan.kernel.clock import BEIJING
from tuan.kernel.rsa import new_private_key
from tuan.keyring import certificate_of

MCH_ID, SERIAL_NO = "1900009191", "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"
API_V3_KEY = "dZ7ebP3AyhmRW8UEf3Pbs4zWZ2Ttk7mx"
MERCHANT_KEY, PLATFORM_KEY, BARE_KEY = new_private_key(), new_private_key(), new_private_key()
PUBLIC_KEY_ID = "PUB_KEY_ID_0000000000000024101100397200000006"
CERTIFICATE = certificate_of(PLATFORM_KEY)
SERIAL = f"{load_pem_x509_certificate(CERTIFICATE.encode()).serial_number:040X}"
PAY_NOTIFY_URL = "http://shop.test/hooks/wechatpay"
SCHEME = "WECHATPAY2-SHA256-RSA2048"


def wall(moment: datetime) -> str:
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


def order_content(**changes: Any) -> dict[str, Any]:
    content = {
        "appid": WECHAT_APP_ID,
        "mchid": MCH_ID,
        "description": '拼团 商品 "A"&B',
        "out_trade_no": "T00001",
        "time_expire": wall(NOW + timedelta(minutes=15)),
        "attach": "自定义数据",
        "notify_url": PAY_NOTIFY_URL,
        "amount": {"total": 88_00, "currency": "CNY"},
    } | changes
    return {name: value for name, value in content.items() if value is not None}


def refund_content(**changes: Any) -> dict[str, Any]:
    amount = {"refund": 88_00, "total": 88_00, "currency": "CNY"}
    return {
        "out_trade_no": "T00001",
        "out_refund_no": "R00001",
        "reason": "不想要了",
        "notify_url": PAY_NOTIFY_URL,
        "amount": amount,
    } | changes


def opened(resource: Mapping[str, str]) -> Any:
    assert resource["algorithm"] == "AEAD_AES_256_GCM"
    secret = base64.b64decode(resource["ciphertext"])
    nonce, purpose = resource["nonce"].encode(), resource["associated_data"].encode()
    assert len(nonce) == 12
    return AESGCM(API_V3_KEY.encode()).decrypt(nonce, secret, purpose).decode()


def require_signed(
    headers: Mapping[str, str],
    body: bytes,
    *,
    at: datetime,
    serial: str = SERIAL,
    key: RSAPublicKey | None = None,
) -> None:
    """Raises InvalidSignature."""
    assert headers["wechatpay-signature-type"] == SCHEME
    assert headers["wechatpay-serial"] == serial
    assert headers["wechatpay-timestamp"] == str(int(at.timestamp()))
    text = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n{body.decode()}\n"
    require_signature(key or PLATFORM_KEY.public_key(), text, headers["wechatpay-signature"])


@dataclass
class PayClient:
    http: httpx.AsyncClient
    time: Time
    headers: dict[str, str] = field(default_factory=lambda: {"accept": "application/json"})

    def authorization(self, method: str, url: str, body: str, **changes: str) -> str:
        said = {
            "mchid": MCH_ID,
            "nonce_str": secrets.token_hex(16).upper(),
            "timestamp": str(int(self.time().timestamp())),
            "serial_no": SERIAL_NO,
        } | changes
        text = f"{method}\n{url}\n{said['timestamp']}\n{said['nonce_str']}\n{body}\n"
        said = {"signature": signature_of(MERCHANT_KEY, text)} | said
        return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in said.items())

    async def send(
        self, method: str, url: str, content: object = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """`url` from /v3 on."""
        body = "" if content is None else json.dumps(content)
        signed = self.headers | {"authorization": self.authorization(method, url, body)}
        return await self.http.request(
            method, f"/wechatpay{url}", content=body, headers=signed | dict(headers or {})
        )

    async def ask(self, method: str, url: str, content: object = None, *, status: int = 200) -> Any:
        """The verified answer, of this status."""
        answer = await self.send(method, url, content)
        assert answer.status_code == status, answer.text
        require_signed(answer.headers, answer.content, at=self.time())
        return answer.json() if answer.content else None

    async def order(self, *, status: int = 200, **changes: Any) -> Any:
        return await self.ask("POST", "/v3/pay/transactions/native", order_content(**changes), status=status)

    async def query(self, number: str = "T00001", *, status: int = 200) -> Any:
        url = f"/v3/pay/transactions/out-trade-no/{number}?mchid={MCH_ID}"
        return await self.ask("GET", url, status=status)

    async def close(self, number: str = "T00001", *, status: int = 204) -> Any:
        url = f"/v3/pay/transactions/out-trade-no/{number}/close"
        return await self.ask("POST", url, {"mchid": MCH_ID}, status=status)

    async def refund(self, *, status: int = 200, **changes: Any) -> Any:
        return await self.ask("POST", "/v3/refund/domestic/refunds", refund_content(**changes), status=status)

    async def refund_query(self, number: str = "R00001", *, status: int = 200) -> Any:
        return await self.ask("GET", f"/v3/refund/domestic/refunds/{number}", status=status)

    async def scan(self, code_url: str, *, payer: str = "安安", password: str = "111111") -> httpx.Response:
        return await self.http.post(
            f"{code_url}/pay", data={"payer": payer, "password": password}, headers=JSON
        )

    async def buy(self, **changes: Any) -> None:
        answer = await self.scan((await self.order(**changes))["code_url"])
        assert answer.json()["status"] == "paid", answer.text
