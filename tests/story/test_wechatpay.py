"""The mall and the sandbox by WeChat Pay: two readings of one protocol, and they understand each other."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx
import psycopg
import pytest
from story_people import a_person
from story_world import URL, World

from tuan.kernel.ids import new_id

JSON = {"accept": "application/json"}


@dataclass
class Ann:
    world: World
    browser: httpx.AsyncClient

    async def order(self) -> dict[str, Any]:
        body = {"product_id": "9890003", "kind": "alone", "gateway": "wechatpay"}
        answer = await self.browser.post(
            "/api/mall/v1/orders", json=body, headers={"idempotency-key": new_id()}
        )
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        return order

    async def see(self, order: dict[str, Any]) -> dict[str, Any]:
        seen: dict[str, Any] = (await self.browser.get(f"/api/mall/v1/orders/{order['number']}")).json()
        return seen

    async def code_of(self, order: dict[str, Any]) -> str:
        page = await self.browser.get(order["pay_url"])
        assert page.status_code == 200, page.text
        found = re.search(r'href="([^"]+)"[^>]*data-test="demo-pay"', page.text)
        assert found
        return unescape(found[1])

    async def scan(self, code_url: str) -> str:
        data = {"payer": "安安", "password": "111111"}
        answer = await self.browser.post(f"{code_url}/pay", data=data, headers=JSON)
        status: str = answer.json().get("status", answer.json().get("code"))
        return status

    def rows(self, service: str, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.world.databases[service]) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
async def ann(world: World) -> AsyncIterator[Ann]:
    person = await a_person(world, "安安")
    yield Ann(world, person.browser)
    await person.browser.aclose()


async def test_scanned_paid_told_and_delivered(ann: Ann) -> None:
    order = await ann.order()
    assert await ann.scan(await ann.code_of(order)) == "paid"
    await ann.world.settle_down()

    assert (await ann.see(order))["status"] == "fulfilled"
    assert ann.rows("mall", "SELECT gateway, verdict FROM notify_log") == [("wechatpay", "paid")]
    assert ann.rows("mall", "SELECT status, told_by FROM payment") == [("paid", "notify")]
    assert ann.rows("sandbox", "SELECT status, answer FROM delivery") == [(204, "")]
    page = await ann.browser.get(order["pay_url"])
    assert (page.status_code, page.headers["location"]) == (303, f"{URL}/orders/{order['number']}")


async def test_cancelled_before_it_is_scanned_the_code_leads_nowhere(ann: Ann) -> None:
    order = await ann.order()
    code_url = await ann.code_of(order)
    await ann.browser.post(f"/api/mall/v1/orders/{order['number']}/cancellation", json={})

    assert (await ann.see(order))["status"] == "closed"
    assert await ann.scan(code_url) != "paid"
    assert ann.rows("sandbox", "SELECT state FROM wechatpay_order") == [("CLOSED",)]


async def test_money_that_comes_too_late_goes_back(ann: Ann) -> None:
    order = await ann.order()
    code_url = await ann.code_of(order)
    with psycopg.connect(ann.world.databases["mall"]) as connection:
        connection.execute("UPDATE payment SET status = 'closed', ask_at = NULL")
        connection.execute("UPDATE mall_order SET status = 'closed', closed_at = now()")
    assert await ann.scan(code_url) == "paid"
    await ann.world.settle_down()
    assert (await ann.see(order))["status"] == "refunding"
    assert ann.rows("mall", "SELECT status, trouble FROM refund") == [("owed", "refund_pending")]

    with psycopg.connect(ann.world.databases["sandbox"]) as connection:
        connection.execute("UPDATE wechatpay_refund SET succeeds_at = created_at")
        connection.execute("UPDATE notify SET next_at = created_at WHERE next_at IS NOT NULL")
    with psycopg.connect(ann.world.databases["mall"]) as connection:
        connection.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")
    await ann.world.settle_down()
    assert (await ann.see(order))["status"] == "refunded"
    assert ann.rows("mall", "SELECT status FROM refund") == [("done",)]


async def test_another_way_to_pay_is_closed_at_the_first(ann: Ann) -> None:
    order = await ann.order()
    code_url = await ann.code_of(order)
    answer = await ann.browser.post(order["pay_url"], data={"gateway": "alipay"})

    assert answer.status_code == 303
    assert "gateway.do" in (await ann.browser.get(order["pay_url"])).text
    assert await ann.scan(code_url) != "paid"
    assert ann.rows("mall", "SELECT gateway, status FROM payment ORDER BY number") == [
        ("wechatpay", "closed"),
        ("alipay", "open"),
    ]
