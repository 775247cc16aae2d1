"""Buying without WeChat (无痕登录): known by a cookie alone, until the guest signs in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from mall_builders import ALONE, API, GROUP, Shopper, World, a_world
from mall_console_builders import a_browser

from tuan.kernel.ids import new_id
from tuan.mall.operator import Role

GUEST = f"{API}/v1/sessions/guest"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%became%'"


@pytest.fixture
async def open_shop(mall_database: str) -> AsyncIterator[World]:
    async with a_world(mall_database, guests=True) as world:
        yield world
        assert await world.findings(only_always=True) == []


async def enter(browser: httpx.AsyncClient) -> dict[str, Any]:
    answer = await browser.post(GUEST)
    assert answer.status_code == 201, answer.text
    guest: dict[str, Any] = answer.json()
    return guest


async def order(browser: httpx.AsyncClient, body: dict[str, Any] = ALONE) -> dict[str, Any]:
    answer = await browser.post(f"{API}/v1/orders", json=body, headers={"idempotency-key": new_id()})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def orders_in(browser: httpx.AsyncClient) -> set[str]:
    return {one["number"] for one in (await browser.get(f"{API}/v1/orders")).json()["items"]}


async def test_a_shop_that_wants_no_guests_has_none(world: World) -> None:
    async with world.browser() as browser:
        answer = await browser.post(GUEST)
        settings = (await browser.get(f"{API}/v1/settings")).json()

    assert (answer.status_code, answer.json()["code"]) == (403, "guests_not_welcome")
    assert settings["guests"] is False
    assert world.rows("SELECT count(*) FROM buyer") == [(0,)]


async def test_a_guest_buys_pays_and_is_delivered(open_shop: World) -> None:
    world = open_shop
    async with world.browser() as browser:
        settings = (await browser.get(f"{API}/v1/settings")).json()
        guest = await enter(browser)
        bought = await order(browser)
        await world.pay(bought)
        await world.service.drain()
        seen = (await browser.get(f"{API}/v1/orders/{bought['number']}")).json()

    assert (settings["guests"], guest["guest"]) == (True, True)
    assert seen["status"] == "fulfilled"
    assert world.rows("SELECT openid, became FROM buyer") == [(None, None)]


async def test_entering_twice_is_the_same_guest_and_a_buyer_stays_who_they_are(open_shop: World) -> None:
    async with open_shop.browser() as browser, open_shop.browser() as other:
        first, again = await enter(browser), await enter(browser)
        buyer = await open_shop.sign_in(other, "o-ann")
        still = await enter(other)

    assert first == again
    assert still == buyer
    assert open_shop.rows("SELECT count(*) FROM session") == [(2,)]


async def test_guests_do_not_see_each_others_orders(open_shop: World) -> None:
    async with open_shop.browser() as one, open_shop.browser() as two:
        await enter(one)
        await enter(two)
        bought = await order(one)
        looked = await two.get(f"{API}/v1/orders/{bought['number']}")

        assert (looked.status_code, await orders_in(two)) == (404, set())


async def test_a_guests_browser_stays_known_for_a_month_used_or_not(open_shop: World) -> None:
    """It is the only way to what they paid for."""
    async with open_shop.browser() as browser:
        answer = await browser.post(GUEST)
        open_shop.clock.pass_by(days=30, seconds=-1)
        before = await browser.get(f"{API}/v1/me")
        open_shop.clock.pass_by(seconds=1)
        after = await browser.get(f"{API}/v1/me")

    assert f"Max-Age={30 * 24 * 3600}" in answer.headers["set-cookie"]
    assert (before.status_code, after.status_code) == (200, 401)


@pytest.mark.parametrize("been_here_before", [False, True])
async def test_who_signs_in_with_wechat_in_a_guests_browser_takes_the_orders_along(
    open_shop: World, been_here_before: bool
) -> None:
    world, own = open_shop, set()
    async with world.browser() as browser, world.browser() as elsewhere:
        if been_here_before:
            await world.sign_in(elsewhere, "o-ann")
            own = {(await order(elsewhere))["number"]}
        guest = await enter(browser)
        bought = await order(browser, GROUP)
        cookie = browser.cookies["tuan_session"]
        ann = await world.sign_in(browser, "o-ann")
        await world.sign_in(elsewhere, "o-ann")

        assert await orders_in(browser) == await orders_in(elsewhere) == own | {bought["number"]}
        seen = (await browser.get(f"{API}/v1/orders/{bought['number']}")).json()
        cancelled = await browser.post(f"{API}/v1/orders/{bought['number']}/cancellation", json={})
    async with world.browser(cookie=f"tuan_session={cookie}") as left_over:
        ended = await left_over.get(f"{API}/v1/me")

    assert seen["team"]["mine"] is True
    assert cancelled.json()["status"] == "closed"
    assert ended.status_code == 401
    assert world.rows(f"SELECT became FROM buyer WHERE id = '{guest['id']}'") == [(ann["id"],)]
    assert world.market.seats[bought["number"]]["buyer_id"] == guest["id"]  # The seat keeps who took it.


async def test_an_operator_finds_what_a_buyer_bought_as_a_guest(open_shop: World) -> None:
    world = open_shop
    async with world.browser() as browser, a_browser(world, Role.OPERATOR) as console:
        await enter(browser)
        bought = (await order(browser))["number"]
        ann = await world.sign_in(browser, "o-ann")
        found = (await console.get(f"/orders?buyer_id={ann['id']}")).json()["items"]

    assert [(one["number"], one["buyer_nickname"]) for one in found] == [(bought, ann["nickname"])]


async def test_an_order_on_its_way_while_the_guest_signs_in_comes_along(open_shop: World) -> None:
    """The market is slow to answer; meanwhile the guest becomes somebody, and the order is priced after."""
    world = open_shop
    world.market.together = asyncio.Barrier(2)
    async with world.browser() as browser, world.browser() as same:
        await enter(browser)
        same.cookies.update(browser.cookies)
        ordering = asyncio.create_task(order(same, GROUP))
        await world.sign_in(browser, "o-ann")
        assert not ordering.done()
        await world.market.together.wait()
        bought = await ordering

        assert await orders_in(browser) == {bought["number"]}


async def test_a_guest_becomes_one_buyer_and_no_second(open_shop: World) -> None:
    world = open_shop
    async with world.browser() as browser, world.browser() as other:
        await enter(browser)
        bought = await order(browser)
        await world.sign_in(browser, "o-ann")
        await world.sign_in(browser, "o-bob")
        await world.sign_in(other, "o-ann")

        assert await orders_in(browser) == set()
        assert await orders_in(other) == {bought["number"]}


async def test_of_two_who_sign_in_at_once_from_one_guests_windows_the_first_has_what_was_bought(
    open_shop: World,
) -> None:
    world = open_shop
    async with world.browser() as one, world.browser() as other:
        await enter(one)
        bought = await order(one)
        tickets = []
        for number, (browser, openid) in enumerate([(one, "o-ann"), (other, "o-bob")], start=1):
            browser.cookies = httpx.Cookies(one.cookies)
            tickets.append((await browser.post(f"{API}/v1/login/tickets")).json()["id"])
            await world.scan_and_confirm(tickets[-1], openid, created=number)

        with psycopg.connect(world.database) as holder:
            holder.execute("SELECT FROM buyer WHERE openid IS NULL FOR UPDATE")
            signing_in = []
            for browser, ticket in zip((one, other), tickets, strict=True):
                posted = browser.post(f"{API}/v1/sessions", json={"ticket_id": ticket})
                signing_in.append(asyncio.create_task(posted))
                async with asyncio.timeout(10):
                    while world.rows(WAITING) != [(len(signing_in),)]:
                        await asyncio.sleep(0.01)
        answers = await asyncio.gather(*signing_in)

        assert [answer.status_code for answer in answers] == [201, 201]
        assert (await orders_in(one), await orders_in(other)) == ({bought["number"]}, set())


async def test_a_buyers_orders_do_not_go_to_who_signs_in_next(world: World, ann: Shopper) -> None:
    bought = await ann.buy_alone()
    await world.sign_in(ann.browser, "o-bob")

    assert await orders_in(ann.browser) == set()
    assert (await ann.browser.get(f"{API}/v1/orders/{bought['number']}")).status_code == 404


async def test_a_session_that_is_over_takes_nothing_along(open_shop: World) -> None:
    world = open_shop
    async with world.browser() as browser:
        await enter(browser)
        await order(browser)
        cookie = browser.cookies["tuan_session"]
        world.clock.pass_by(days=30)
        browser.cookies.set("tuan_session", cookie, domain="shop.test")
        await world.sign_in(browser, "o-ann")

        assert await orders_in(browser) == set()
    assert world.rows("SELECT count(*) FROM buyer WHERE became IS NOT NULL") == [(0,)]


async def test_a_guest_who_signed_out_left_the_orders_behind(open_shop: World) -> None:
    async with open_shop.browser() as browser:
        await enter(browser)
        await order(browser)
        await browser.delete(f"{API}/v1/sessions/current")
        await open_shop.sign_in(browser, "o-ann")

        assert await orders_in(browser) == set()


async def test_guests_have_an_allowance_by_address(mall_database: str) -> None:
    async with a_world(mall_database, guests=True, sign_ins_per_minute=2) as world:
        answers = []
        for _ in range(3):
            async with world.browser() as browser:
                answers.append(await browser.post(GUEST))

        assert [one.status_code for one in answers] == [201, 201, 429]
        assert (answers[-1].json()["code"], answers[-1].headers["retry-after"]) == ("too_many_requests", "30")
        assert world.rows("SELECT count(*) FROM buyer") == [(2,)]
