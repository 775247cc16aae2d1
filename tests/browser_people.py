"""Real Chromium against a real server, as people use it. A page that calls another host fails its test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from house import House, house
from playwright.async_api import Browser, Page, Route, async_playwright

CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parents[1] / "web/node_modules/axe-core/axe.min.js"
SHOTS = Path(__file__).parent / "browser" / "shots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NewPage = Callable[..., Awaitable[Page]]


def leave_out_without_chromium(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.browser)
        # Of one browser, each has a window. Before the mark that pytest-asyncio has set by itself.
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        item.add_marker(pytest.mark.xdist_group("browser"))  # One server and one browser at a time.
        item.add_marker(pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium here"))


@pytest.fixture(scope="session")
def shop() -> Iterator[House]:
    with house() as found:
        yield found


@pytest.fixture(scope="session")
def server(shop: House) -> str:
    return shop.url


@pytest.fixture(scope="session")
def home(shop: House) -> Path:
    """Where the server keeps its database and its keys."""
    return shop.home


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(chromium: Browser, server: str) -> AsyncIterator[NewPage]:
    """A person with a browser of their own, on a phone unless said otherwise."""
    strangers: list[str] = []

    async def keep_inside(route: Route) -> None:
        if route.request.url.startswith((server, "data:")):
            await route.continue_()
        else:
            strangers.append(route.request.url)
            await route.abort()

    async def new_page(*, desktop: bool = False) -> Page:
        context = await chromium.new_context(
            base_url=server,
            viewport=DESKTOP if desktop else PHONE,  # type: ignore[arg-type]
            device_scale_factor=1 if desktop else 2,
            is_mobile=not desktop,
            has_touch=not desktop,
            locale="zh-CN",
        )
        context.set_default_timeout(15_000)
        await context.route("**/*", keep_inside)
        return await context.new_page()

    SHOTS.mkdir(exist_ok=True)
    yield new_page
    await asyncio.gather(*(context.close() for context in chromium.contexts))
    assert strangers == [], "a page of ours loads something from another host"


async def sign_in(page: Page, nickname: str) -> None:
    """From the QR code on the page, by way of a phone that confirms, to where the page goes on by itself."""
    async with page.context.expect_page() as opened:
        await page.get_by_test_id("demo-scan").click()
    phone = await opened.value
    await phone.get_by_test_id("new-nickname").fill(nickname)
    await phone.get_by_test_id("create-follower").click()
    await phone.get_by_test_id("confirm-scan").click()
    await phone.get_by_test_id("reply-link").click()
    await phone.get_by_test_id("confirm-sign-in").click()
    await phone.get_by_text("已确认登录").first.wait_for()
    await phone.close()


async def sign_in_to_pay(page: Page, nickname: str) -> None:
    """Who presses pay without being signed in is sent to, and comes back to the same sheet."""
    await page.get_by_test_id("confirm-pay").click()
    await page.wait_for_url("**/login**")
    await sign_in(page, nickname)
    await page.get_by_test_id("sheet-payable").wait_for()


async def pay(page: Page) -> None:
    """From the confirm sheet through the cashier and back to the order."""
    await page.get_by_test_id("confirm-pay").click()
    await page.get_by_test_id("buyer-sign-in").first.click()
    await page.get_by_test_id("pay-password").fill("111111")
    await shoot(page, "cashier" if page.viewport_size == PHONE else "cashier-desktop")
    await page.get_by_test_id("pay").click()
    await page.get_by_test_id("return-now").click()
    await page.wait_for_url("**/orders/*")


async def shoot(page: Page, name: str) -> None:
    await page.screenshot(path=SHOTS / f"{name}.png", animations="disabled")


async def accessible(page: Page) -> list[str]:
    """What axe finds serious: contrast, names, order of focus. Nothing, when nobody is kept out."""
    await page.evaluate(AXE.read_text())  # Not as a script of the page: its policy would refuse that.
    found = await page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
