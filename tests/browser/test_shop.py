"""What else people do in the shop: look for things, change their mind, invite by poster."""

import gzip
import re
from pathlib import Path

import pytest
from browser_people import NewPage, accessible, pay, shoot, sign_in_to_pay
from playwright.async_api import Page, Response, expect

WEB = Path(__file__).parents[2] / "web"
FIRST_VIEW_MAX = 60_000  # Bytes of JavaScript, as gzip sends them.


async def open_a_team(page: Page, nickname: str, product_id: str) -> None:
    await page.goto(f"/p/{product_id}")
    await page.get_by_test_id("open-team").click()
    await sign_in_to_pay(page, nickname)
    await pay(page)
    await expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", "paid")


async def test_words_find_a_product_and_clearing_them_shows_all(visitor: NewPage) -> None:
    page = await visitor()
    await page.goto("/")
    await page.get_by_test_id("search").fill("咖啡")
    await expect(page.get_by_test_id("product-card")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"\?q="))
    await shoot(page, "search")
    await page.get_by_test_id("search").fill("没有这样东西")
    await expect(page.get_by_text("没有找到相关的商品")).to_be_visible()
    await shoot(page, "search-nothing")
    await page.get_by_role("link", name="看看全部商品").click()

    await expect(page.get_by_test_id("product-card")).to_have_count(7)
    await expect(page.get_by_test_id("search")).to_have_value("")


async def test_a_poster_invites_who_scans_its_picture(visitor: NewPage, tmp_path: Path) -> None:
    dora, emil = await visitor(), await visitor()
    await open_a_team(dora, "朵拉", "9890005")
    await dora.get_by_test_id("open-poster").click()
    await expect(dora.get_by_test_id("poster")).to_be_visible()
    await shoot(dora, "poster")
    async with dora.expect_download() as downloading:
        await dora.get_by_role("link", name="保存图片").click()
    poster = tmp_path / "poster.png"
    await (await downloading.value).save_as(poster)

    await emil.goto("/")
    await expect(emil.get_by_test_id("filling-team").first).to_be_visible()
    await shoot(emil, "home-filling")
    await emil.get_by_test_id("open-scan").click()
    await emil.get_by_test_id("scan-picture").set_input_files(WEB / "public/favicon.svg")
    await expect(emil.get_by_test_id("scan-trouble")).to_be_visible()
    await shoot(emil, "scan")
    await emil.get_by_test_id("scan-picture").set_input_files(poster)

    await emil.wait_for_url("**/t/*")
    await expect(emil.get_by_test_id("join-team")).to_be_visible()


async def test_a_buyer_cancels_one_order_and_asks_the_money_of_another_back(visitor: NewPage) -> None:
    page = await visitor()
    await open_a_team(page, "欣欣", "9890003")
    await page.get_by_test_id("refund").click()
    await page.get_by_label("等太久了").check()
    await shoot(page, "refund")
    await page.get_by_test_id("sure").click()
    await expect(page.get_by_test_id("order-status")).to_have_attribute(
        "data-status", "refunded", timeout=30_000
    )
    await shoot(page, "order-refunded")

    await page.goto("/p/9890003")
    await page.get_by_test_id("buy-alone").click()
    await page.get_by_test_id("confirm-pay").click()
    await page.wait_for_url("**/cashier**")
    await page.goto("/orders?tab=to_pay")
    await page.get_by_test_id("order-card").click()
    await page.get_by_test_id("cancel").click()
    await page.get_by_test_id("sure").click()
    await expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", "closed")

    await page.goto("/orders")
    await expect(page.get_by_test_id("order-card")).to_have_count(2)
    await page.get_by_test_id("tab-money_back").click()
    await expect(page.get_by_test_id("order-card")).to_have_count(1)
    await shoot(page, "orders-tab")
    await page.get_by_test_id("tab-to_pay").click()
    await expect(page.get_by_text("这里还没有订单")).to_be_visible()


@pytest.mark.parametrize("desktop", [False, True], ids=["phone", "desktop"])
async def test_the_shop_speaks_english_once_asked_and_from_then_on(visitor: NewPage, desktop: bool) -> None:
    page = await visitor(desktop=desktop)
    await page.goto("/me")
    await page.get_by_test_id("language").click()
    await expect(page.get_by_text("My orders")).to_be_visible()
    await page.goto("/p/9890002")

    await expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await shoot(page, "product-english" + "-desktop" * desktop)


@pytest.mark.parametrize("path", ["/", "/p/9890001", "/login", "/orders", "/me", "/scan", "/nowhere"])
@pytest.mark.parametrize("desktop", [False, True], ids=["phone", "desktop"])
async def test_nobody_is_kept_out(visitor: NewPage, path: str, desktop: bool) -> None:
    page = await visitor(desktop=desktop)
    await page.goto(path, wait_until="networkidle")

    assert await accessible(page) == []


async def test_the_first_view_of_a_product_is_light(visitor: NewPage) -> None:
    page = await visitor()
    scripts: list[Response] = []
    page.on("response", lambda answer: scripts.append(answer) if ".js" in answer.url else None)
    await page.goto("/p/9890001")
    await expect(page.get_by_test_id("group-price").first).to_be_visible()
    sizes = {one.url.rsplit("/", 1)[-1]: len(gzip.compress(await one.body(), 9)) for one in scripts}

    assert 0 < sum(sizes.values()) <= FIRST_VIEW_MAX, sizes
