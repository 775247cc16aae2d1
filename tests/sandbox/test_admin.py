"""Behind the counter: one page for people, lists for programs."""

import pytest
from sandbox_builders import Merchant, controls

ORDER_TROUBLE = [f"trouble-{field}" for field in ("what", "about", "method", "measure", "times")] + [
    "make-trouble"
]


async def test_an_empty_sandbox_says_so(merchant: Merchant) -> None:
    page = await merchant.http.get("/")

    assert (page.status_code, list(controls(page.text))) == (200, ORDER_TROUBLE)
    assert "还没有交易" in page.text


async def test_everything_that_happened_is_on_one_page(merchant: Merchant) -> None:
    await merchant.buy()
    await merchant.service.drain()

    page = await merchant.http.get("/")

    assert list(controls(page.text)) == [*ORDER_TROUBLE, "trades", "notifies", "resend", "deliveries"]
    assert "TRADE_SUCCESS" in page.text
    assert "http://sandbox.test/sandbox/admin/notifies/" in page.text


async def test_the_lists_are_limited(merchant: Merchant) -> None:
    for number in range(3):
        await merchant.sign_in(await merchant.open(out_trade_no=f"T{number}"))

    [trade] = (await merchant.http.get("/admin/trades", params={"limit": 1})).json()["items"]

    assert (trade["total_fen"], trade["status"]) == (8800, "WAIT_BUYER_PAY")
    assert (await merchant.http.get("/admin/trades", params={"limit": 1001})).status_code == 422


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/metrics", 200)])
async def test_probes(merchant: Merchant, path: str, status: int) -> None:
    assert (await merchant.http.get(path)).status_code == status
