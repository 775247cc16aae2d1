"""Paying by scanning a code, on a phone; and thinking again about how to pay."""

import re

from browser_people import NewPage, shoot, sign_in_to_pay
from playwright.async_api import Page, expect


async def scan_and_pay(page: Page) -> None:
    """From the code on the page, by way of another phone, to where the page goes on by itself."""
    async with page.context.expect_page() as opened:
        await page.get_by_test_id("demo-pay").click()
    phone = await opened.value
    await phone.get_by_test_id("pay-password").fill("111111")
    await shoot(phone, "wxpay-phone")
    await phone.get_by_test_id("pay").click()
    await phone.get_by_test_id("paid").wait_for()
    await shoot(phone, "wxpay-paid")
    await phone.close()
    await page.wait_for_url("**/orders/*")


async def test_scanned_with_another_phone_the_page_goes_on_by_itself(visitor: NewPage) -> None:
    page = await visitor()
    await page.goto("/p/9890003?buy=alone")
    await sign_in_to_pay(page, "微微")
    await expect(page.get_by_test_id("way-alipay").get_by_role("radio")).to_be_checked()
    await page.get_by_test_id("way-wechatpay").click()
    await shoot(page, "sheet-ways")
    await page.get_by_test_id("confirm-pay").click()

    await page.get_by_test_id("pay-qr").wait_for()
    await expect(page.get_by_test_id("payable")).to_have_text("¥68.00")
    await expect(page.get_by_role("timer")).to_have_text(re.compile(r"^1[0-4]:[0-5][0-9]$"))
    await shoot(page, "scan")
    await scan_and_pay(page)

    await expect(page.get_by_test_id("order-status").first).to_have_attribute(
        "data-status", "fulfilled", timeout=30_000
    )
    await page.goto("/p/9890004?buy=alone")
    await expect(page.get_by_test_id("way-wechatpay").get_by_role("radio")).to_be_checked()


async def test_a_buyer_thinks_again_and_pays_another_way(visitor: NewPage) -> None:
    page = await visitor()
    await page.goto("/p/9890003?buy=alone")
    await sign_in_to_pay(page, "思思")
    await page.get_by_test_id("way-wechatpay").click()
    await page.get_by_test_id("confirm-pay").click()
    await page.get_by_test_id("back-to-order").click()

    await expect(page.get_by_test_id("way-wechatpay").get_by_role("radio")).to_be_checked()
    await shoot(page, "order-ways")
    await page.get_by_test_id("way-alipay").click()
    await page.get_by_test_id("pay-again").click()
    await page.get_by_test_id("buyer-sign-in").first.click()
    await page.get_by_test_id("pay-password").fill("111111")
    await page.get_by_test_id("pay").click()
    await page.get_by_test_id("return-now").click()
    await page.wait_for_url("**/orders/*")
    await expect(page.get_by_test_id("order-status").first).to_have_attribute(
        "data-status", "fulfilled", timeout=30_000
    )
