"""People who buy together: each has a browser and a phone, and does what people do, in any order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx
from story_world import World

from tuan.kernel.ids import new_id
from tuan.story import CONFIRM_LINK

API = "/api/mall/v1"
JSON = {"accept": "application/json"}
PASSWORD = "111111"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"


@dataclass
class Tab:
    """A cashier that somebody has opened."""

    number: str  # Of the order.
    path: str


@dataclass
class Person:
    name: str
    world: World
    browser: httpx.AsyncClient
    orders: list[str] = field(default_factory=list)
    conversation: str = ""  # Where their phone shows what the account answered.

    async def scan(self) -> str:
        """Ask for a code, and scan it with a new phone: the ticket."""
        ticket = (await self.browser.post(f"{API}/login/tickets")).json()
        phone = await self.browser.post(ticket["scan_url"], data={"nickname": self.name}, headers=JSON)
        assert phone.status_code == 200, phone.text
        self.conversation = f"{ticket['scan_url']}?push={phone.json()['id']}"
        ticket_id: str = ticket["id"]
        return ticket_id

    async def confirm(self) -> bool:
        """On the phone, if it was asked to."""
        if not (link := CONFIRM_LINK.search((await self.browser.get(self.conversation)).text)):
            return False
        return (await self.browser.post(link[1])).status_code == 200

    async def redeem(self, ticket_id: str) -> httpx.Response:
        return await self.browser.post(f"{API}/sessions", json={"ticket_id": ticket_id})

    async def sign_in(self) -> bool:
        ticket = await self.scan()
        return await self.confirm() and (await self.redeem(ticket)).status_code == 201

    async def press(self, key: str, **wanted: object) -> httpx.Response:
        """The button, under the key of this press."""
        return await self.browser.post(f"{API}/orders", json=wanted, headers={"idempotency-key": key})

    async def order(self, product: Mapping[str, Any], team_id: str | None = None) -> dict[str, Any]:
        """In a group: a team of their own, or somebody's."""
        answer = await self.press(
            new_id(),
            product_id=product["id"],
            kind="group",
            campaign_id=product["group"]["campaign_id"],
            team_id=team_id,
        )
        return self._ordered(answer)

    async def order_alone(self, product: Mapping[str, Any]) -> dict[str, Any]:
        return self._ordered(await self.press(new_id(), product_id=product["id"], kind="alone"))

    async def see(self, number: str) -> dict[str, Any]:
        order: dict[str, Any] = (await self.browser.get(f"{API}/orders/{number}")).json()
        return order

    async def status(self, number: str) -> str:
        status: str = (await self.see(number))["status"]
        return status

    async def cancel(self, number: str) -> httpx.Response:
        return await self.browser.post(f"{API}/orders/{number}/cancellation", json={})

    async def ask_refund(self, number: str) -> httpx.Response:
        return await self.browser.post(f"{API}/orders/{number}/refund", json={"reason": "不想要了"})

    async def open_cashier(self, number: str) -> Tab | None:
        """None when the shop, or the gateway, does not open one."""
        page = await self.browser.get(f"{API}/orders/{number}/pay")
        if page.status_code != 200:
            return None
        action, fields = _form(page.text)
        try:
            opened = await self.browser.post(action, data=fields)
        except httpx.ConnectError:
            return None
        if opened.status_code != 302:
            return None
        return Tab(number, urlsplit(opened.headers["location"]).path)

    async def enter(self, tab: Tab) -> httpx.Response:
        """Sign in at the cashier: from now on the gateway knows of the trade."""
        buyer = {"buyer": "csqann8421@sandbox.com"}
        return await self.browser.post(f"{tab.path}/sign-in", data=buyer, headers=JSON)

    async def pay(self, tab: Tab) -> httpx.Response:
        return await self.browser.post(f"{tab.path}/pay", data={"password": PASSWORD}, headers=JSON)

    async def pay_for(self, number: str) -> Tab:
        """All the way, and then they walk away from the cashier's page."""
        tab = await self.open_cashier(number)
        assert tab, "no cashier"
        assert (await self.enter(tab)).status_code == 200
        assert (await self.pay(tab)).json()["status"] == "paid"
        return tab

    async def come_back(self, tab: Tab) -> httpx.Response | None:
        """By the link that the cashier shows to who has paid, and to nobody else."""
        link = (await self.browser.get(tab.path, headers=JSON)).json()["return_to"]
        return await self.browser.get(link) if link else None

    def _ordered(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        self.orders.append(order["number"])
        return order


async def a_product(world: World, product_id: str) -> dict[str, Any]:
    """With its offer to groups: a market that is slow to answer is none, to the mall; so look again."""
    async with world.browser() as visitor:
        for _ in range(20):
            product: dict[str, Any] = (await visitor.get(f"{API}/products/{product_id}")).json()
            if product["group"]:
                return product
    raise AssertionError("nothing is offered to groups")


async def a_person(world: World, name: str) -> Person:
    """Signed in."""
    person = Person(name, world, world.browser())
    assert await person.sign_in(), f"{name} cannot sign in"
    return person


async def a_buyer_alone(world: World, product_id: str) -> tuple[Person, str]:
    """Signed in, with an order that awaits its payment: its number."""
    ann = await a_person(world, "安安")
    return ann, (await ann.order_alone(await a_product(world, product_id)))["number"]


async def an_opener(world: World, product_id: str) -> tuple[Person, dict[str, Any]]:
    """Signed in, with an order in a team of their own that awaits its payment."""
    ann = await a_person(world, "安安")
    return ann, await ann.order(await a_product(world, product_id))


async def a_joiner(world: World, order: Mapping[str, Any]) -> tuple[Person, str]:
    """Signed in, with an order in the same team that awaits its payment: its number."""
    bob = await a_person(world, "小博")
    product = await a_product(world, order["product"]["id"])
    return bob, (await bob.order(product, order["team_id"]))["number"]


async def make_trouble(world: World, what: str, **more: object) -> str:
    """Order it at the sandbox, as door/kind: its id."""
    door, kind = what.split("/")
    async with world.browser() as hand:
        made = await hand.post("/sandbox/admin/troubles", json={"door": door, "kind": kind, **more})
    assert made.status_code == 201, made.text
    trouble_id: str = made.json()["id"]
    return trouble_id


async def remove_troubles(world: World) -> None:
    async with world.browser() as hand:
        assert (await hand.delete("/sandbox/admin/troubles")).status_code == 204


def _form(page: str) -> tuple[str, dict[str, str]]:
    reader = _Form()
    reader.feed(page)
    return reader.action, reader.fields


class _Form(HTMLParser):
    """The page's one form, and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given["action"]
        elif tag == "input" and given.get("type") == "hidden":
            self.fields[given["name"]] = given["value"]
