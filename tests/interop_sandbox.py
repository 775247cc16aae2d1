"""Our sandbox on a real socket, as `tuan sandbox` serves it; and an ear for all that it tells a merchant."""

import queue
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from canary import know
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import astuple
from served import await_ready, started

from tuan.kernel.rsa import load_private_key, public_pem
from tuan.keyring import Keyring, make

APP_ID, SELLER_ID = "9021000136624944", "2088721021621654"
WECHAT = {
    "app_id": "wxba5fad812f8e6fb9",
    "token": "AAAAA",
    "aes_key": "A" * 43,
    "secret": "of-the-test-account",
}
WECHATPAY = {
    "app_id": WECHAT["app_id"],
    "mch_id": "1900009191",
    "serial_no": "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C",
    "public_key_id": "PUB_KEY_ID_0000000000000024101100397200000006",
}
HEARD_WITHIN_SECONDS = 60


@dataclass(frozen=True)
class Told:
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def fields(self) -> dict[str, str]:
        return dict(parse_qsl(self.body, keep_blank_values=True))


@dataclass
class Ear:
    """Hears what is posted to a merchant, and always answers `success`."""

    address: str
    heard: "queue.Queue[Told]" = field(default_factory=queue.Queue)

    def at(self, path: str) -> str:
        return f"{self.address}{path}"

    def next(self) -> Told:
        return self.heard.get(timeout=HEARD_WITHIN_SECONDS)


@dataclass(frozen=True)
class Sandbox:
    address: str
    ear: Ear
    keys: Keyring

    @property
    def app_key(self) -> RSAPrivateKey:
        return load_private_key(self.keys.alipay_app_private_key)

    @property
    def alipay_key(self) -> RSAPrivateKey:
        return load_private_key(self.keys.alipay_gateway_private_key)

    @property
    def gateway(self) -> str:
        return f"{self.address}/alipay/gateway.do"

    @property
    def merchant(self) -> dict[str, str]:
        """Who a library is when it speaks to Alipay."""
        return self.account(signs=self.app_key, trusts=self.alipay_key)

    @property
    def alipay(self) -> dict[str, str]:
        """Who a library is when it stands in Alipay's place."""
        return self.account(signs=self.alipay_key, trusts=self.app_key)

    def at_wechatpay(self, *, by_public_key: bool) -> dict[str, str]:
        """Who a library is when it speaks to WeChat Pay, and what it knows it by."""
        account = WECHATPAY | {
            "url": f"{self.address}/wechatpay",
            "notify_url": self.ear.at("/wechatpay"),
            "private_key": self.keys.wechatpay_merchant_private_key,
            "api_v3_key": self.keys.wechatpay_api_v3_key,
        }
        bare = load_private_key(self.keys.wechatpay_public_key_private_key).public_key()
        return account | ({"public_key": public_pem(bare)} if by_public_key else {})

    def account(self, *, signs: RSAPrivateKey, trusts: RSAPrivateKey) -> dict[str, str]:
        return {
            "app_id": APP_ID,
            "gateway": self.gateway,
            "private_key": pkcs1_pem(signs),
            "public_key": public_pem(trusts.public_key()),
        }

    def enter(self, page: dict[str, Any]) -> str:
        """The address of the cashier to which a browser comes by this page, with a buyer signed in."""
        answer = httpx.post(page["action"], data=page["fields"])
        assert answer.is_redirect, answer.text
        cashier = answer.headers["location"]
        [buyer, *_] = re.findall(r'name="buyer" value="([^"]+)"', httpx.get(cashier).text)
        httpx.post(f"{cashier}/sign-in", data={"buyer": buyer})
        return str(cashier)

    def pay(self, cashier: str) -> str:
        """The page to which a browser is sent back once it has paid."""
        paid = httpx.post(f"{cashier}/pay", data={"password": "111111"}, follow_redirects=True)
        [back] = set(re.findall(r'https?://[^"\s<>]*sign=[^"\s<>]*', paid.text))
        return str(back).replace("&amp;", "&")


@contextmanager
def a_sandbox(database: str) -> Iterator[Sandbox]:
    with ExitStack() as stack:
        ear = stack.enter_context(_an_ear())
        port, keyring = _free_port(), make()
        know(astuple(keyring))
        sandbox = Sandbox(f"http://127.0.0.1:{port}", ear, keyring)
        settings = _settings(sandbox, database)
        api = stack.enter_context(started("sandbox", "api", "--port", str(port), settings=settings))
        await_ready(sandbox.address, api)
        stack.enter_context(started("sandbox", "worker", settings=settings))
        yield sandbox


def pkcs1_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def _settings(sandbox: Sandbox, database: str) -> dict[str, str]:
    keys = sandbox.keys
    settings = {
        "database_url": database,
        "public_url": sandbox.address,
        "alipay_app_id": APP_ID,
        "alipay_app_public_key": keys.alipay_app_public_key,
        "alipay_private_key": keys.alipay_gateway_private_key,
        "alipay_seller_id": SELLER_ID,
        "wechat_app_id": WECHAT["app_id"],
        "wechat_app_secret": WECHAT["secret"],
        "wechat_token": WECHAT["token"],
        "wechat_aes_key": WECHAT["aes_key"],
        "wechat_push_url": sandbox.ear.at("/push"),
        "wechatpay_app_id": WECHATPAY["app_id"],
        "wechatpay_mch_id": WECHATPAY["mch_id"],
        "wechatpay_serial_no": WECHATPAY["serial_no"],
        "wechatpay_merchant_public_key": keys.wechatpay_merchant_public_key,
        "wechatpay_api_v3_key": keys.wechatpay_api_v3_key,
        "wechatpay_certificate": keys.wechatpay_certificate,
        "wechatpay_private_key": keys.wechatpay_private_key,
        "wechatpay_public_key_id": WECHATPAY["public_key_id"],
        "wechatpay_public_key_private_key": keys.wechatpay_public_key_private_key,
    }
    return {f"TUAN_SANDBOX_{name.upper()}": value for name, value in settings.items()}


@contextmanager
def _an_ear() -> Iterator[Ear]:
    heard: queue.Queue[Told] = queue.Queue()

    class Listens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            path, _, query = self.path.partition("?")
            heard.put(Told(path, dict(parse_qsl(query)), dict(self.headers), body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"success")

        def log_message(self, format: str, *args: object) -> None:
            """Into no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Listens) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Ear(f"http://127.0.0.1:{server.server_port}", heard)
        server.shutdown()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
