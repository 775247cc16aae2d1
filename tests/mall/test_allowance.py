"""How often is too often: counted once for all backends, and coming back evenly."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
from mall_builders import API, NOW, SHOP, Shopper, World, a_world, some_settings
from starlette.applications import Starlette
from starlette.routing import Mount

from tuan.kernel.db import build_pool, transaction
from tuan.mall import store_allowance
from tuan.mall.allowance import Allowance, TooOften
from tuan.mall.app import build

TICKETS = f"{API}/v1/login/tickets"


@pytest.fixture
async def strict(mall_database: str) -> AsyncIterator[World]:
    """As delivered: ten sign-ins a minute for each address."""
    async with a_world(mall_database, sign_ins_per_minute=10) as world:
        yield world


@pytest.fixture
async def backends(strict: World) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Three, on one database."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(3):
            settings = some_settings(strict.database, sign_ins_per_minute=10)
            service = build(settings, clock=strict.clock, transport=strict.network)
            await stack.enter_async_context(service.opened())
            transport = httpx.ASGITransport(Starlette(routes=[Mount(API, service.app)]))
            client = httpx.AsyncClient(transport=transport, base_url=SHOP)
            found.append(await stack.enter_async_context(client))
        yield found


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["code"], answer.headers["retry-after"]


async def test_three_backends_give_one_address_ten_tickets_and_not_thirty(
    strict: World, backends: list[httpx.AsyncClient]
) -> None:
    answers = await asyncio.gather(*(backends[n % 3].post(TICKETS) for n in range(30)))

    assert Counter(one.status_code for one in answers) == {201: 10, 429: 20}
    assert {refused(one) for one in answers if one.is_error} == {(429, "too_many_requests", "6")}
    assert strict.rows("SELECT count(*) FROM login_ticket") == [(10,)]


async def test_what_was_used_comes_back_one_by_one(strict: World) -> None:
    async with strict.browser() as browser:
        for _ in range(10):
            await browser.post(TICKETS)
        seen = []
        for seconds in (5.9, 0.1, 0, 60, *[0] * 10):
            strict.clock.pass_by(seconds=seconds)
            seen.append((await browser.post(TICKETS)).status_code)

    assert seen == [429, 201, 429, *[201] * 10, 429]


async def test_each_address_has_its_own(strict: World) -> None:
    seen = []
    for address in ("198.51.100.1", "198.51.100.2", "2001:db8::1", "2001:db8::2"):
        async with strict.browser(address=address) as browser:
            seen.append(Counter([(await browser.post(TICKETS)).status_code for _ in range(6)]))

    assert seen == [{201: 6}, {201: 6}, {201: 6}, {201: 4, 429: 2}]  # The last two are one household.


async def test_a_buyer_places_ten_orders_a_minute_and_a_repeated_press_is_none(
    world: World, ann: Shopper, bob: Shopper
) -> None:
    keys = [f"press-{n:02}" for n in range(10)]
    placed = [(await ann.order(key=key)).status_code for key in keys + keys]
    before = world.everything()
    too_many = await ann.order(key="press-10")
    after = world.everything()
    another = await bob.order()

    assert placed == [201] * 20
    assert refused(too_many) == (429, "too_many_requests", "6")
    assert before == after
    assert another.status_code == 201
    world.clock.pass_by(seconds=6)
    assert (await ann.order(key="press-10")).status_code == 201


async def test_twelve_orders_pressed_together_are_ten(world: World, ann: Shopper) -> None:
    answers = await asyncio.gather(*(ann.order(key=f"press-{n:02}") for n in range(12)))

    assert Counter(one.status_code for one in answers) == {201: 10, 429: 2}
    assert world.rows("SELECT count(*) FROM mall_order") == [(10,)]


async def test_ten_ways_out_an_hour_cancelled_or_refunded(world: World, ann: Shopper, bob: Shopper) -> None:
    order, other = await ann.ordered(), await bob.ordered()
    await world.pay(other)
    unknown = [(await ann.cancel("261123ABCDEFGHJKMNPQ")).status_code for _ in range(20)]
    first = [(await ann.cancel(order["number"])).status_code for _ in range(10)]
    asked_before = len(world.market.asked)
    more = [await ann.cancel(order["number"]), await ann.ask_refund(order["number"])]

    assert (unknown, first) == ([404] * 20, [200] * 10)  # What is nobody's costs nothing.
    assert [refused(one) for one in more] == [(429, "too_many_requests", "360")] * 2
    assert len(world.market.asked) == asked_before
    assert (await bob.ask_refund(other["number"])).status_code == 200
    world.clock.pass_by(minutes=6)
    assert (await ann.cancel(order["number"])).status_code == 200


async def test_forgeries_from_one_address_are_no_longer_kept_but_the_genuine_always_are(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    forged = {"out_trade_no": order["number"], "sign": "AAAA", "sign_type": "RSA2"}
    async with world.browser() as sender:
        answers = [await sender.post(f"{API}/hooks/alipay", data=forged) for _ in range(12)]
    genuine = await world.pay(order)

    assert [one.status_code for one in answers] == [200] * 10 + [429] * 2
    assert [one.text for one in answers[:10]] == ["fail"] * 10
    assert refused(answers[-1]) == (429, "too_many_requests", "6")
    assert genuine == "success"
    assert world.rows("SELECT verdict, count(*) FROM notify_log GROUP BY 1 ORDER BY 1") == [
        ("forged", 10),
        ("paid", 1),
    ]


@pytest.mark.parametrize("path", ["/v1/products", "/v1/products/9890002", "/v1/teams/team-1"])
async def test_who_looks_too_fast_waits_a_second(world: World, ann: Shopper, path: str) -> None:
    async with world.browser() as stranger:
        seen = {
            who: Counter([(await browser.get(f"{API}{path}")).status_code == 429 for _ in range(70)])
            for who, browser in (("stranger", stranger), ("ann", ann.browser))
        }
        last = await stranger.get(f"{API}{path}")
        world.clock.pass_by(seconds=1)
        after = await stranger.get(f"{API}{path}")

    assert seen == {"stranger": {False: 60, True: 10}, "ann": {False: 20, True: 50}}
    assert refused(last) == (429, "too_many_requests", "1")
    assert after.status_code in (200, 404)


async def test_a_ticket_is_asked_about_twice_a_second_at_most(world: World) -> None:
    """K4: a flood of questions reaches no database."""
    async with world.browser() as browser:
        id = (await browser.post(TICKETS)).json()["id"]
        seen = [await browser.get(f"{TICKETS}/{id}") for _ in range(5)]
        other = await browser.get(f"{TICKETS}/L{'0' * 32}")

    assert [one.status_code for one in seen] == [200, 200, 429, 429, 429]
    assert refused(seen[-1]) == (429, "too_many_requests", "1")
    assert other.status_code == 404


@pytest.mark.parametrize(("times", "seconds"), [(1, 1), (7, 60), (3, 10)])
async def test_all_of_an_allowance_is_there_at_once(mall_database: str, times: int, seconds: int) -> None:
    allowance = Allowance(name="trial", times=times, within=timedelta(seconds=seconds))
    taken = 0
    async with build_pool(mall_database, size=1) as pool:
        try:
            while True:
                async with transaction(pool) as connection:
                    await store_allowance.take(connection, allowance, who="b1", now=NOW)
                taken += 1
        except TooOften as refusal:
            wait = refusal.retry_after_seconds
    assert taken == times
    assert wait == -(-seconds // times)
