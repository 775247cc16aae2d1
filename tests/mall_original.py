"""A front end written for the original, and the mall it speaks to; on the original's paths, and no others."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from mall_builders import NOW, SHOP, TEA, WEBHOOK_SECRET, World

from tuan.kernel import webhook

LOGIN = "/api/v1/login"
PORTAL = "/api/v1/weixin/portal/receive"
ALIPAY = "/api/v1/alipay"
ALONE = {"activityId": None, "marketType": 0}
JOINED = {"productId": TEA, "activityId": "summer", "marketType": 1}


@dataclass
class Page:
    """One browser with a page of the original. `token` is what it keeps in its cookie `loginToken`."""

    http: httpx.AsyncClient
    token: str = ""

    async def get(self, path: str, **asked: str) -> dict[str, Any]:
        return _told(await self.http.get(path, params=asked))

    async def post(self, path: str, body: object) -> dict[str, Any]:
        return _told(await self.http.post(f"{ALIPAY}/{path}", json=body))

    async def ticket(self) -> str:
        answer = await self.get(f"{LOGIN}/weixin_qrcode_ticket")
        assert answer["code"] == "0000", answer
        return str(answer["data"])

    async def check(self, ticket: str) -> dict[str, Any]:
        return await self.get(f"{LOGIN}/check_login", ticket=ticket)

    async def order(self, **changes: object) -> dict[str, Any]:
        return await self.post("create_pay_order", {"userId": self.token} | JOINED | changes)

    async def ordered(self, **changes: object) -> "Form":
        answer = await self.order(**changes)
        assert answer["code"] == "0000", answer
        return form_of(answer["data"])

    async def orders(self, **changes: object) -> dict[str, Any]:
        answer = await self.post("query_user_order_list", {"userId": self.token} | changes)
        assert answer["code"] == "0000", answer
        data: dict[str, Any] = answer["data"]
        return data

    async def states(self) -> list[str]:
        return [order["status"] for order in (await self.orders(pageSize=50))["orderList"]]

    async def refund(self, number: str, **changes: object) -> dict[str, Any]:
        return await self.post("refund_order", {"userId": self.token, "orderId": number} | changes)

    async def ask(self, number: str) -> dict[str, Any]:
        return _told(await self.http.post(f"{ALIPAY}/active_pay_notify", params={"outTradeNo": number}))


class OldPage(Page):
    """Such a page in a small world."""

    def __init__(self, world: World, http: httpx.AsyncClient, *, token: str = "") -> None:
        super().__init__(http, token)
        self.world = world

    async def sign_in(self, openid: str) -> None:
        ticket = await self.ticket()
        await scan(self.world, self.http, openid)
        self.token = str((await self.check(ticket))["data"])
        assert self.token != openid


@dataclass
class Form:
    """What the page is given to write into itself."""

    name: str
    action: str
    fields: dict[str, str]

    @property
    def method(self) -> str:
        return parse_qs(urlsplit(self.action).query)["method"][0]

    @property
    def content(self) -> dict[str, str]:
        read: dict[str, str] = json.loads(self.fields["biz_content"])
        return read

    @property
    def number(self) -> str:
        return self.content["out_trade_no"]


def old_page(world: World, **headers: str) -> httpx.AsyncClient:
    """What breaks is answered, too; a test that expects otherwise sees it in the code."""
    transport = httpx.ASGITransport(world.service.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=SHOP, headers=headers)


async def scan(world: World, http: httpx.AsyncClient, openid: str, *, event: str = "SCAN") -> httpx.Response:
    """The newest code; each scan is another event."""
    query, body = world.wechat.scan(
        openid, world.wechat.scenes[-1], event=event, created=len(world.wechat.scenes)
    )
    return await http.post(f"{PORTAL}?{query}", content=body)


async def notify(world: World, http: httpx.AsyncClient, form: Form, **changes: str) -> str:
    """The buyer has paid, and Alipay tells."""
    amount = form.content["total_amount"]
    trade = world.alipay.pay(form.number, amount)
    fields = world.alipay.notify(form.number, amount, trade_no=trade["trade_no"]) | changes
    answer = await http.post(f"{ALIPAY}/alipay_notify_url", data=fields)
    assert answer.status_code == 200
    return answer.text


async def tell_formed(
    http: httpx.AsyncClient, team: str, numbers: Sequence[str], *, id: str = "wh-1", **signing: Any
) -> str:
    """As our market tells it to an endpoint in the original's format."""
    body = json.dumps({"teamId": team, "outTradeNoList": list(numbers)})
    secret, at = signing.get("secret", WEBHOOK_SECRET), signing.get("at", NOW)
    headers = webhook.signed_headers(secret, id=id, at=at, body=body)
    answer = await http.post(f"{ALIPAY}/group_buy_notify", content=signing.get("body", body), headers=headers)
    assert answer.status_code == 200
    return answer.text


def form_of(html: str) -> Form:
    reader = _FormReader()
    reader.feed(html)
    assert reader.forms == 1
    return Form(reader.name, reader.action, reader.fields)


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms, self.name, self.action = 0, "", ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms += 1
            self.name, self.action = given["name"], given["action"]
        if tag == "input" and given["type"] == "hidden":
            self.fields[given["name"]] = given["value"]


def _told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    assert set(told) == {"code", "info", "data"}
    return told
