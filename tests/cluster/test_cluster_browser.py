"""Three people with three phones buy together through nginx, while each backend dies in its turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser_people import CHROMIUM, NewPage, chromium, pay, sign_in_to_pay, visitor
from deployment import BACKENDS, Deployment
from playwright.async_api import Page, expect

__all__ = ["chromium", "visitor"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium here"),
]


@pytest.fixture(scope="module")
def server(deployment: Deployment) -> str:
    return deployment.url


async def test_the_story_goes_on_in_the_browser_while_each_backend_dies(
    visitor: NewPage, deployment: Deployment
) -> None:
    began = len(deployment.lines())
    ann, bob, cai = [await visitor() for _ in range(3)]

    async with dead(deployment, "market-1"):
        invitation = await opens_a_team(ann)
    async with dead(deployment, "mall-1"):
        await joins_by_the_link(bob, invitation, "小博")
    async with dead(deployment, "market-2"):
        await expect(ann.get_by_test_id("team-progress").first).to_contain_text("2 / 3", timeout=30_000)
        await joins_by_the_link(cai, invitation, "彩彩")
    async with dead(deployment, "mall-2"):
        await asyncio.gather(*(sees_it_delivered(page) for page in (ann, bob, cai)))
        await finds_one_order(ann)

    lines = deployment.lines()[began:]
    for service, names in BACKENDS.items():
        shares = deployment.shares(service, lines)
        assert min(shares[name] for name in names) > sum(shares.values()) / 10, shares
    team = "SELECT status, seats_taken, seats_settled FROM team"
    assert deployment.rows("market", team) == [("formed", 3, 3)]
    assert deployment.rows("mall", "SELECT status, count(*) FROM mall_order GROUP BY 1") == [("fulfilled", 3)]


@asynccontextmanager
async def dead(deployment: Deployment, name: str) -> AsyncIterator[None]:
    """From the kernel's books, so that no request is in its hands. It comes back in its own time; on leaving
    it is there, and nginx knows."""
    was = deployment.kill(name)
    await deployment.gone(was)
    yield
    await deployment.back(name, was)


async def opens_a_team(page: Page) -> str:
    await page.goto("/")
    await page.get_by_test_id("product-card").filter(has_text="MyBatis").click()
    await page.get_by_test_id("open-team").click()
    await sign_in_to_pay(page, "安安")
    await pay(page)
    await expect(page.get_by_test_id("team-progress").first).to_contain_text("1 / 3")
    return await page.get_by_test_id("invite-link").input_value()


async def joins_by_the_link(page: Page, invitation: str, name: str) -> None:
    await page.goto(invitation)
    await page.get_by_test_id("join-team").click()
    await sign_in_to_pay(page, name)
    await pay(page)


async def sees_it_delivered(page: Page) -> None:
    status = page.get_by_test_id("order-status").first
    await expect(status).to_have_attribute("data-status", "fulfilled", timeout=30_000)
    await expect(page.get_by_test_id("delivery-code")).to_be_visible()


async def finds_one_order(page: Page) -> None:
    await page.goto("/orders")
    await expect(page.get_by_test_id("order-card")).to_have_count(1)
