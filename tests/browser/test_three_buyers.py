"""Three people with three phones buy together: scan, open, join, pay, form, receive."""

import re

from browser_people import NewPage, pay, shoot, sign_in, sign_in_to_pay
from playwright.async_api import Page, expect


async def test_one_opens_two_join_and_all_are_delivered(visitor: NewPage) -> None:
    ann, bob, cai = [await visitor() for _ in range(3)]

    invitation = await ann_opens_a_team(ann)
    await bob_joins_by_the_link(bob, invitation)
    await expect(ann.get_by_test_id("team-progress").first).to_contain_text("2 / 3")
    await shoot(ann, "order-filling")
    await cai_joins_from_the_product(cai)

    for page in (ann, bob, cai):
        await expect(page.get_by_test_id("order-status").first).to_have_attribute(
            "data-status", "fulfilled", timeout=30_000
        )
        await expect(page.get_by_test_id("delivery-code")).to_be_visible()
    await shoot(ann, "order-fulfilled")
    await ann_looks_at_her_orders(ann)


async def ann_opens_a_team(ann: Page) -> str:
    await ann.goto("/")
    await expect(ann.get_by_test_id("product-card")).to_have_count(7)
    await shoot(ann, "home")
    await ann.get_by_test_id("product-card").filter(has_text="MyBatis").click()
    await expect(ann.get_by_test_id("group-price").first).to_contain_text("90")
    await expect(ann.get_by_test_id("list-price").first).to_contain_text("100")
    await expect(ann.get_by_test_id("saving").first).to_contain_text("10")

    await ann.get_by_test_id("open-team").click()
    await ann.get_by_test_id("confirm-pay").click()
    await ann.wait_for_url("**/login**")
    await ann.get_by_test_id("login-qr").wait_for()
    await shoot(ann, "login")
    await sign_in(ann, "安安")
    await ann.get_by_test_id("confirm-pay").wait_for()
    await expect(ann.get_by_test_id("sheet-payable")).to_contain_text("90")
    await shoot(ann, "sheet")
    await pay(ann)

    await expect(ann.get_by_test_id("team-progress").first).to_contain_text("1 / 3")
    return await ann.get_by_test_id("invite-link").input_value()


async def bob_joins_by_the_link(bob: Page, invitation: str) -> None:
    await bob.goto(invitation)
    await expect(bob.get_by_test_id("team-progress").first).to_be_visible()
    await shoot(bob, "invite")
    await bob.get_by_test_id("join-team").click()
    await sign_in_to_pay(bob, "小博")
    await pay(bob)


async def cai_joins_from_the_product(cai: Page) -> None:
    await cai.goto("/p/9890001")
    team = cai.get_by_test_id("team-progress").filter(has_text="还差 1 人").first  # The others' need more.
    await expect(team).to_be_visible()
    await shoot(cai, "product")
    await team.get_by_test_id("join-team").click()
    await sign_in_to_pay(cai, "彩彩")
    await pay(cai)


async def ann_looks_at_her_orders(ann: Page) -> None:
    await ann.goto("/orders")
    await expect(ann.get_by_test_id("order-card")).to_have_count(1)
    await shoot(ann, "orders")
    await ann.goto("/me")
    await ann.get_by_test_id("sign-out").click()
    await expect(ann.get_by_test_id("sign-out")).to_have_count(0)


async def test_two_who_want_the_last_seat_and_one_is_told_what_to_do(visitor: NewPage) -> None:
    ann, bob, cai = [await visitor() for _ in range(3)]
    await ann.goto("/p/9890002?buy=open")
    await sign_in_to_pay(ann, "丁丁")
    await pay(ann)
    invitation = await ann.get_by_test_id("invite-link").input_value()
    for page, name in ((bob, "恩恩"), (cai, "方方")):
        await page.goto(invitation)
        await page.get_by_test_id("join-team").click()
        await sign_in_to_pay(page, name)

    await pay(bob)
    await cai.get_by_test_id("confirm-pay").click()

    await expect(cai.get_by_test_id("refusal")).to_be_visible()
    await expect(cai.get_by_test_id("way-out")).to_be_visible()
    await shoot(cai, "refused")
    await cai.goto("/orders")
    await expect(cai.get_by_test_id("order-card").filter(has_text="去付款")).to_have_count(0)


async def test_buying_alone_at_the_list_price_on_a_desktop(visitor: NewPage) -> None:
    page = await visitor(desktop=True)
    await page.goto("/p/9890003")
    await expect(page.get_by_test_id("group-price").first).to_contain_text("54.40")
    await shoot(page, "product-desktop")
    await page.get_by_test_id("buy-alone").click()
    await sign_in_to_pay(page, "桂桂")
    await expect(page.get_by_test_id("sheet-payable")).to_contain_text("68")
    await pay(page)

    await expect(page.get_by_test_id("order-status").first).to_have_attribute(
        "data-status", "fulfilled", timeout=30_000
    )
    await shoot(page, "order-desktop")
    await page.goto("/")
    await expect(page.get_by_test_id("product-card")).to_have_count(7)
    await shoot(page, "home-desktop")


async def test_an_address_that_leads_nowhere_says_so(visitor: NewPage) -> None:
    page = await visitor()
    for path in ("/p/nowhere", "/t/nowhere", "/nowhere/at/all"):
        await page.goto(path)
        await expect(page.get_by_role("main")).to_contain_text("没有找到")


async def test_a_stranger_is_sent_to_sign_in_and_comes_back(visitor: NewPage) -> None:
    page = await visitor()
    await page.goto("/orders")
    await page.get_by_role("button", name="去登录").or_(page.get_by_role("link", name="去登录")).click()
    await page.wait_for_url("**/login**")
    await sign_in(page, "海海")

    await page.wait_for_url(re.compile(r"^[^?]*/orders$"))
    await expect(page.get_by_test_id("order-card")).to_have_count(0)
    await expect(page.get_by_role("button", name="去登录")).to_have_count(0)
