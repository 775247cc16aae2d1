"""The whole story, told from a terminal: buyers scan, confirm, join a team, pay, and see how it ends."""

import asyncio
import itertools
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx
from rich.box import SIMPLE
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tuan.kernel.ids import new_code, new_id
from tuan.kernel.money import yuan_text

NAMES = ("安安", "小博", "彩彩", "丁丁", "恩恩")
PAY_PASSWORD = "111111"  # noqa: S105 - What the sandbox's cashier takes from anybody.
PATIENCE_SECONDS = 60.0
OFFERED_WITHIN_SECONDS = 15.0
CONFIRM_LINK = re.compile(r'<a href="([^"]+)" data-test="reply-link"')


class StoryBroken(Exception):
    """Something did not happen as told."""


@dataclass
class Buyer:
    """One person, with a browser of their own."""

    name: str
    browser: httpx.AsyncClient
    gateway: str
    doing: str = "…"
    number: str = ""
    pay_url: str = ""
    paid_fen: int = 0
    order: dict[str, Any] = field(default_factory=dict)  # As it was last seen.


@dataclass(frozen=True)
class Browsers:
    url: str
    transport: httpx.AsyncBaseTransport | None

    def open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=10, transport=self.transport)


@dataclass(frozen=True)
class Plot:
    """How it ends once all have paid, how many seats stay empty for that, and which moments are shown."""

    seats_empty: int
    moments: dict[str, str]
    end: Callable[[Browsers, Sequence[Buyer]], Awaitable[None]]


async def all_delivered(_: Browsers, buyers: Sequence[Buyer]) -> None:
    await asyncio.gather(*(await_status(buyer, "fulfilled") for buyer in buyers))


TEAM_FORMS = Plot(0, {"paid": "paid_at", "formed": "ready_at", "delivered": "fulfilled_at"}, all_delivered)


async def tell(
    url: str,
    product_id: str,
    console: Console,
    *,
    plot: Plot = TEAM_FORMS,
    transport: httpx.AsyncBaseTransport | None = None,
) -> int:
    """Returns 0 if everything happened, 1 if something did not; says what."""
    began = time.perf_counter()
    try:
        await _play(Browsers(url, transport), product_id, console, plot)
    except StoryBroken as broken:
        console.print(f"[red]The story broke off:[/] {broken}")
        return 1
    except (httpx.HTTPError, TimeoutError) as trouble:
        console.print(f"[red]The story broke off:[/] {trouble!r}")
        return 1
    console.print(f"[green]All of it happened[/], in {time.perf_counter() - began:.1f} s.")
    return 0


async def _play(browsers: Browsers, product_id: str, console: Console, plot: Plot) -> None:
    product = await _offer(browsers, product_id)
    group = product["group"]
    console.print(f"{product['title']}: ¥{yuan_text(product['list_fen'])} alone,", end=" ")
    console.print(f"¥{yuan_text(group['payable_fen'])} in a team of {group['seats_target']}.")
    async with AsyncExitStack() as stack:
        gateways = await _gateways(browsers)
        buyers = [
            Buyer(name, await stack.enter_async_context(browsers.open()), next(gateways))
            for name in NAMES[: group["seats_target"] - plot.seats_empty]
        ]
        stack.enter_context(
            Live(
                console=console,
                refresh_per_second=8,
                get_renderable=lambda: _table(buyers, plot.moments),
            )
        )
        await asyncio.gather(*(sign_in(buyer) for buyer in buyers))
        team_id = None
        for buyer in buyers:
            team_id = await place_order(buyer, product, team_id)
        await asyncio.gather(*(pay(buyer) for buyer in buyers))
        await plot.end(browsers, buyers)


async def _offer(browsers: Browsers, product_id: str) -> dict[str, Any]:
    """A market that is slow to answer is no offer, to the mall; so look again, as people do."""
    async with browsers.open() as visitor, asyncio.timeout(OFFERED_WITHIN_SECONDS):
        while True:
            product = await get(visitor, f"/api/mall/v1/products/{product_id}")
            if product["group"] is not None:
                return product
            await asyncio.sleep(0.5)


async def _gateways(browsers: Browsers) -> Iterator[str]:
    """All that are offered, in turn."""
    async with browsers.open() as visitor:
        settings = await get(visitor, "/api/mall/v1/settings")
    return itertools.cycle(one["name"] for one in settings["gateways"])


async def sign_in(buyer: Buyer) -> None:
    buyer.doing = "scans the QR code"
    ticket = await post(buyer.browser, "/api/mall/v1/login/tickets")
    if not ticket["scan_url"]:
        raise StoryBroken("this server is not in demo mode: nobody can scan its QR code from here")
    nickname = f"{buyer.name}{new_code(3)}"
    phone = await _page(buyer.browser, "POST", ticket["scan_url"], {"nickname": nickname})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (link := CONFIRM_LINK.search(phone.text)):  # It comes when WeChat has told.
            await asyncio.sleep(0.2)
            phone = await _page(buyer.browser, "GET", str(phone.url))
    buyer.doing = "confirms on the phone"
    await _page(buyer.browser, "POST", link[1])
    await post(buyer.browser, "/api/mall/v1/sessions", {"ticket_id": ticket["id"]})
    buyer.doing = "signed in"


async def place_order(buyer: Buyer, product: dict[str, Any], team_id: str | None) -> str:
    buyer.doing = "joins the team" if team_id else "opens a team"
    order = await post(
        buyer.browser,
        "/api/mall/v1/orders",
        {
            "product_id": product["id"],
            "kind": "group",
            "campaign_id": product["group"]["campaign_id"],
            "team_id": team_id,
            "gateway": buyer.gateway,
        },
        headers={"idempotency-key": new_id()},
    )
    if order["payable_fen"] != product["group"]["payable_fen"]:
        raise StoryBroken(f"{buyer.name} was promised another price: {order}")
    buyer.number, buyer.pay_url = order["number"], order["pay_url"]
    buyer.paid_fen = order["payable_fen"]
    return str(order["team_id"])


async def pay(buyer: Buyer) -> None:
    """By whatever our page leads to: a form to a cashier, or a code to scan."""
    page = await _page(buyer.browser, "GET", buyer.pay_url)
    if code := re.search(r'<a [^>]*href="([^"]+)"[^>]*data-test="demo-pay"', page.text):
        await _scan(buyer, unescape(code[1]))
    else:
        await _go_to_the_cashier(buyer, page)
    buyer.doing = "has paid"


async def _scan(buyer: Buyer, code_url: str) -> None:
    buyer.doing = "scans the code and pays"
    pay = _form(await _page(buyer.browser, "GET", code_url), "/pay")
    await _page(buyer.browser, "POST", pay.action, pay.fields | pay.first_choice | {"password": PAY_PASSWORD})


async def _go_to_the_cashier(buyer: Buyer, handover: httpx.Response) -> None:
    buyer.doing = "goes to the cashier"
    form = _form(handover, "gateway.do")
    cashier = await _page(buyer.browser, form.method, form.action, form.fields)
    door = _form(cashier, "sign-in")
    buyer.doing = "signs in at the cashier"
    ready = await _page(buyer.browser, "POST", door.action, door.fields | door.first_choice)
    pay = _form(ready, "/pay")
    buyer.doing = "pays"
    await _page(buyer.browser, "POST", pay.action, pay.fields | {"password": PAY_PASSWORD})


async def await_status(buyer: Buyer, wanted: str) -> None:
    """Raises StoryBroken when the order ends in any other."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            order = await get(buyer.browser, f"/api/mall/v1/orders/{buyer.number}")
            buyer.doing = order["status"]
            buyer.order = order
            if order["status"] == wanted:
                return
            if order["status"] in ("fulfilled", "closed", "refunded"):
                raise StoryBroken(f"{buyer.name}'s order ended as {order['status']}")
            await asyncio.sleep(0.2)


def _table(buyers: list[Buyer], moments: Mapping[str, str]) -> Table:
    table = Table("buyer", "order", "¥", "by", "now", *moments, box=SIMPLE, padding=(0, 1, 0, 0))
    for buyer in buyers:
        table.add_row(
            buyer.name,
            buyer.number,
            yuan_text(buyer.paid_fen) if buyer.paid_fen else "",
            buyer.gateway,
            buyer.doing,
            *((buyer.order.get(name) or "")[11:19] for name in moments.values()),
        )
    return table


async def get(browser: httpx.AsyncClient, path: str) -> dict[str, Any]:
    return _answer(await browser.get(path))


async def post(
    browser: httpx.AsyncClient, path: str, body: object = None, *, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    return _answer(await browser.post(path, json=body, headers=headers))


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise StoryBroken(f"{response.request.method} {response.request.url.path}: {response.text}")
    answer: dict[str, Any] = response.json()
    return answer


async def _page(
    browser: httpx.AsyncClient, method: str, url: str, data: dict[str, str] | None = None
) -> httpx.Response:
    response = await browser.request(method, url, data=data, follow_redirects=True)
    if response.is_error:
        raise StoryBroken(f"{method} {response.request.url.path}: {response.status_code}")
    return response


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    first_choice: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Forms of a page with their hidden fields, and the first of any buttons or options to choose from."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self._base, given.get("action", ""))
            self.forms.append(Form(action, given.get("method", "get").upper()))
        elif self.forms and given.get("name") and tag in ("input", "button"):
            form, name, value = self.forms[-1], given["name"], given.get("value", "")
            if given.get("type") == "hidden":
                form.fields[name] = value
            elif value:
                form.first_choice.setdefault(name, value)


def _form(page: httpx.Response, action: str) -> Form:
    reader = _Forms(str(page.url))
    reader.feed(page.text)
    for form in reader.forms:
        if action in form.action:
            return form
    text = re.sub(r"<[^>]+>|\s+", " ", page.text)
    raise StoryBroken(f"{page.url.path} has no form for {action}: {text[:300]}")
