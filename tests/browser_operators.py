"""Operators in a real browser: signed in at the console, and a source that calls the market beside them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest_asyncio
from browser_people import NewPage
from playwright.async_api import Page, expect
from rich.console import Console

from tuan.story import tell

MARKET = "/api/market/console/v1"
MALL = "/api/mall/v1/console"
LINK = """path => {
    history.pushState({}, "", path);
    dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}"""
expect.set_options(timeout=15_000)  # As long as the pages wait for anything else.
AtConsole = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def at_console(visitor: NewPage, home: Path) -> AtConsole:
    """A page of the console, as its demo admin or as whoever else is named with their password."""

    async def open_console(
        path: str = "/", *, name: str = "admin", password: str | None = None, phone: bool = False
    ) -> Page:
        page = await visitor(desktop=not phone)
        await page.goto(f"/console{path}")
        await sign_in(page, name, password or keys(home)["operator_password"])
        await expect(page.locator("#room")).to_be_visible()
        return page

    return open_console


async def sign_in(page: Page, name: str, password: str) -> None:
    await page.get_by_label("用户名").fill(name)
    await page.get_by_label("密码").fill(password)
    await page.get_by_role("button", name="登录").click()


def keys(home: Path) -> dict[str, str]:
    return dict(json.loads((home / "data" / "keys.json").read_text()))


@dataclass(frozen=True)
class Seller:
    """Source s01, which locks seats and settles them with its key."""

    http: httpx.AsyncClient

    async def lock(self, number: str, *, campaign: str, goods: str, team: str | None = None) -> str:
        body = {
            "buyer_id": f"buyer-{number}",
            "goods_id": goods,
            "channel": "c01",
            "campaign_id": campaign,
            "team_id": team,
        }
        locked = (await self.http.put(f"/v1/seats/{number}", json=body)).raise_for_status()
        return str(locked.json()["team_id"])

    async def settle(self, number: str) -> None:
        paid = {"paid_at": datetime.now(UTC).isoformat()}
        (await self.http.put(f"/v1/seats/{number}/settlement", json=paid)).raise_for_status()


@pytest_asyncio.fixture(loop_scope="session")
async def seller(server: str, home: Path) -> AsyncIterator[Seller]:
    headers = {"authorization": f"Bearer {keys(home)['market_api_key']}"}
    async with httpx.AsyncClient(base_url=f"{server}/api/market", headers=headers) as http:
        yield Seller(http)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sold(server: str) -> None:
    """Three buyers have formed a team, paid 90 yuan each, and got what they bought."""
    assert await tell(server, "9890001", Console(quiet=True)) == 0


async def go(page: Page, path: str) -> None:
    """Where a link would lead, without loading the console anew."""
    await page.evaluate(LINK, f"/console{path}")


async def give_reason(page: Page, reason: str, confirm: str) -> None:
    """In the dialog that says what will happen; waits until it did."""
    dialog = page.get_by_role("dialog").filter(has=page.get_by_test_id("deed"))
    await dialog.get_by_label("原因").fill(reason)
    await dialog.get_by_role("button", name=confirm).click()
    await expect(dialog).to_be_hidden()


async def pick(page: Page, label: str, option: str) -> None:
    await page.get_by_role("combobox", name=label, exact=True).click()
    await page.get_by_role("option", name=option).filter(visible=True).click()


async def save(page: Page, confirm: str) -> None:
    """The form at the side; waits until it is done."""
    form = page.get_by_role("dialog").filter(has=page.get_by_test_id("side-form"))
    await form.get_by_role("button", name=confirm).click()
    await expect(form).to_be_hidden()
