"""Every room, at a desk and on a phone: loading, refused, broken, empty and full, and usable by everybody."""

import re
from typing import Any

import pytest
from browser_people import accessible, shoot
from playwright.async_api import Page, Route, expect

from browser_operators import AtConsole, go

ROOMS = {
    "today": "/",
    "campaigns": "/campaigns",
    "campaign": "/campaigns/100123",
    "campaign-new": "/campaigns/new",
    "campaign-edit": "/campaigns/100124/edit",
    "discounts": "/discounts",
    "listings": "/listings",
    "segments": "/segments",
    "teams": "/teams",
    "webhooks": "/webhooks",
    "orders": "/orders",
    "products": "/products",
    "payments": "/payments",
    "notifies": "/notifies",
    "refunds": "/refunds",
    "breaks": "/breaks",
    "ledger": "/ledger",
    "jobs": "/jobs",
    "alarms": "/alarms",
    "switches": "/switches",
    "sources": "/sources",
    "source": "/sources/s01",
    "operators": "/operators",
    "audit": "/audit",
}
LISTS = [
    *("campaigns", "discounts", "listings", "segments", "teams", "webhooks", "sources", "audit"),
    *("orders", "products", "payments", "notifies", "refunds", "breaks", "ledger", "jobs", "alarms"),
]
DETAILS = {"team": "/teams", "delivery": "/webhooks", "order": "/orders", "notify": "/notifies"}
ASKS_NOTHING = {"campaign-new"}


async def enter(page: Page, path: str) -> None:
    """By way of nowhere, so that what is seen next is of this room and not of the one before it."""
    await go(page, "/nowhere")
    await expect(page.locator("#room")).to_contain_text("没有这个页面")
    await go(page, path)
    await expect(page.locator("#room")).not_to_contain_text("没有这个页面")


async def answer_with(page: Page, status: int, body: dict[str, Any] | None) -> None:
    """All that the console asks, but who is there; nothing ever comes if there is no body."""

    async def answer(route: Route) -> None:
        if route.request.url.endswith("/me"):
            await route.continue_()
        elif body is not None:
            await route.fulfill(status=status, json=body)

    await page.route(re.compile(r"/api/(market/console/v1|mall/v1/console)/"), answer)


def problem(status: int, code: str) -> dict[str, Any]:
    return {"title": code, "status": status, "detail": code, "code": code, "request_id": "request-1"}


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (200, None, "loading"),
        (403, problem(403, "not_permitted"), "denied"),
        (500, problem(500, "internal_error"), "failed"),
    ],
    ids=["loading", "denied", "broken"],
)
async def test_every_room_says_what_keeps_it(
    at_console: AtConsole, status: int, body: dict[str, Any] | None, shown: str
) -> None:
    page = await at_console("/nowhere")
    await answer_with(page, status, body)
    for room in sorted(ROOMS.keys() - ASKS_NOTHING):
        await enter(page, ROOMS[room])
        await expect(page.locator("#room").get_by_test_id(shown).first, room).to_be_visible()
    if shown == "failed":
        await expect(page.locator("#room")).to_contain_text("请求编号 request-1")
        await page.unroute_all(behavior="ignoreErrors")
        await page.get_by_role("button", name="再试一次").click()
        await expect(page.locator("#room").get_by_test_id(shown)).to_have_count(0)


async def test_every_list_says_when_there_is_nothing(at_console: AtConsole) -> None:
    page = await at_console("/nowhere")
    await answer_with(page, 200, {"items": [], "next_cursor": None})
    for room in LISTS:
        await enter(page, ROOMS[room])
        await expect(page.get_by_test_id("empty").first, room).to_be_visible()
    for path in ("/campaigns?text=x", "/teams?status=failed", "/webhooks?status=dead", "/audit?about=x"):
        await enter(page, path)
        await expect(page.get_by_test_id("nothing-found"), path).to_be_visible()


@pytest.mark.usefixtures("sold")
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_every_room_is_usable_by_everybody(at_console: AtConsole, phone: bool) -> None:
    page = await at_console("/nowhere", phone=phone)
    found = []
    for room, path in ROOMS.items():
        await enter(page, path)
        await expect(page.locator("#room h1")).to_be_visible()
        await expect(page.get_by_test_id("loading")).to_have_count(0)
        await shoot(page, f"console-{room}-{'phone' if phone else 'desk'}")
        found += [f"{room}: {what}" for what in await accessible(page)]
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), room
    for room, path in DETAILS.items():
        await enter(page, path)
        await page.locator("[data-row]").first.click()
        await page.wait_for_url(f"**{path}/**")
        await expect(page.get_by_test_id("loading")).to_have_count(0)
        await shoot(page, f"console-{room}-{'phone' if phone else 'desk'}")
        found += [f"{room}: {what}" for what in await accessible(page)]
    assert found == []
