"""Signing in: one browser, one ticket, one phone, once."""

import pytest
from mall_builders import API, Shopper, World, a_world

from tuan.mall.buyer import nickname_of

TICKETS = f"{API}/v1/login/tickets"


async def test_a_scan_signs_the_browser_in_that_shows_the_code(world: World) -> None:
    async with world.browser() as browser:
        ticket = (await browser.post(TICKETS)).json()
        before = (await browser.get(f"{TICKETS}/{ticket['id']}")).json()
        too_soon = await browser.post(f"{API}/v1/sessions", json={"ticket_id": ticket["id"]})
        await world.scan(ticket["id"], "o-ann")
        after = (await browser.get(f"{TICKETS}/{ticket['id']}")).json()
        session = await browser.post(f"{API}/v1/sessions", json={"ticket_id": ticket["id"]})
        me = (await browser.get(f"{API}/v1/me")).json()

    assert ticket["qr_svg"].startswith("<svg")
    assert ticket["scan_url"] is None
    assert (before["status"], after["status"]) == ("waiting", "confirmed")
    assert (too_soon.status_code, too_soon.json()["code"]) == (409, "ticket_waiting")
    assert session.status_code == 201
    assert me == session.json()
    assert me["nickname"] == nickname_of(me["id"])
    assert 0 <= me["avatar"] < 360
    assert world.wechat.scenes == [ticket["id"]]


async def test_who_comes_back_is_the_same_buyer(world: World, ann: Shopper) -> None:
    async with world.browser() as browser:
        ticket = (await browser.post(TICKETS)).json()
        await world.scan(ticket["id"], "o-ann", created=2)
        again = (await browser.post(f"{API}/v1/sessions", json={"ticket_id": ticket["id"]})).json()

    assert again["id"] == ann.id
    assert world.rows("SELECT count(*) FROM buyer") == [(1,)]


async def test_the_demo_shows_where_its_phone_is(mall_database: str) -> None:
    async with a_world(mall_database, demo=True) as world, world.browser() as browser:
        ticket = (await browser.post(TICKETS)).json()
        settings = (await browser.get(f"{API}/v1/settings")).json()

    assert ticket["scan_url"] == "http://weixin.qq.com/q/1"
    assert settings["demo"] is True


async def test_another_browser_finds_no_ticket(world: World) -> None:
    async with world.browser() as browser, world.browser() as other, world.browser() as bare:
        ticket = (await browser.post(TICKETS)).json()
        await other.post(TICKETS)
        await world.scan(ticket["id"], "o-ann")
        for thief in (other, bare):
            looked = await thief.get(f"{TICKETS}/{ticket['id']}")
            took = await thief.post(f"{API}/v1/sessions", json={"ticket_id": ticket["id"]})
            assert (looked.status_code, took.status_code) == (404, 404)

    assert world.rows("SELECT count(*) FROM session") == [(0,)]
    assert world.rows("SELECT count(*) FROM login_ticket WHERE used_at IS NOT NULL") == [(0,)]


async def test_a_ticket_is_used_once(world: World) -> None:
    async with world.browser() as browser:
        ticket = (await browser.post(TICKETS)).json()
        cookie = browser.cookies["tuan_login"]
        await world.scan(ticket["id"], "o-ann")
        await browser.post(f"{API}/v1/sessions", json={"ticket_id": ticket["id"]})
    async with world.browser(cookie=f"tuan_login={cookie}") as replay:
        again = await replay.post(f"{API}/v1/sessions", json={"ticket_id": ticket["id"]})
        seen = (await replay.get(f"{TICKETS}/{ticket['id']}")).json()

    assert (again.status_code, again.json()["code"], seen["status"]) == (404, "not_found", "used")
    assert world.rows("SELECT count(*) FROM session") == [(1,)]


async def test_a_code_expires_scanned_or_not(world: World) -> None:
    async with world.browser() as browser:
        ticket = (await browser.post(TICKETS)).json()
        await world.scan(ticket["id"], "o-ann")
        world.clock.pass_by(minutes=2)
        late = await browser.post(f"{API}/v1/sessions", json={"ticket_id": ticket["id"]})
        seen = (await browser.get(f"{TICKETS}/{ticket['id']}")).json()

    assert (late.status_code, late.json()["code"], seen["status"]) == (410, "ticket_expired", "expired")
    assert world.rows("SELECT count(*) FROM session") == [(0,)]


async def test_a_scan_after_its_time_confirms_nothing(world: World) -> None:
    async with world.browser() as browser:
        ticket = (await browser.post(TICKETS)).json()
        world.clock.pass_by(minutes=2)
        answer = await world.scan(ticket["id"], "o-ann")

    assert answer.text == "success"
    assert world.rows("SELECT openid FROM login_ticket") == [(None,)]


async def test_the_first_phone_decides(world: World) -> None:
    async with world.browser() as browser:
        ticket = (await browser.post(TICKETS)).json()
        await world.scan(ticket["id"], "o-ann")
        await world.scan(ticket["id"], "o-mallory")
        await browser.post(f"{API}/v1/sessions", json={"ticket_id": ticket["id"]})

    assert world.rows("SELECT openid FROM buyer") == [("o-ann",)]


async def test_an_event_told_again_is_no_second_scan(world: World) -> None:
    """A replayed push cannot confirm a later ticket: WeChat's own pair of openid and time is remembered."""
    async with world.browser() as browser:
        first = (await browser.post(TICKETS)).json()
        await world.scan(first["id"], "o-ann", created=5)
        second = (await browser.post(TICKETS)).json()
        answer = await world.scan(second["id"], "o-ann", created=5)

    assert answer.text == "success"
    assert world.rows("SELECT count(*) FROM login_ticket WHERE confirmed_at IS NOT NULL") == [(1,)]
    assert world.rows("SELECT count(*) FROM wechat_event") == [(1,)]


async def test_a_forged_push_confirms_nothing(world: World) -> None:
    async with world.browser() as browser:
        ticket = (await browser.post(TICKETS)).json()
        query, _ = world.wechat.scan("o-ann", ticket["id"])
        _, body = world.wechat.scan("o-mallory", ticket["id"])
        answer = await browser.post(f"{API}/hooks/wechat?{query}", content=body)

    assert (answer.status_code, answer.json()["code"]) == (401, "forged_push")
    assert world.rows("SELECT openid FROM login_ticket") == [(None,)]


async def test_wechat_away_means_no_ticket(world: World) -> None:
    world.network.away.add("wechat.test")
    async with world.browser() as browser:
        answer = await browser.post(TICKETS)

    assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")
    assert world.rows("SELECT count(*) FROM login_ticket") == [(0,)]


async def test_signing_out_ends_the_session_for_good(world: World, ann: Shopper) -> None:
    secret = ann.browser.cookies["tuan_session"]
    answer = await ann.browser.delete(f"{API}/v1/sessions/current")
    async with world.browser(cookie=f"tuan_session={secret}") as thief:
        after = await thief.get(f"{API}/v1/me")

    assert answer.status_code == 204
    assert "tuan_session" not in ann.browser.cookies
    assert (after.status_code, after.json()["code"]) == (401, "not_signed_in")
    assert world.rows("SELECT count(*) FROM session") == [(0,)]


async def test_a_session_ends_after_seven_days(world: World, ann: Shopper) -> None:
    world.clock.pass_by(days=7, seconds=-1)
    before = await ann.browser.get(f"{API}/v1/me")
    world.clock.pass_by(seconds=1)
    after = await ann.browser.get(f"{API}/v1/me")

    assert (before.status_code, after.status_code) == (200, 401)


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
    ("headers", "status"),
    [
        ({}, 201),
        ({"sec-fetch-site": "same-origin", "origin": "http://shop.test"}, 201),
        ({"sec-fetch-site": "none"}, 201),
        ({"origin": "http://127.0.0.1:8080", "host": "127.0.0.1:8080"}, 201),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "http://shop.test.evil.test"}, 403),
    ],
)
async def test_only_our_own_pages_may_change_anything(
    world: World, headers: dict[str, str], status: int
) -> None:
    async with world.browser() as browser:
        answer = await browser.post(TICKETS, headers=headers)

    assert answer.status_code == status
    assert world.rows("SELECT count(*) FROM login_ticket") == [(1 if status == 201 else 0,)]


async def test_another_site_cannot_order_or_sign_out_for_a_buyer(world: World, ann: Shopper) -> None:
    evil = {"sec-fetch-site": "cross-site", "origin": "http://evil.test"}
    body = {"product_id": "9890002", "kind": "alone"}
    order = await ann.browser.post(
        f"{API}/v1/orders", json=body, headers=evil | {"idempotency-key": "press-01"}
    )
    out = await ann.browser.delete(f"{API}/v1/sessions/current", headers=evil)

    assert [answer.json()["code"] for answer in (order, out)] == ["forbidden", "forbidden"]
    assert world.rows("SELECT count(*) FROM mall_order") == [(0,)]
    assert world.rows("SELECT count(*) FROM session") == [(1,)]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/me"), ("GET", "/v1/orders"), ("GET", "/v1/orders/1"), ("GET", "/v1/orders/1/pay")],
)
async def test_what_is_a_buyers_own_needs_a_buyer(world: World, method: str, path: str) -> None:
    async with world.browser(cookie="tuan_session=guess") as browser:
        answer = await browser.request(method, f"{API}{path}")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
