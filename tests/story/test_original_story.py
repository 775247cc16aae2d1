"""Can a shop written for the original trade here? Its pages, its callbacks, both services; no other path."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import psycopg
import pytest
from mall_original import LOGIN, Form, Page
from story_world import URL, Ahead, Room, World

from tuan.keyring import Keyring
from tuan.up import build_parts, load_demo, opened, whole

CONFIG = "/api/v1/gbm/index/query_group_buy_market_config"
TOLD_AT = f"{URL}/api/v1/alipay/group_buy_notify"
GOODS = {"source": "s01", "channel": "c01", "goodsId": "9890001"}
# Where a shop of the original would have registered itself with Alipay and WeChat.
REGISTERED = {
    "/api/mall/hooks/alipay": "/api/v1/alipay/alipay_notify_url",
    "/api/mall/hooks/wechat": "/api/v1/weixin/portal/receive",
}
PATIENCE_SECONDS = 60


class OldRoom(Room):
    """Alipay and WeChat tell the shop on the original's paths."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = REGISTERED.get(request.url.path, request.url.path)
        request.url = request.url.copy_with(path=path)
        self.told.append(path)
        return await super().handle_async_request(request)


@pytest.fixture
async def world(
    market_database: str, mall_database: str, sandbox_database: str, keyring: Keyring
) -> AsyncIterator[World]:
    """The market tells of formed teams in the original's format, and of nothing else."""
    databases = {"market": market_database, "mall": mall_database, "sandbox": sandbox_database}
    await load_demo(URL, databases, keyring)
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE endpoint SET format = 'original', url = %s", [TOLD_AT])
    room = OldRoom()
    parts = build_parts(URL, databases, keyring, transport=room)
    room.inside = httpx.ASGITransport(whole(parts))
    async with opened(list(parts.by_prefix.values())):
        yield World(parts=parts, room=room, databases=databases, clock=Ahead())


async def test_three_pages_of_the_original_buy_together_and_a_fourth_takes_its_order_back(
    working: World,
) -> None:
    async with AsyncExitStack() as stack:
        ann, bob, cai, dan = [await a_page(stack, working, name) for name in ("ann", "bob", "cai", "dan")]
        team, numbers = None, []
        for page in (ann, bob, cai):
            offer = await look(page)
            assert (offer["goods"]["originalPrice"], offer["goods"]["payPrice"]) == (100.0, 90.0)
            team = offer["teamList"][0]["teamId"] if offer["teamList"] else None
            form = await page.ordered(productId="9890001", activityId=offer["activityId"], teamId=team)
            assert form.content["total_amount"] == "90.00"
            numbers.append(form.number)
            await pay(page, form)
        alone = await dan.ordered(productId="9890001", activityId=100123, teamId=None)
        await pay(dan, alone)
        assert await until_it_is(dan, "PAY_SUCCESS") == alone.number

        assert [await until_it_is(page, "DEAL_DONE") for page in (ann, bob, cai)] == numbers
        taken = await dan.refund(alone.number)
        await until_it_is(dan, "CLOSE")
        statistics = (await look(dan))["teamStatistic"]

    assert taken["data"] == {"success": True, "message": "退单成功", "orderId": alone.number}
    assert (statistics["allTeamCompleteCount"], statistics["allTeamUserCount"]) == (1, 3)
    market, mall, sandbox = (working.databases[name] for name in ("market", "mall", "sandbox"))
    assert rows(market, "SELECT status, count(*) FROM delivery GROUP BY 1") == [("delivered", 1)]
    assert rows(mall, "SELECT count(*), count(DISTINCT order_number) FROM delivery") == [(3, 3)]
    assert rows(mall, "SELECT status, amount_fen FROM refund") == [("done", 90_00)]
    assert rows(sandbox, "SELECT count(*) FROM trade WHERE status = 'TRADE_SUCCESS'") == [(3,)]


async def test_nobody_was_told_on_another_path(working: World) -> None:
    async with AsyncExitStack() as stack:
        page = await a_page(stack, working, "ann")
        form = await page.ordered(productId="9890001", activityId=None, marketType=0)
        await pay(page, form)
        await until_it_is(page, "DEAL_DONE")

    assert isinstance(working.room, OldRoom)
    shop = {path for path in working.room.told if path.startswith(("/api/mall", "/api/v1"))}
    assert shop == {
        "/api/v1/login/weixin_qrcode_ticket_scene",
        "/api/v1/login/check_login_scene",
        "/api/v1/weixin/portal/receive",
        "/api/v1/alipay/create_pay_order",
        "/api/v1/alipay/alipay_notify_url",
        "/api/v1/alipay/query_user_order_list",
    }


async def a_page(stack: AsyncExitStack, world: World, name: str) -> Page:
    """In a browser of its own, signed in by a scan of the code it shows."""
    http = httpx.AsyncClient(transport=world.room, base_url=URL, timeout=20)
    page, scene = Page(await stack.enter_async_context(http)), f"FINGERPRINT{name}".upper()
    ticket = (await page.get(f"{LOGIN}/weixin_qrcode_ticket_scene", sceneStr=scene))["data"]
    await http.post(f"/sandbox/q/{code_of(ticket)}", data={"nickname": name})
    answer = await page.get(f"{LOGIN}/check_login_scene", ticket=ticket, sceneStr=scene)
    assert answer["code"] == "0000", answer
    page.token = answer["data"]
    return page


def code_of(ticket: str) -> str:
    """A phone reads the address of the code from its picture. The ticket holds the same address."""
    [code] = re.findall(rb"/q/(\w+)", base64.urlsafe_b64decode(ticket))
    return bytes(code).decode()


async def look(page: Page) -> dict[str, Any]:
    answer = await page.http.post(CONFIG, json=GOODS | {"userId": page.token})
    assert answer.json()["code"] == "0000", answer.text
    offer: dict[str, Any] = answer.json()["data"]
    return offer


async def pay(page: Page, form: Form) -> None:
    """The browser posts the form it was given, and the buyer signs in at the cashier and pays."""
    cashier = await page.http.post(form.action, data=form.fields, follow_redirects=True)
    [buyer, *_] = re.findall(r'name="buyer" value="([^"]+)"', cashier.text)
    await page.http.post(f"{cashier.url}/sign-in", data={"buyer": buyer})
    paid = await page.http.post(f"{cashier.url}/pay", data={"password": "111111"})
    assert paid.is_redirect or paid.is_success, paid.text


async def until_it_is(page: Page, state: str) -> str:
    """The number of the page's only order, once it is there."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            [order] = (await page.orders())["orderList"]
            if order["status"] == state:
                return str(order["orderId"])
            await asyncio.sleep(0.1)


def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(sql.encode()).fetchall()
