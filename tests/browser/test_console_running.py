"""What runs, looked after: segments uploaded, teams looked up, webhooks sent again, switches turned."""

from pathlib import Path

from browser_people import NewPage
from playwright.async_api import Page, expect

from browser_operators import MARKET, AtConsole, Seller, give_reason, pick, save


async def test_a_list_of_buyers_becomes_a_segment(at_console: AtConsole, tmp_path: Path) -> None:
    page = await at_console("/segments")
    await page.get_by_role("button", name="新建人群").click()
    form = page.get_by_test_id("side-form")
    await form.get_by_label("名称").fill("老客户")
    await form.get_by_label("编号").fill("regulars")
    await page.get_by_role("dialog").get_by_role("button", name="新建人群").click()
    await expect(page.get_by_test_id("members")).to_have_text("0")

    buyers = tmp_path / "buyers.csv"
    buyers.write_text("".join(f"b{n}\n" for n in range(20_000)) + "b1\nnot an id\n")
    await page.get_by_test_id("list-file").set_input_files(buyers)
    await expect(page.get_by_test_id("members")).to_have_text("20,000")
    row = page.get_by_test_id("row").first
    await expect(row).to_contain_text("已导入")
    await expect(row.locator("td")).to_contain_text(["", "", "20002", "20000", "1", "1"])

    await page.get_by_label("查一位买家在不在").fill("b19999")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("在这个人群里")).to_be_visible()
    picture = tmp_path / "buyers.txt"
    picture.write_bytes(b"b1\n" * 10)
    await page.get_by_test_id("list-file").set_input_files(picture)
    await expect(page.get_by_test_id("row")).to_have_count(2)
    await expect(page.get_by_test_id("members")).to_have_text("20,000")


async def test_a_rule_decides_a_segment_instead(at_console: AtConsole) -> None:
    page = await at_console("/segments")
    await page.request.post(f"{MARKET}/segments", data={"id": "spenders", "name": "大客户"})
    await page.goto("/console/segments/spenders")
    await page.get_by_role("button", name="设定规则").click()
    form = page.get_by_test_id("side-form")
    await pick(page, "按什么算", "付款金额")
    await form.get_by_label("至少").fill("500")
    await form.get_by_label("最近多少天").fill("90")
    await save(page, "设定规则")
    await expect(page.get_by_text("最近 90 天，成功付款至少 ¥500")).to_be_visible()
    await expect(page.get_by_test_id("list-file")).to_have_count(0)

    await page.get_by_role("button", name="现在算一次").click()
    await expect(page.locator("dl").filter(has_text="算出人数")).to_contain_text("算出人数0")
    await page.get_by_role("button", name="删除规则").click()
    await page.get_by_role("dialog").get_by_role("button", name="删除规则").click()
    await expect(page.get_by_test_id("list-file")).to_have_count(1)


async def test_a_team_is_found_by_an_order_and_tells_its_story(at_console: AtConsole, seller: Seller) -> None:
    towels = {"campaign": "100127", "goods": "9890005"}
    team = await seller.lock("E2E-1", **towels)
    await seller.lock("E2E-2", **towels, team=team)
    await seller.settle("E2E-1")
    page = await at_console("/teams")
    await page.get_by_label("团号或订单号").fill("E2E-NOBODY")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("没有这个团号，也没有这个订单号")).to_be_visible()
    await page.get_by_label("团号或订单号").fill("E2E-2")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="2 人团，1 人已付款，1 人占座待付款")).to_be_visible()
    await expect(page.locator("mark")).to_contain_text("E2E-2")

    await seller.settle("E2E-2")
    await expect(page.get_by_test_id("team-status")).to_have_attribute("data-status", "formed")
    told = page.get_by_test_id("timeline").get_by_role("listitem")
    await expect(told).to_contain_text(
        ["开团", "占座，等待付款", "占座，等待付款", "付款到账", "付款到账", "2 个座位都已付款"]
    )
    await page.goto("/console/teams?goods_id=9890005&status=formed")
    await expect(page.get_by_test_id("row").filter(has_text=team[-5:])).to_have_count(1)


async def test_webhooks_are_tested_and_sent_again(at_console: AtConsole) -> None:
    page = await at_console("/sources")
    await page.get_by_role("link", name="小型支付商城").click()
    await page.get_by_role("button", name="发测试").click()
    await page.get_by_role("dialog").get_by_role("button", name="发送").click()
    await page.get_by_role("link", name="投递记录").click()
    await page.wait_for_url("**/webhooks?endpoint_id=*")
    row = page.get_by_test_id("row").filter(has_text="测试").first
    await row.get_by_role("link").click()
    await page.wait_for_url("**/webhooks/*/*")
    await expect(page.get_by_test_id("delivery-status")).to_have_attribute("data-status", "delivered")
    tries = page.get_by_test_id("timeline").get_by_role("listitem")
    await expect(tries).to_have_count(1)
    await page.get_by_role("button", name="重新投递").click()
    await give_reason(page, "对方没有处理", "重新投递")
    await expect(tries).to_have_count(2)

    await page.goto("/console/webhooks?kind=test.ping")
    await page.get_by_label("选择这一行").first.check()
    await page.get_by_role("button", name="重新投递 1 条").click()
    await give_reason(page, "再来一次", "重新投递")
    await expect(page.get_by_role("button", name="重新投递 1 条")).to_have_count(0)
    await page.get_by_test_id("row").first.get_by_role("link").click()
    await page.wait_for_url("**/webhooks/*/*")
    await expect(tries).to_have_count(3)


async def test_a_switch_is_turned_with_a_reason_and_buyers_feel_it(
    at_console: AtConsole, visitor: NewPage
) -> None:
    page = await at_console("/switches")
    shop = await visitor()
    await expect(page.get_by_role("button", name="应用改动")).to_be_disabled()
    await turn_downgrade(page, "打开", "演练降级")
    await shop.goto("/p/9890001")
    await expect(shop.get_by_test_id("buy-alone")).to_be_visible()
    await expect(shop.get_by_test_id("open-team")).to_have_count(0)

    await turn_downgrade(page, "关闭", "演练结束")
    await shop.reload()
    await expect(shop.get_by_test_id("open-team")).to_be_visible()
    history = page.get_by_test_id("row")
    await expect(history.first).to_contain_text("演练结束")
    await expect(history.first).to_contain_text("降级是 → 否")


async def turn_downgrade(page: Page, way: str, reason: str) -> None:
    await page.get_by_test_id("downgraded").click()
    await page.get_by_role("button", name="应用改动").click()
    dialog = page.get_by_role("dialog").filter(has_text="应用这些改动")
    await expect(dialog).to_contain_text(f"降级：{way}")
    await give_reason(page, reason, "应用改动")
