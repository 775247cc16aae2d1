"""The mall's neighbours, small and true to protocol: an Alipay and a WeChat without sockets."""

import asyncio
import base64
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml import ElementTree
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tuan.kernel.clock import Clock, beijing_text
from tuan.kernel.rsa import new_private_key, private_pem, public_pem, sign, verifies
from tuan.mall.gateways.alipay_settings import AlipaySettings
from tuan.mall.wechat_push import signature_of

APP_ID, SELLER_ID = "9021000136624944", "2088721012345678"
WECHAT_APP_ID, WECHAT_TOKEN, AES_KEY = "wxba5fad812f8e6fb9", "AAAAA", "A" * 43
APP_KEY, ALIPAY_KEY = new_private_key(), new_private_key()
ALIPAY = AlipaySettings(
    gateway_url="http://alipay.test/gateway.do",
    app_id=APP_ID,
    seller_id=SELLER_ID,
    private_key=SecretStr(private_pem(APP_KEY)),
    public_key=public_pem(ALIPAY_KEY.public_key()),
)


class ByHost(httpx.AsyncBaseTransport):
    """Each host is an app. One can be away, never answer, or do what it is asked and lose the answer."""

    def __init__(self, apps: Mapping[str, Any]) -> None:
        self._apps = {host: httpx.ASGITransport(app) for host, app in apps.items()}
        self.away: set[str] = set()
        self.silent: set[str] = set()
        self.answers_lost: dict[str, int] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host in self.away:
            raise httpx.ConnectError("away", request=request)
        if host in self.silent:
            await asyncio.Event().wait()
        response = await self._apps[host].handle_async_request(request)
        if self.answers_lost.get(host, 0):
            self.answers_lost[host] -= 1
            raise httpx.ReadTimeout("lost", request=request)
        return response


@dataclass
class AlipayStandIn:
    """gateway.do: checks our signature, signs its answers, remembers trades."""

    clock: Clock
    key: RSAPrivateKey = field(default=ALIPAY_KEY, repr=False)
    trades: dict[str, dict[str, str]] = field(default_factory=dict)
    refunds: dict[str, str] = field(default_factory=dict)  # out_request_no → amount
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    fund_change: str = "Y"
    refund_refused: str | None = None  # With this sub_code.
    paid_at_the_last_moment: bool = False  # Between our question and our closing.
    signs: bool = True
    bills: dict[str, bytes] = field(default_factory=dict)  # By day; of no other is there a bill yet.

    @property
    def app(self) -> Starlette:
        gateway = Route("/gateway.do", self.serve, methods=["GET", "POST"])
        return Starlette(routes=[gateway, Route("/bills/{day}.zip", self.bill)])

    async def bill(self, request: Request) -> Response:
        return Response(self.bills[request.path_params["day"]], media_type="application/zip")

    async def serve(self, request: Request) -> Response:
        params = dict(request.query_params) | dict(parse_qsl((await request.body()).decode()))
        text = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "sign")
        assert verifies(APP_KEY.public_key(), text, params["sign"])
        content = json.loads(params["biz_content"])
        self.asked.append((params["method"], content))
        answer = json.dumps(self._answer(params["method"], content), ensure_ascii=False)
        node = f'"{params["method"].replace(".", "_")}_response":{answer}'
        tail = f',"sign":"{sign(self.key, answer)}"' if self.signs else ""
        return Response("{" + node + tail + "}", media_type="text/html;charset=utf-8")

    def pay(self, number: str, amount: str, *, trade_status: str = "TRADE_SUCCESS") -> dict[str, str]:
        self.trades[number] = {
            "out_trade_no": number,
            "trade_no": f"20261123220014{number[-14:]}",
            "trade_status": trade_status,
            "total_amount": amount,
            "send_pay_date": beijing_text(self.clock()),
        }
        return self.trades[number]

    def notify(self, number: str, amount: str, **changes: str) -> dict[str, str]:
        """The fields of a notify for a payment just made, signed after the changes."""
        fields = {
            "notify_id": "2026112300222091314000001", "notify_type": "trade_status_sync",
            "notify_time": beijing_text(self.clock()), "charset": "utf-8", "version": "1.0",
            "app_id": APP_ID, "auth_app_id": APP_ID, "seller_id": SELLER_ID, "sign_type": "RSA2",
            "out_trade_no": number, "trade_no": f"2026112322001{number[-15:]}",
            "trade_status": "TRADE_SUCCESS",
            "total_amount": amount, "gmt_payment": beijing_text(self.clock()), "subject": "武夷岩茶 + A&B=C",
            "fund_bill_list": '[{"amount":"0.10","fundChannel":"ALIPAYACCOUNT"}]',
        } | changes  # fmt: skip
        return self.signed(fields)

    def signed(self, fields: dict[str, str]) -> dict[str, str]:
        names = sorted(name for name in fields if name not in {"sign", "sign_type"})
        return fields | {"sign": sign(self.key, "&".join(f"{name}={fields[name]}" for name in names))}

    def _answer(self, method: str, content: dict[str, str]) -> dict[str, str]:
        if "bill_date" in content:
            return self._bill_link(content["bill_date"])
        trade = self.trades.get(content["out_trade_no"])
        if trade is None:
            return {"code": "40004", "msg": "Business Failed", "sub_code": "ACQ.TRADE_NOT_EXIST"}
        if method == "alipay.trade.close":
            if self.paid_at_the_last_moment:
                trade["trade_status"] = "TRADE_SUCCESS"
            if trade["trade_status"] != "WAIT_BUYER_PAY":
                return {"code": "40004", "msg": "Business Failed", "sub_code": "ACQ.TRADE_STATUS_ERROR"}
            trade["trade_status"] = "TRADE_CLOSED"
        done = {"code": "10000", "msg": "Success"} | trade
        if method == "alipay.trade.refund" and self.refund_refused:
            return {"code": "40004", "msg": "Business Failed", "sub_code": self.refund_refused}
        if method == "alipay.trade.refund":
            self.refunds[content["out_request_no"]] = content["refund_amount"]
            return done | {"fund_change": self.fund_change, "refund_fee": content["refund_amount"]}
        if method == "alipay.trade.fastpay.refund.query":
            asked = content["out_request_no"]
            if asked not in self.refunds or self.fund_change == "pending":
                return done
            return done | {
                "out_request_no": asked,
                "refund_status": "REFUND_SUCCESS",
                "refund_amount": self.refunds[asked],
            }
        return done

    def _bill_link(self, day: str) -> dict[str, str]:
        if day not in self.bills:
            return {"code": "40004", "msg": "Business Failed", "sub_code": "BILL_NOT_EXIST"}
        return {"code": "10000", "msg": "Success", "bill_download_url": f"http://alipay.test/bills/{day}.zip"}


@dataclass
class WeChatStandIn:
    clock: Clock
    scenes: list[str] = field(default_factory=list)
    tokens_made: int = 0
    token_refused_once: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)  # Each time one was asked for.
    errcodes: list[int] = field(default_factory=list)  # What it says to messages, in turn; then 0.

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/cgi-bin/stable_token", self.token, methods=["POST"]),
                Route("/cgi-bin/qrcode/create", self.create, methods=["POST"]),
                Route("/cgi-bin/message/template/send", self.send, methods=["POST"]),
            ]
        )

    async def token(self, request: Request) -> Response:
        assert (await request.json())["secret"] == "wechat-secret"
        self.tokens_made += 1
        return JSONResponse({"access_token": f"token-{self.tokens_made}", "expires_in": 7200})

    async def create(self, request: Request) -> Response:
        if self.token_refused_once:
            self.token_refused_once = False
            return JSONResponse({"errcode": 40001, "errmsg": "invalid credential"})
        assert request.query_params["access_token"] in {f"token-{n + 1}" for n in range(self.tokens_made)}
        body = await request.json()
        assert body["action_name"] == "QR_STR_SCENE"
        self.scenes.append(body["action_info"]["scene"]["scene_str"])
        url = f"http://weixin.qq.com/q/{len(self.scenes)}"
        return JSONResponse(
            {"ticket": f"ticket-{len(self.scenes)}", "expire_seconds": body["expire_seconds"], "url": url}
        )

    async def send(self, request: Request) -> Response:
        assert request.query_params["access_token"] == f"token-{self.tokens_made}"
        self.messages.append(await request.json())
        errcode = self.errcodes.pop(0) if self.errcodes else 0
        return JSONResponse({"errcode": errcode, "errmsg": "said so", "msgid": 200228332})

    def push(self, xml: str, *, app_id: str = WECHAT_APP_ID, at: datetime | None = None) -> tuple[str, str]:
        """The query and body of a push in safe mode."""
        key = base64.b64decode(AES_KEY + "=")
        plain = os.urandom(16) + len(xml.encode()).to_bytes(4, "big") + xml.encode() + app_id.encode()
        padding = 32 - len(plain) % 32
        encryptor = Cipher(algorithms.AES256(key), modes.CBC(key[:16])).encryptor()
        encrypted = base64.b64encode(encryptor.update(plain + bytes([padding]) * padding)).decode()

        words = {"timestamp": str(int((at or self.clock()).timestamp())), "nonce": "415670741"}
        signature = signature_of(WECHAT_TOKEN, *words.values(), encrypted)
        query = urlencode({**words, "encrypt_type": "aes", "msg_signature": signature})
        return query, f"<xml><ToUserName>gh_1</ToUserName><Encrypt>{encrypted}</Encrypt></xml>"

    def read_reply(self, answer: str) -> str:
        """What a follower reads: opened as WeChat opens what an account answers a push with."""
        outside = ElementTree.fromstring(answer)
        time, nonce, sealed = (outside.findtext(name) or "" for name in ("TimeStamp", "Nonce", "Encrypt"))
        assert outside.findtext("MsgSignature") == signature_of(WECHAT_TOKEN, time, nonce, sealed)
        key = base64.b64decode(AES_KEY + "=")
        decryptor = Cipher(algorithms.AES256(key), modes.CBC(key[:16])).decryptor()
        padded = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
        plain = padded[: -padded[-1]]
        end = 20 + int.from_bytes(plain[16:20], "big")
        assert plain[end:] == WECHAT_APP_ID.encode()
        inside = ElementTree.fromstring(plain[20:end])
        assert (inside.findtext("MsgType"), inside.findtext("FromUserName")) == ("text", "gh_1")
        return inside.findtext("Content") or ""

    def scan(self, openid: str, scene: str, *, event: str = "SCAN", created: int = 1) -> tuple[str, str]:
        return self.push(
            f"<xml><ToUserName>gh_1</ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>"
            f"<CreateTime>{created}</CreateTime><MsgType>event</MsgType><Event>{event}</Event>"
            f"<EventKey><![CDATA[{scene}]]></EventKey><Ticket>t</Ticket></xml>"
        )


def link_in(words: str) -> str:
    """Where a text in WeChat leads."""
    [link] = re.findall(r'<a href="([^"]+)">', words)
    return str(link)
