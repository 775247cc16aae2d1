"""The form that create_pay_order answers does in a browser what the original's pages do with it."""

import base64
import re
from collections.abc import Callable

import pytest
from browser_people import NewPage
from playwright.async_api import Page, Route, expect

BLANK = "<!doctype html><meta charset='{charset}'><title>手写MyBatis</title><body><p>商品详情页</p></body>"
TICKET = "(await (await fetch('/api/v1/login/weixin_qrcode_ticket')).json()).data"
CHECK = "(await (await fetch('/api/v1/login/check_login?ticket=' + ticket)).json()).data"
ORDER = """async userId => {
    const body = { userId, productId: '9890001', activityId: 100123, teamId: null, marketType: 1 }
    const headers = { 'content-type': 'application/json' }
    const sent = { method: 'POST', headers, body: JSON.stringify(body) }
    return (await (await fetch('/api/v1/alipay/create_pay_order', sent)).json()).data
}"""
# As its index.html does: put aside, and submitted once the buyer has confirmed.
INJECT_AND_SUBMIT = """html => {
    document.body.insertAdjacentHTML('beforeend', html)
    document.querySelector('form[name=punchout_form]').submit()
}"""
WRITE = "html => { document.open(); document.write(html); document.close() }"


@pytest.mark.parametrize("how", [INJECT_AND_SUBMIT, WRITE])
@pytest.mark.parametrize("charset", ["utf-8", "gbk"])
async def test_the_form_leads_to_the_cashier_however_a_page_uses_it(
    visitor: NewPage, server: str, how: str, charset: str
) -> None:
    page = await an_old_page(await visitor(desktop=True), server, charset=charset)
    token = await sign_in(page)
    html = await page.evaluate(ORDER, token)

    async with page.expect_navigation(url="**/sandbox/cashier/**"):
        await page.evaluate(how, html)

    await expect(page.get_by_test_id("buyer-sign-in")).to_be_visible()
    await expect(page.locator("body")).to_contain_text("手写MyBatis")
    await expect(page.locator("body")).to_contain_text("90.00")


async def an_old_page(page: Page, server: str, *, charset: str) -> Page:
    """One of the original's, on our own address: no policy, and perhaps an encoding of its own."""
    await page.route(f"{server}/old.html", _answer(BLANK.format(charset=charset).encode(charset), charset))
    await page.goto("/old.html")
    return page


def _answer(body: bytes, charset: str) -> Callable[[Route], object]:
    return lambda route: route.fulfill(body=body, content_type=f"text/html; charset={charset}")


async def sign_in(page: Page) -> str:
    """The token, once the code was scanned. A phone finds in its picture what the ticket holds."""
    ticket = await page.evaluate(f"async () => {TICKET}")
    [code] = re.findall(rb"/q/(\w+)", base64.urlsafe_b64decode(ticket))
    await page.request.post(f"/sandbox/q/{code.decode()}", form={"nickname": "安安"})
    token = await page.evaluate(f"async ticket => {CHECK}", ticket)
    assert token is not None
    return str(token)
