"""A scan alone signs in a page on the original's paths, where the shop has chosen so, and nobody else."""

from collections.abc import AsyncIterator

import pytest
from mall_builders import API, World, a_world
from mall_original import OldPage, old_page, scan
from mall_stand_ins import link_in


@pytest.fixture
async def careful(mall_database: str) -> AsyncIterator[World]:
    """A shop that lets no scan sign anybody in."""
    async with a_world(mall_database, original_scan_confirms=False) as world:
        yield world


async def test_a_shop_that_has_not_chosen_so_asks_the_phone_of_an_old_page_too(careful: World) -> None:
    async with old_page(careful) as http:
        page = OldPage(careful, http)
        ticket = await page.ticket()
        reply = await scan(careful, http, "o-ann")
        scanned = await page.check(ticket)
        words = careful.wechat.read_reply(reply.text)
        async with careful.browser() as phone:
            confirmed = await phone.post(link_in(words))
        signed_in = await page.check(ticket)

    assert "请求登录你的账号" in words
    assert (scanned["code"], scanned["data"]) == ("0003", None)
    assert (confirmed.status_code, signed_in["code"]) == (200, "0000")


async def test_our_own_shop_asks_though_the_scan_is_told_on_the_originals_path(world: World) -> None:
    async with world.browser() as browser, old_page(world) as http:
        ticket = (await browser.post(f"{API}/v1/login/tickets")).json()
        redeemed = {"ticket_id": ticket["id"]}
        words = world.wechat.read_reply((await scan(world, http, "o-ann")).text)
        refused = await browser.post(f"{API}/v1/sessions", json=redeemed)
        async with world.browser() as phone:
            await phone.post(link_in(words))
        signed_in = await browser.post(f"{API}/v1/sessions", json=redeemed)

    assert "请求登录你的账号" in words
    assert refused.json()["code"] == "ticket_waiting"
    assert signed_in.status_code == 201


async def test_an_old_page_is_signed_in_by_the_scan_wherever_it_is_told(world: World) -> None:
    async with old_page(world) as http:
        page = OldPage(world, http)
        ticket = await page.ticket()
        reply = await world.scan(world.wechat.scenes[-1], "o-ann")
        signed_in = await page.check(ticket)

    assert world.wechat.read_reply(reply.text) == "登录成功"
    assert signed_in["code"] == "0000"
