"""The console itself: signing in, going on after a session ended, the keyboard, the other language."""

import re
from pathlib import Path

from browser_people import NewPage
from playwright.async_api import expect

from browser_operators import MARKET, AtConsole, keys, sign_in


async def test_a_wrong_password_is_told_and_the_address_is_kept(
    visitor: NewPage, at_console: AtConsole
) -> None:
    page = await visitor(desktop=True)
    await page.goto("/console/switches")
    await sign_in(page, "admin", "a guess")
    await expect(page.get_by_test_id("refusal")).to_have_text("用户名或密码不对")

    signed_in = await at_console("/switches")
    await expect(signed_in.get_by_role("heading", name="开关")).to_be_visible()
    await signed_in.get_by_role("button", name="退出登录").click()
    await expect(signed_in.get_by_label("密码")).to_be_visible()
    assert signed_in.url.endswith("/console/switches")


async def test_a_session_that_ends_takes_nothing_that_was_typed(at_console: AtConsole, home: Path) -> None:
    page = await at_console("/segments")
    await page.get_by_role("button", name="新建人群").click()
    form = page.get_by_test_id("side-form")
    await form.get_by_label("名称").fill("写到一半的人群")
    await form.get_by_label("说明").fill("写了很久的说明")
    await page.context.clear_cookies()
    await page.get_by_role("dialog").get_by_role("button", name="新建人群").click()

    again = page.get_by_role("dialog").filter(has_text="会话已结束")
    await expect(again).to_be_visible()
    await expect(again.get_by_label("用户名")).to_have_value("admin")
    await expect(form.get_by_label("说明")).to_have_value("写了很久的说明")
    await again.get_by_label("密码").fill(keys(home)["operator_password"])
    await again.get_by_role("button", name="登录").click()
    await expect(page.get_by_role("heading", name="写到一半的人群")).to_be_visible()


async def test_another_operator_does_not_finish_what_was_begun(at_console: AtConsole, home: Path) -> None:
    admin = await at_console("/operators")
    other = {"name": "olga", "password": "olga-has-a-password", "role": "operator"}
    await admin.request.post(f"{MARKET}/operators", data=other)
    page = await at_console("/segments")
    await page.get_by_role("button", name="新建人群").click()
    form = page.get_by_test_id("side-form")
    await form.get_by_label("名称").fill("管理员的人群")
    await page.context.clear_cookies()
    await page.get_by_role("dialog").get_by_role("button", name="新建人群").click()
    again = page.get_by_role("dialog").filter(has_text="会话已结束")
    await again.get_by_label("用户名").fill("olga")
    await again.get_by_label("密码").fill("olga-has-a-password")
    await again.get_by_role("button", name="登录").click()

    await expect(page.locator("aside")).to_contain_text("olga")
    await expect(form).to_have_count(0)
    await expect(page.get_by_test_id("row").filter(has_text="管理员的人群")).to_have_count(0)


async def test_the_keyboard_leads_everywhere(at_console: AtConsole) -> None:
    page = await at_console("/")
    await page.keyboard.press("?")
    await expect(page.get_by_test_id("keys")).to_contain_text("通知投递")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("keys")).to_be_hidden()

    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await expect(page).to_have_url(re.compile("/console/campaigns$"))
    await expect(page.get_by_test_id("row").first).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await expect(page.locator("[data-row]").first).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_label("按名称搜索")).to_be_focused()
    await page.keyboard.type("gc/?")
    await expect(page.get_by_label("按名称搜索")).to_have_value("gc/?")
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await expect(page).to_have_url(re.compile("/console/campaigns/new$"))


async def test_english_by_a_switch_that_is_remembered(at_console: AtConsole) -> None:
    page = await at_console("/teams")
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", name="Teams & seats")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Teams & seats")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_role("heading", name="团与座位")).to_be_visible()


async def test_a_phone_opens_the_rooms_from_its_menu(at_console: AtConsole) -> None:
    page = await at_console("/", phone=True)
    await page.get_by_role("button", name="打开菜单").click()
    await page.get_by_role("link", name="活动").click()
    await expect(page.get_by_role("heading", name="活动")).to_be_visible()
    await expect(page.get_by_role("link", name="今日")).to_be_hidden()


async def test_an_address_that_is_no_room_says_so(at_console: AtConsole) -> None:
    page = await at_console("/no/such/room")
    await expect(page.locator("#room")).to_contain_text("没有这个页面")
    await page.goto("/console/teams/01a2.nothing")
    await expect(page.locator("#room")).to_contain_text("没有找到")
