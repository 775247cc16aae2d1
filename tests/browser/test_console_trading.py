"""The mall at the console: an order's whole life, money given back by two operators, books put right."""

from datetime import timedelta

import pytest
from browser_people import NewPage, pay, sign_in_to_pay
from playwright.async_api import Page, expect

from browser_operators import MALL, MARKET, AtConsole, give_reason, save
from tuan.kernel.clock import beijing_day, utc_now

TOWELS = "9890005"
pytestmark = pytest.mark.usefixtures("sold")


async def test_an_order_tells_its_whole_life_and_is_paid_back(at_console: AtConsole) -> None:
    page = await at_console("/orders?status=fulfilled")
    await expect(page.get_by_test_id("row")).not_to_have_count(0)
    await page.get_by_test_id("row").filter(has_text="MyBatis").first.get_by_role("link").click()
    told = page.get_by_test_id("timeline")
    for what in ("下单", "开出付款单", "收到款项", "座位计入拼团", "发货"):
        await expect(told).to_contain_text(what)
    await expect(page.get_by_role("button", name="关闭订单")).to_be_disabled()

    await page.get_by_role("button", name="退款", exact=True).click()
    await give_reason(page, "买家收到坏的", "退款")
    status = page.get_by_test_id("order-status")
    await expect(status).to_have_attribute("data-status", "refunded", timeout=30_000)
    await expect(told).to_contain_text("退款到账")
    await expect(told).to_contain_text("买家收到坏的 · 由 admin")
    await page.get_by_role("link", name="团 ›").click()
    await expect(page.get_by_role("heading", name="3 人团")).to_be_visible()


async def test_a_large_refund_takes_a_second_operator(at_console: AtConsole, visitor: NewPage) -> None:
    page = await at_console("/products")
    await a_new_product_of_eight_hundred_yuan(page)
    number = await a_buyer_buys_it(await visitor(), "chair-1")
    for name in ("petra", "viola"):
        role = "operator" if name == "petra" else "viewer"
        other = {"name": name, "password": f"{name}-has-a-password", "role": role}
        await page.request.post(f"{MARKET}/operators", data=other)

    await page.goto(f"/console/orders/{number}")
    await page.get_by_role("button", name="退款", exact=True).click()
    await give_reason(page, "买家退货", "退款")
    await expect(page.get_by_test_id("request-status")).to_have_text("等待批准")
    await expect(page.get_by_role("button", name="批准")).to_be_disabled()
    await page.goto("/console/")
    await expect(page.get_by_test_id("attention")).to_contain_text("1 笔大额退款等另一位操作员批准")

    viewer = await at_console(f"/orders/{number}", name="viola", password="viola-has-a-password")
    await expect(viewer.get_by_role("button", name="批准")).to_contain_text("需要“退款”权限")
    second = await at_console("/refunds", name="petra", password="petra-has-a-password")
    request = second.get_by_test_id("row").filter(has_text=number).first
    await expect(request).to_contain_text("买家退货")
    await request.get_by_role("button", name="批准").click()
    await give_reason(second, "核对过了", "批准")
    await second.goto(f"/console/orders/{number}")
    await expect(second.get_by_test_id("order-status")).to_have_attribute(
        "data-status", "refunded", timeout=30_000
    )
    await it_leaves_the_shelf(page)


async def test_a_refund_the_gateway_would_not_make_is_tried_again(
    at_console: AtConsole, visitor: NewPage
) -> None:
    number = await a_buyer_buys_it(await visitor(), TOWELS)
    page = await at_console(f"/orders/{number}")
    trouble = {"door": "alipay.gateway", "kind": "no_balance", "method": "alipay.trade.refund"}
    made = await (await page.request.post("/sandbox/admin/troubles", data=trouble)).json()
    await page.get_by_role("button", name="退款", exact=True).click()
    await give_reason(page, "买家退货", "退款")
    await page.goto(f"/console/refunds?order_number={number}")
    refund = page.get_by_test_id("row").filter(has_text=number)
    await expect(refund).to_contain_text("退款中")
    await expect(refund).to_contain_text("SELLER_BALANCE_NOT_ENOUGH")

    # The account has no money yet, so that pressing never meets a refund the ladder just made.
    await refund.get_by_role("button", name="再试").click()
    await give_reason(page, "账户就要充值", "再试")
    await page.request.delete(f"/sandbox/admin/troubles/{made['id']}")
    await expect(refund).to_contain_text("已到账", timeout=30_000)
    await expect(refund.get_by_role("button", name="再试")).to_be_disabled()
    await refund.get_by_role("link", name=number).click()
    await expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", "refunded")
    await expect(page.get_by_test_id("timeline")).to_contain_text("退款到账")
    await page.goto("/console/audit?of=mall")
    await expect(page.get_by_test_id("row").filter(has_text="账户就要充值")).to_be_visible()


async def a_new_product_of_eight_hundred_yuan(page: Page) -> None:
    await page.get_by_role("button", name="新建商品").click()
    form = page.get_by_test_id("side-form")
    await form.get_by_label("编号").fill("chair-1")
    await form.get_by_label("标题", exact=True).fill("人体工学椅")
    await form.get_by_label("原价").fill("800")
    await form.get_by_label("图片").fill("/goods/9890006-1.svg")
    await save(page, "新建商品")
    row = page.get_by_test_id("row").filter(has_text="人体工学椅")
    await expect(row).to_contain_text("已下架")
    await row.get_by_role("button", name="上架").click()
    await give_reason(page, "新品", "上架")
    await expect(row).to_contain_text("在售")


async def a_buyer_buys_it(shop: Page, product: str) -> str:
    await shop.goto(f"/p/{product}?buy=alone")
    await sign_in_to_pay(shop, "大椅")
    await pay(shop)
    await expect(shop.get_by_test_id("order-status").first).to_have_attribute(
        "data-status", "fulfilled", timeout=30_000
    )
    return shop.url.rsplit("/", 1)[-1].partition("?")[0]


async def it_leaves_the_shelf(page: Page) -> None:
    await page.goto("/console/products?text=chair-1")
    row = page.get_by_test_id("row")
    await row.get_by_role("button", name="下架").click()
    await give_reason(page, "停售", "下架")
    await expect(row).to_contain_text("已下架")


async def test_a_notify_is_replayed_and_a_payment_asked_about(at_console: AtConsole) -> None:
    page = await at_console("/notifies?verdict=paid")
    await page.get_by_test_id("row").first.get_by_role("link").click()
    await page.get_by_role("button", name="重放").click()
    await give_reason(page, "再看一遍", "重放")
    await expect(page.get_by_text("判定：重复，已处理过")).to_be_visible()
    await page.goto("/console/notifies?verdict=repeated")
    await expect(page.get_by_test_id("row")).not_to_have_count(0)

    await page.goto("/console/payments?status=paid")
    await page.get_by_role("button", name="向网关查询").first.click()
    await page.get_by_role("dialog").get_by_role("button", name="向网关查询").click()
    await expect(page.get_by_text("网关说已付款")).to_be_visible()


async def test_a_break_in_the_books_is_repaired(at_console: AtConsole) -> None:
    page = await at_console("/breaks")
    day = str(beijing_day(utc_now()) - timedelta(days=2))  # Yesterday's bill may not be there yet.
    stray = {"period": day, "kind": "extra_row", "out_trade_no": "STRAY1", "amount_fen": 12_34}
    answer = await page.request.post("/sandbox/admin/bill-troubles", data=stray)
    assert answer.status == 201, await answer.text()
    answer = await page.request.post(f"{MALL}/reconciliations/alipay/{day}/rerun", data={})
    assert answer.ok, await answer.text()

    await page.reload()
    stray_break = page.get_by_test_id("row").filter(has_text="STRAY1")
    await expect(stray_break).to_contain_text("收款不属于任何订单")
    await expect(stray_break).to_contain_text("¥12.34")
    await page.goto("/console/")
    await expect(page.get_by_test_id("attention")).to_contain_text("1 处账对不上")
    await page.get_by_role("link", name="1 处账对不上").click()
    await stray_break.get_by_role("button", name="修复").click()
    await give_reason(page, "网关说账单已更正", "修复")
    await expect(stray_break).to_have_count(0)  # Open ones are shown, and it is none any more.
    await page.get_by_role("button", name="清除筛选").first.click()
    await expect(stray_break.get_by_test_id("break-status")).to_have_text("已修复")

    await page.get_by_role("button", name="全面检查").click()
    await page.get_by_role("dialog").get_by_role("button", name="全面检查").click()
    await expect(page.get_by_text("全面检查：没有问题")).to_be_visible(timeout=60_000)
    await page.goto("/console/ledger")
    await expect(page.get_by_test_id("balance")).to_have_text("借贷相等")
    await page.goto("/console/alarms?ringing=true")
    await page.get_by_role("button", name="处理完了").first.click()
    await give_reason(page, "看过了", "处理完了")
    await page.goto("/console/audit?of=mall")
    await expect(page.get_by_test_id("row").filter(has_text="处理告警")).to_have_count(1)
    await expect(page.get_by_test_id("row").filter(has_text="修复差异")).to_contain_text("网关说账单已更正")
