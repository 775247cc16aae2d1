"""Real Chromium against a real server, as people use it. A page that calls another host fails its test."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright

CHROMIUM = "/usr/bin/chromium"
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
        item.add_marker(pytest.mark.xdist_group("browser"))  # One server and one browser at a time.
        item.add_marker(pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium here"))


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """`tuan up`, as a newcomer starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tempfile.mkdtemp(prefix="tuan-browser-")
    os.chmod(home, 0o711)
    command = [
        str(Path(sys.executable).with_name("tuan")),
        "up",
        "--port",
        str(port),
        "--data",
        f"{home}/data",
    ]
    url = f"http://127.0.0.1:{port}"
    with Path(home, "out").open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            await_ready(url, process, Path(home, "out"))
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    shutil.rmtree(home, ignore_errors=True)


def await_ready(url: str, process: subprocess.Popen[bytes], out: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/readyz")
        except urllib.error.URLError:
            continue
        return
    raise RuntimeError(out.read_text())


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
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
    """From the QR code on the page, by way of a phone, to where the page goes on by itself."""
    async with page.context.expect_page() as opened:
        await page.get_by_test_id("demo-scan").click()
    phone = await opened.value
    await phone.get_by_test_id("new-nickname").fill(nickname)
    await phone.get_by_test_id("create-follower").click()
    await phone.get_by_test_id("confirm-scan").click()
    await phone.get_by_test_id("scan-result").wait_for()
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
