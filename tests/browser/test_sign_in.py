"""A guest buys, and signs in later; a buyer signs out wherever they are."""

import re

from browser_people import NewPage, pay, shoot, sign_in
from playwright.async_api import Page, expect

ON_THE_PAGE_OF_ME = re.compile(r"^[^?]*/me$")  # The sign-in page's address ends so too, after a `?`.


async def test_a_guest_buys_and_takes_the_order_along_when_signing_in(visitor: NewPage) -> None:
    page = await visitor()
    await page.goto("/p/9890006")
    await page.get_by_test_id("buy-alone").click()
    await page.get_by_test_id("confirm-pay").click()
    await page.wait_for_url("**/login**")
    await page.get_by_test_id("guest").wait_for()
    await shoot(page, "login-guest")
    await page.get_by_test_id("guest").click()
    await page.get_by_test_id("sheet-payable").wait_for()
    await pay(page)
    number = page.url.rsplit("/", 1)[-1].split("?")[0]

    await page.goto("/me")
    await shoot(page, "me-guest")
    await page.get_by_test_id("guest-sign-in").click()
    await sign_in(page, "访客小安")
    await page.wait_for_url(ON_THE_PAGE_OF_ME)
    await expect(page.get_by_test_id("guest-sign-in")).to_have_count(0)
    await page.goto(f"/orders/{number}")
    await expect(page.get_by_test_id("order-status").first).to_have_attribute(
        "data-status", "fulfilled", timeout=30_000
    )


async def test_the_page_says_that_the_phone_is_to_confirm(visitor: NewPage) -> None:
    page = await visitor(desktop=True)
    await page.goto("/login")
    async with page.context.expect_page() as opened:
        await page.get_by_test_id("demo-scan").click()
    phone = await opened.value
    await phone.get_by_test_id("new-nickname").fill("小博")
    await phone.get_by_test_id("create-follower").click()
    await phone.get_by_test_id("confirm-scan").click()
    await phone.get_by_test_id("reply").wait_for()
    await shoot(phone, "phone-asked")
    await page.get_by_test_id("scanned").wait_for()
    await phone.get_by_test_id("reply-link").click()
    await expect(phone.get_by_text("Linux 电脑上的 Chrome")).to_be_visible()
    await shoot(phone, "phone-confirm")
    await phone.get_by_test_id("confirm-sign-in").click()
    await page.wait_for_url("**/")


async def test_signing_out_everywhere_reaches_the_other_browser(visitor: NewPage) -> None:
    """Two browsers of one buyer: the phone page offers whoever scanned before."""
    here, there = await visitor(), await visitor()
    await here.goto("/login?next=/me")
    await sign_in(here, "两处登录")
    await here.get_by_test_id("device").first.wait_for()
    await there.goto("/login?next=/me")
    await sign_in_again(there, "两处登录")
    await expect(there.get_by_test_id("device")).to_have_count(2)
    await shoot(there, "me-devices")

    await there.get_by_test_id("sign-out-everywhere").click()
    await there.wait_for_url("**/")
    await here.goto("/me")
    await expect(here.get_by_text("还没有登录")).to_be_visible()


async def sign_in_again(page: Page, nickname: str) -> None:
    async with page.context.expect_page() as opened:
        await page.get_by_test_id("demo-scan").click()
    phone = await opened.value
    await phone.get_by_test_id("follower").filter(has_text=nickname).click()
    await phone.get_by_test_id("confirm-scan").click()
    await phone.get_by_test_id("reply-link").click()
    await phone.get_by_test_id("confirm-sign-in").click()
    await phone.get_by_text("已确认登录").first.wait_for()
    await phone.close()
