"""A merchant for the sandbox: it signs as a merchant signs, drives the pages, and records what it is told."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from tuan.kernel.clock import beijing_text
from tuan.kernel.service import Service

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
APP_ID = "9021000136624944"
SELLER_ID = "2088102146225135"
AES_KEY = "A" * 43
WECHAT_APP_ID = "wxba5fad812f8e6fb9"
WECHAT_SECRET = "of-the-test-account"
WECHAT_TOKEN = "AAAAA"
PUBLIC_URL = "http://sandbox.test/sandbox"
NOTIFY_URL = "http://shop.test/hooks/alipay"
RETURN_URL = "http://shop.test/return/alipay/P1"
PUSH_URL = "http://shop.test/hooks/wechat"
PAGE_PAY = "alipay.trade.page.pay"
WAP_PAY = "alipay.trade.wap.pay"
ANN = "csqann8421@sandbox.com"
BOB = "bobwei5073@sandbox.com"
JSON = {"accept": "application/json"}


@dataclass
class Time:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Shop:
    """What the sandbox sends its notifies and pushes to: records them, and answers as it is told to."""

    answers: list[tuple[int, str]] = field(default_factory=list)  # Used up one by one; then "success".
    heard: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    content_types: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.heard.append(dict(parse_qsl(body.decode(), strict_parsing=False)))
        self.queries.append(dict(request.query_params))
        self.content_types.append(request.headers["content-type"])
        await self._answer()(scope, receive, send)

    def _answer(self) -> Response:
        status, text = self.answers.pop(0) if self.answers else (200, "success")
        return PlainTextResponse(text, status)


def canonical(params: Mapping[str, str], *without: str) -> str:
    """Written here once more, from the document: what both sides must agree on."""
    kept = {name: value for name, value in params.items() if value != "" and name not in without}
    return "&".join(name + "=" + kept[name] for name in sorted(kept))


def signature_of(key: RSAPrivateKey, text: str) -> str:
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), hashes.SHA256())).decode()


def require_signature(key: RSAPublicKey, text: str, signature: str) -> None:
    """Raises InvalidSignature."""
    key.verify(base64.b64decode(signature), text.encode(), PKCS1v15(), hashes.SHA256())


@dataclass
class Merchant:
    http: httpx.AsyncClient
    service: Service
    time: Time
    shop: Shop
    key: RSAPrivateKey
    alipay_key: RSAPublicKey

    def params(self, method: str, content: object, **changes: str) -> dict[str, str]:
        params = {
            "app_id": APP_ID,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing_text(self.time()),
            "version": "1.0",
            "biz_content": content if isinstance(content, str) else json.dumps(content, ensure_ascii=False),
        } | changes
        return params | {"sign": signature_of(self.key, canonical(params, "sign"))}

    async def send(self, params: Mapping[str, str]) -> httpx.Response:
        """As the official SDKs do: everything in the query but the content."""
        query = {name: value for name, value in params.items() if name != "biz_content"}
        form = {"biz_content": params["biz_content"]} if "biz_content" in params else {}
        return await self.http.post("/alipay/gateway.do", params=query, data=form)

    async def call(self, method: str, content: object, **changes: str) -> dict[str, Any]:
        """The verified answer of a method that merchants call."""
        answer = await self.send(self.params(method, content, **changes))
        node, signature = split_answer(answer.text, method)
        require_signature(self.alipay_key, node, signature)
        found: dict[str, Any] = json.loads(node)
        return found

    async def query(self, out_trade_no: str = "T1") -> dict[str, Any]:
        return await self.call("alipay.trade.query", {"out_trade_no": out_trade_no})

    async def close(self, out_trade_no: str = "T1") -> dict[str, Any]:
        return await self.call("alipay.trade.close", {"out_trade_no": out_trade_no})

    async def refund(self, amount: str, number: str | None = "R1", **more: str) -> dict[str, Any]:
        content = {"out_trade_no": "T1", "refund_amount": amount, **more}
        return await self.call(
            "alipay.trade.refund", content | ({"out_request_no": number} if number else {})
        )

    async def open(
        self, method: str = PAGE_PAY, *, links: Mapping[str, str] | None = None, **changes: Any
    ) -> str:
        """The path of a cashier."""
        answer = await self.send(self.params(method, pay_content(method, **changes), **(links or LINKS)))
        assert answer.status_code == 302, answer.text
        return answer.headers["location"].removeprefix(PUBLIC_URL)

    async def sign_in(self, cashier: str, buyer: str = ANN) -> httpx.Response:
        return await self.http.post(f"{cashier}/sign-in", data={"buyer": buyer}, headers=JSON)

    async def pay(self, cashier: str, password: str = "111111") -> httpx.Response:
        return await self.http.post(f"{cashier}/pay", data={"password": password}, headers=JSON)

    async def buy(self, method: str = PAGE_PAY, **changes: Any) -> str:
        """Open, sign in and pay; the path of the cashier."""
        cashier = await self.open(method, **changes)
        assert (await self.sign_in(cashier)).status_code == 200
        assert (await self.pay(cashier)).json()["status"] == "paid"
        return cashier

    async def suffer(self, what: str, **more: object) -> str:
        """Order a trouble, as door/kind: its id."""
        door, kind = what.split("/")
        made = await self.http.post("/admin/troubles", json={"door": door, "kind": kind, **more})
        assert made.status_code == 201, made.text
        trouble_id: str = made.json()["id"]
        return trouble_id

    async def troubles(self) -> list[tuple[str, int | None, int]]:
        """Each kind, how many times it has left, and how often it was met."""
        items = (await self.http.get("/admin/troubles")).json()["items"]
        return [(item["kind"], item["times_left"], item["times_met"]) for item in items]

    async def deliveries(self) -> list[tuple[int, int | None, str]]:
        items = (await self.http.get("/admin/deliveries")).json()["items"]
        return [(item["attempt"], item["status"], item["answer"]) for item in reversed(items)]


LINKS = {"notify_url": NOTIFY_URL, "return_url": RETURN_URL}


def pay_content(method: str = PAGE_PAY, **changes: Any) -> dict[str, Any]:
    product_code = "FAST_INSTANT_TRADE_PAY" if method == PAGE_PAY else "QUICK_WAP_WAY"
    content = {
        "out_trade_no": "T1",
        "total_amount": "88.00",
        "subject": '拼团 商品 "A"&B',
        "product_code": product_code,
        "time_expire": beijing_text(NOW + timedelta(minutes=15)),
    }
    return content | changes


def split_answer(text: str, method: str) -> tuple[str, str]:
    """The node exactly as it stands in the body, and the signature behind it."""
    head = f'{{"{method.replace(".", "_")}_response":'
    assert text.startswith(head), text
    node, signature = text.removeprefix(head).rsplit(',"sign":"', 1)
    return node, signature.removesuffix('"}')


def unseal(sealed: str, *, aes_key: str, app_id: str) -> str:
    """Open what WeChat pushed, as the account does: by WeChat's document on 消息加解密."""
    key = base64.b64decode(aes_key + "=")
    decryptor = Cipher(AES(key), CBC(key[:16])).decryptor()
    padded = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
    assert len(padded) % 32 == 0
    plain = padded[: -padded[-1]]
    end = 20 + int.from_bytes(plain[16:20], "big")
    assert plain[end:] == app_id.encode()
    return plain[20:end].decode()


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def controls(html: str) -> Iterator[str]:
    for part in html.split('data-test="')[1:]:
        yield part.split('"')[0]
