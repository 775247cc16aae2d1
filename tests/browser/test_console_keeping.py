"""Who may do what: keys shown once, operators appointed and dismissed, refusals told, all on record."""

import httpx
from playwright.async_api import expect

from browser_operators import MARKET, AtConsole, give_reason, save

QUOTE = {"goods_id": "9890001", "channel": "c01", "buyer_id": "b1"}


async def test_a_key_is_shown_once_rotated_and_revoked(at_console: AtConsole, server: str) -> None:
    page = await at_console("/sources")
    await page.get_by_role("button", name="新建来源").click()
    form = page.get_by_test_id("side-form")
    await form.get_by_label("编号").fill("s77")
    await form.get_by_label("名称").fill("合作商城")
    await page.get_by_role("dialog").get_by_role("button", name="新建来源").click()
    await page.get_by_role("button", name="签发密钥").click()
    await give_reason(page, "接入", "签发密钥")
    first = await page.get_by_test_id("secret").inner_text()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("secret")).to_be_visible()  # Closed on purpose only.
    await page.get_by_role("button", name="我已保存").click()

    await page.get_by_role("button", name="轮换").click()
    await give_reason(page, "例行轮换", "轮换")
    second = await page.get_by_test_id("secret").inner_text()
    await page.get_by_role("button", name="我已保存").click()
    rows = page.get_by_test_id("row")
    await expect(rows).to_have_count(2)
    await expect(rows.filter(has_text="将吊销")).to_have_count(1)
    await rows.filter(has_text="将吊销").get_by_role("button", name="吊销").click()
    await give_reason(page, "已换新", "吊销")
    await expect(rows.filter(has_text="已吊销")).to_have_count(1)

    async with httpx.AsyncClient(base_url=f"{server}/api/market") as http:
        answers = [
            await http.post("/v1/quotes", json=QUOTE, headers={"authorization": f"Bearer {key}"})
            for key in (first, second)
        ]
    assert [answer.json()["code"] for answer in answers] == ["unauthorized", "no_listing"]
    await expect(page.locator("body")).not_to_contain_text(second)


async def test_an_operator_is_appointed_and_dismissed(at_console: AtConsole) -> None:
    page = await at_console("/operators")
    await page.get_by_role("button", name="任命操作员").click()
    form = page.get_by_test_id("side-form")
    await form.get_by_label("用户名").fill("vera")
    await form.get_by_label("密码").fill("too short")
    await expect(page.get_by_role("dialog").get_by_role("button", name="任命操作员")).to_be_disabled()
    await form.get_by_label("密码").fill("vera-looks-only")
    await save(page, "任命操作员")
    row = page.get_by_test_id("row").filter(has_text="vera")
    await expect(row).to_contain_text("只读")

    vera = await at_console("/campaigns", name="vera", password="vera-looks-only")
    await row.get_by_role("button", name="停用").click()
    await give_reason(page, "离职", "停用")
    await expect(row).to_contain_text("已停用")
    await vera.get_by_role("link", name="优惠").click()
    await expect(vera.get_by_text("会话已结束")).to_be_visible()

    mine = page.get_by_test_id("row").filter(has_text="你自己")
    await mine.get_by_role("button", name="停用").click()
    dialog = page.get_by_role("dialog").filter(has_text="停用 admin")
    await dialog.get_by_label("原因").fill("试试看")
    await dialog.get_by_role("button", name="停用").click()
    await expect(dialog.get_by_test_id("refusal")).to_have_text("至少要留下一位管理员")
    await expect(dialog.get_by_label("原因")).to_have_value("试试看")


async def test_a_viewer_sees_and_is_told_what_is_not_theirs(at_console: AtConsole) -> None:
    admin = await at_console("/audit")
    viewer = {"name": "viktor", "password": "viktor-looks-only", "role": "viewer"}
    await admin.request.post(f"{MARKET}/operators", data=viewer)
    page = await at_console("/campaigns", name="viktor", password="viktor-looks-only")
    button = page.get_by_role("button", name="新建活动")
    await expect(button).to_be_disabled()
    await expect(button).to_contain_text("需要“营销”权限")
    await page.get_by_role("link", name="手写MyBatis").click()
    await expect(page.get_by_role("button", name="结束活动")).to_be_disabled()
    await page.goto("/console/switches")
    await expect(page.get_by_test_id("downgraded")).to_contain_class("is-disabled")
    await page.goto("/console/operators")
    await expect(page.get_by_test_id("denied")).to_contain_text("你的角色看不到这里")

    await admin.reload()
    entry = admin.get_by_test_id("row").filter(has_text="任命操作员").first
    await expect(entry).to_contain_text("角色只读")
