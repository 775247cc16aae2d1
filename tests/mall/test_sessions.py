"""Sessions: how long they last, how they end, and the cookies they live in."""

import httpx
import pytest
from mall_builders import API, Shopper, World, a_world

TICKETS = f"{API}/v1/login/tickets"


async def test_signing_out_ends_the_session_for_good(world: World, ann: Shopper) -> None:
    secret = ann.browser.cookies["tuan_session"]
    answer = await ann.browser.delete(f"{API}/v1/sessions/current")
    async with world.browser(cookie=f"tuan_session={secret}") as thief:
        after = await thief.get(f"{API}/v1/me")

    assert answer.status_code == 204
    assert "tuan_session" not in ann.browser.cookies
    assert (after.status_code, after.json()["code"]) == (401, "not_signed_in")
    assert world.rows("SELECT count(*) FROM session") == [(0,)]


async def test_a_session_nobody_uses_ends_after_seven_days(world: World, ann: Shopper) -> None:
    world.clock.pass_by(days=7, seconds=-1)
    before = await ann.browser.get(f"{API}/v1/me")
    world.clock.pass_by(days=7)
    after = await ann.browser.get(f"{API}/v1/me")

    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_session_ends_after_thirty_days_however_much_it_is_used(world: World, ann: Shopper) -> None:
    seen = [(await hours_later(world, ann, hours=24)).status_code for _ in range(30)]

    assert seen == [200] * 29 + [401]


async def hours_later(world: World, shopper: Shopper, hours: int = 1) -> httpx.Response:
    world.clock.pass_by(hours=hours)
    return await shopper.browser.get(f"{API}/v1/me")


async def test_every_sign_in_is_a_new_session_in_place_of_the_last(world: World, ann: Shopper) -> None:
    before = ann.browser.cookies["tuan_session"]
    await world.sign_in(ann.browser, "o-ann")
    after = ann.browser.cookies["tuan_session"]
    async with world.browser(cookie=f"tuan_session={before}") as thief:
        stolen = await thief.get(f"{API}/v1/me")

    assert before != after
    assert stolen.status_code == 401
    assert world.rows("SELECT count(*) FROM session") == [(1,)]


async def test_a_session_somebody_planted_is_nobodys_after_signing_in(world: World) -> None:
    """K5: fixation."""
    planted = "x" * 43
    async with world.browser() as browser:
        browser.cookies.set("tuan_session", planted, domain="shop.test")
        await world.sign_in(browser, "o-ann")
    async with world.browser(cookie=f"tuan_session={planted}") as attacker:
        answer = await attacker.get(f"{API}/v1/me")

    assert answer.status_code == 401
    assert world.rows("SELECT count(*) FROM session") == [(1,)]


async def test_signing_out_everywhere_ends_every_session_of_this_buyer_alone(
    world: World, ann: Shopper, bob: Shopper
) -> None:
    async with world.browser() as other:
        await world.sign_in(other, "o-ann")
        answer = await ann.browser.delete(f"{API}/v1/sessions")
        seen = [
            (await browser.get(f"{API}/v1/me")).status_code for browser in (ann.browser, other, bob.browser)
        ]

    assert answer.status_code == 204
    assert "tuan_session" not in ann.browser.cookies
    assert seen == [401, 401, 200]
    assert world.rows("SELECT buyer_id FROM session") == [(bob.id,)]


async def test_a_buyer_sees_where_they_are_signed_in(world: World, ann: Shopper, bob: Shopper) -> None:
    phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"
    async with world.browser(**{"user-agent": phone}) as other:
        world.clock.pass_by(minutes=5)
        await world.sign_in(other, "o-ann")
        world.clock.pass_by(minutes=5)
        items = (await ann.browser.get(f"{API}/v1/sessions")).json()["items"]

    assert [(one["device"], one["current"]) for one in items] == [
        ("未知设备上的 浏览器", True),
        ("iPhone上的 Safari", False),
    ]


async def test_when_a_buyer_was_seen_is_written_once_a_minute(world: World, ann: Shopper) -> None:
    start = world.clock.now
    for seconds, expected in ((59, 0), (2, 61), (30, 61)):
        world.clock.pass_by(seconds=seconds)
        await ann.browser.get(f"{API}/v1/me")
        [(seen_at,)] = world.rows("SELECT seen_at FROM session")
        assert (seen_at - start).total_seconds() == expected


async def test_cookies_are_kept_from_scripts_and_other_sites(world: World) -> None:
    async with world.browser() as browser:
        cookie = (await browser.post(TICKETS)).headers["set-cookie"]

    assert cookie.startswith("tuan_login=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


async def test_over_https_cookies_belong_to_this_host_alone(mall_database: str) -> None:
    https = "https://shop.test/api/mall"
    async with a_world(mall_database, public_url=https) as world, world.browser() as browser:
        cookie = (await browser.post(TICKETS)).headers["set-cookie"]

    assert cookie.startswith("__Host-tuan_login=")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


async def test_no_secret_is_kept_as_it_is(world: World, ann: Shopper) -> None:
    secret = ann.browser.cookies["tuan_session"]
    kept = world.rows(
        "SELECT session::text FROM session UNION ALL SELECT login_ticket::text FROM login_ticket"
    )

    assert not any(secret in row for (row,) in kept)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/me"), ("GET", "/v1/orders"), ("GET", "/v1/orders/1"), ("GET", "/v1/orders/1/pay")],
)
async def test_what_is_a_buyers_own_needs_a_buyer(world: World, method: str, path: str) -> None:
    async with world.browser(cookie="tuan_session=guess") as browser:
        answer = await browser.request(method, f"{API}{path}")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
