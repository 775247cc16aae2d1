"""An operator makes an offer: a discount, a campaign, goods in it; and a buyer sees its price in the shop."""

from browser_people import NewPage
from playwright.async_api import Page, expect

from browser_operators import MARKET, AtConsole, give_reason, pick, save

LAMP = "9890006"  # 199 yuan in the shop.


async def test_from_a_discount_to_a_price_in_the_shop(at_console: AtConsole, visitor: NewPage) -> None:
    page = await at_console("/campaigns")
    await page.get_by_role("button", name="新建活动").click()
    await page.get_by_test_id("campaign-form").get_by_label("名称").fill("周末阅读灯")
    await a_new_discount_of_a_third_off(page)
    await page.get_by_test_id("seats").fill("2")
    await page.get_by_role("button", name="存为草稿").click()
    await expect(page.get_by_test_id("campaign-status")).to_have_attribute("data-status", "draft")

    await page.get_by_role("button", name="发布").click()
    await give_reason(page, "周末促销", "发布")
    await expect(page.get_by_test_id("campaign-status")).to_have_attribute("data-status", "live")
    await page.get_by_role("button", name="挂商品").click()
    form = page.get_by_test_id("side-form")
    await form.get_by_label("商品编号").fill(LAMP)
    await form.get_by_label("原价").fill("199")
    await expect(form.get_by_test_id("preview")).to_contain_text("¥132.33")
    await form.get_by_label("成本价").fill("100")
    await expect(form.get_by_test_id("margin")).to_contain_text("¥32.33 · 24.43%")
    await save(page, "挂商品")
    await expect(page.get_by_test_id("row").filter(has_text=LAMP)).to_contain_text("¥132.33")
    await expect(page.get_by_test_id("row").filter(has_text=LAMP)).to_contain_text("¥32.33")

    shop = await visitor()
    await shop.goto(f"/p/{LAMP}")
    await expect(shop.get_by_test_id("group-price").first).to_contain_text("132.33")


async def a_new_discount_of_a_third_off(page: Page) -> None:
    """Made on the way; the price it makes is shown as it is typed."""
    await page.get_by_role("button", name="新建优惠").click()
    form = page.get_by_test_id("side-form")
    await form.get_by_label("名称").fill("六六五折")
    await form.get_by_text("折扣", exact=True).click()
    await form.get_by_label("打几折").fill("6.65")
    await expect(form.get_by_test_id("preview")).to_contain_text("¥66.50")
    await expect(form.get_by_test_id("preview")).to_contain_text("省 33.5%")
    await save(page, "新建优惠")

    campaign = page.get_by_test_id("campaign-form")
    await campaign.get_by_label("试算：原价").fill("8.88")
    await expect(campaign.get_by_test_id("preview")).to_contain_text("¥5.90")
    await expect(campaign.get_by_test_id("margin")).to_have_count(0)
    await campaign.get_by_label("试算：成本价").fill("4")
    await expect(campaign.get_by_test_id("margin")).to_contain_text("¥1.90 · 32.2%")
    await campaign.get_by_label("试算：成本价").fill("6")
    await expect(campaign.get_by_test_id("margin")).to_contain_text("-¥0.10")


async def test_a_campaign_is_copied_edited_and_ended_with_a_reason(at_console: AtConsole) -> None:
    page = await at_console("/campaigns")
    await page.get_by_role("link", name="竹纤维毛巾").click()
    await page.get_by_role("button", name="复制").first.click()
    await page.get_by_test_id("side-form").get_by_label("名称").fill("毛巾返场")
    await page.get_by_role("button", name="复制为草稿").click()
    await expect(page.get_by_role("heading", name="毛巾返场")).to_be_visible()

    await page.get_by_role("button", name="修改").click()
    await page.get_by_test_id("seats").fill("4")
    await page.get_by_role("button", name="保存").click()
    await expect(page.locator("dl")).to_contain_text("成团人数4")
    await page.get_by_role("button", name="发布").click()
    await give_reason(page, "返场", "发布")
    await page.get_by_role("button", name="结束活动").click()
    dialog = page.get_by_role("dialog").filter(has_text="结束“毛巾返场”")
    await dialog.get_by_role("button", name="结束活动").click()
    await expect(dialog).to_contain_text("请写明原因")
    await give_reason(page, "卖完了", "结束活动")
    await expect(page.get_by_test_id("campaign-status")).to_have_attribute("data-status", "ended")


async def test_what_is_filtered_is_in_the_address_and_in_the_file(at_console: AtConsole) -> None:
    page = await at_console("/discounts")
    await page.get_by_role("button", name="新建优惠").click()
    form = page.get_by_test_id("side-form")
    await form.get_by_label("名称").fill('=HYPERLINK("http://elsewhere")')
    await form.get_by_label("满多少").fill("50")
    await form.get_by_label("减多少").fill("5")
    await save(page, "新建优惠")
    async with page.expect_download() as downloading:
        await page.get_by_test_id("export").click()
    lines = (await (await downloading.value).path()).read_text("utf-8-sig").splitlines()
    [line] = [line for line in lines if "HYPERLINK" in line]
    assert line.startswith('"\'=HYPERLINK(""http://elsewhere"")",')

    await page.goto("/console/campaigns")
    await page.get_by_label("按名称搜索").fill("龙井")
    await expect(page.get_by_test_id("row")).to_have_count(1)
    assert "text=%E9%BE%99%E4%BA%95" in page.url
    await page.reload()
    await expect(page.get_by_test_id("row")).to_have_count(1)
    await page.get_by_label("按名称搜索").fill("没有这个")
    await expect(page.get_by_test_id("nothing-found")).to_be_visible()
    await page.get_by_role("button", name="清除筛选").first.click()
    await expect(page.get_by_test_id("row")).not_to_have_count(0)
    assert "text=" not in page.url


async def test_rows_come_in_the_order_of_the_column_that_is_pressed(at_console: AtConsole) -> None:
    page = await at_console("/products")
    prices = page.locator('td[data-label="原价"]')
    header = page.get_by_role("columnheader", name="原价")
    await expect(header).to_have_attribute("aria-sort", "none")
    await header.get_by_role("button").focus()
    for key_sort in ("ascending", "descending"):
        await page.keyboard.press("Enter")
        await expect(header).to_have_attribute("aria-sort", key_sort)
        await page.reload()
        await expect(header).to_have_attribute("aria-sort", key_sort)
        shown = [float(text.strip("¥")) for text in await prices.all_inner_texts()]
        assert len(shown) > 3
        assert shown == sorted(shown, reverse=key_sort == "descending")
        await header.get_by_role("button").focus()
    await expect(page.get_by_role("button", name="清除筛选")).to_have_count(0)
    await page.keyboard.press("Enter")
    await expect(header).to_have_attribute("aria-sort", "none")
    assert "sort=" not in page.url

    phone = await at_console("/products", phone=True)
    await phone.get_by_label("排序").select_option(label="原价，从大到小")
    await phone.wait_for_url("**/products?sort=-price")
    await expect(phone.get_by_test_id("row").first).to_contain_text("¥")


async def test_rows_that_come_whole_are_sorted_where_they_are_shown(at_console: AtConsole) -> None:
    page = await at_console("/segments")
    for name in ("vip-10", "vip-9"):
        source = {"id": name, "name": name}
        assert (await page.request.post(f"{MARKET}/sources", data=source)).status == 201
    await page.goto("/console/sources")
    created = page.get_by_test_id("row").filter(has_text="vip-")
    await expect(created.first).to_contain_text("vip-10")
    await page.get_by_role("columnheader", name="名称").get_by_role("button").click()
    await expect(created.first).to_contain_text("vip-9")
    assert page.url.endswith("/sources?sort=name")
    await page.goto("/console/audit?sort=at")
    await expect(page.get_by_role("columnheader", name="时间")).to_have_attribute("aria-sort", "ascending")
    await expect(page.get_by_test_id("row").first).to_contain_text("任命操作员")


async def test_goods_change_their_price_and_leave(at_console: AtConsole) -> None:
    page = await at_console("/listings")
    await page.get_by_role("button", name="挂商品").click()
    await pick(page, "活动", "云南小粒咖啡豆")
    form = page.get_by_test_id("side-form")
    await form.get_by_label("商品编号").fill("beans-2")
    await form.get_by_label("原价").fill("100")
    await save(page, "挂商品")
    row = page.get_by_test_id("row").filter(has_text="beans-2")
    await expect(row).to_contain_text("¥80")

    await row.get_by_role("button", name="改原价").click()
    await form.get_by_label("原价").fill("50")
    await save(page, "挂商品")
    await expect(row).to_contain_text("¥40")
    await row.get_by_role("button", name="撤下").click()
    dialog = page.get_by_role("dialog").filter(has_text="撤下商品 beans-2")
    await dialog.get_by_role("button", name="撤下").click()
    await expect(row).to_have_count(0)
