"""Signing in: one browser, one ticket, one phone, asked and confirmed, once."""

import httpx
import pytest
from mall_builders import API, SHOP, Shopper, World, a_world
from mall_stand_ins import link_in

from tuan.mall.buyer import nickname_of

TICKETS = f"{API}/v1/login/tickets"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


async def a_ticket(browser: httpx.AsyncClient) -> str:
    answer = await browser.post(TICKETS)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def redeem(browser: httpx.AsyncClient, ticket_id: str) -> httpx.Response:
    return await browser.post(f"{API}/v1/sessions", json={"ticket_id": ticket_id})


async def status_of(browser: httpx.AsyncClient, ticket_id: str) -> str:
    return str((await browser.get(f"{TICKETS}/{ticket_id}")).json()["status"])


async def asked_of(world: World, ticket_id: str, openid: str, *, created: int = 1) -> str:
    """What whoever scans this reads in WeChat; empty when it is nothing."""
    answer = await world.scan(ticket_id, openid, created=created)
    assert answer.status_code == 200
    return "" if answer.text == "success" else world.wechat.read_reply(answer.text)


async def test_a_scan_confirmed_signs_the_browser_in_that_shows_the_code(world: World) -> None:
    async with world.browser() as browser, world.browser() as phone:
        ticket = (await browser.post(TICKETS)).json()
        seen = [ticket["status"]]
        too_soon = [await redeem(browser, ticket["id"])]
        link = link_in(await asked_of(world, ticket["id"], "o-ann"))
        seen.append(await status_of(browser, ticket["id"]))
        too_soon.append(await redeem(browser, ticket["id"]))
        done = await phone.post(link)
        world.clock.pass_by(seconds=1)
        seen.append(await status_of(browser, ticket["id"]))
        session = await redeem(browser, ticket["id"])
        me = (await browser.get(f"{API}/v1/me")).json()

    assert ticket["qr_svg"].startswith("<svg")
    assert ticket["scan_url"] is None
    assert seen == ["waiting", "scanned", "confirmed"]
    assert [(one.status_code, one.json()["code"]) for one in too_soon] == [(409, "ticket_waiting")] * 2
    assert (done.status_code, "已确认登录" in done.text, session.status_code) == (200, True, 201)
    assert me == session.json()
    assert (me["nickname"], me["guest"]) == (nickname_of(me["id"]), False)
    assert 0 <= me["avatar"] < 360
    assert world.wechat.scenes == [ticket["id"]]


async def test_whoever_scans_is_told_which_browser_asks(world: World) -> None:
    """A picture of somebody else's code leads to this question, and to nothing else."""
    asks = world.browser(address="203.0.113.7", **{"user-agent": CHROME})
    async with asks as browser, world.browser() as phone:
        words = await asked_of(world, await a_ticket(browser), "o-ann")
        page = await phone.get(link_in(words))

    for shown in (words, page.text):
        assert "Windows 电脑上的 Chrome" in shown
        assert "203.0.113.7" in shown
        assert "2026-11-23 12:00:00" in shown  # In Beijing.
    assert link_in(words).startswith(f"{SHOP}{API}/sign-in/L")
    assert page.headers["cache-control"] == "no-store"


async def test_a_browser_that_lies_about_itself_gets_none_of_its_own_words_to_the_phone(world: World) -> None:
    lie = 'Chrome <a href="http://evil.test">this way</a>]]>'
    async with world.browser(**{"user-agent": lie}) as browser:
        words = await asked_of(world, await a_ticket(browser), "o-ann")

    assert "evil" not in words
    assert "未知设备上的 Chrome" in words


async def test_looking_at_the_question_confirms_nothing(world: World) -> None:
    async with world.browser() as browser, world.browser() as phone:
        ticket_id = await a_ticket(browser)
        link = link_in(await asked_of(world, ticket_id, "o-ann"))
        for method in ("GET", "HEAD"):
            await phone.request(method, link)
        refused = await redeem(browser, ticket_id)

    assert refused.json()["code"] == "ticket_waiting"
    assert world.rows("SELECT confirmed_at FROM login_ticket") == [(None,)]


@pytest.mark.parametrize("change", ["other proof", "other ticket", "no proof", "not ascii"])
async def test_only_who_was_asked_can_confirm(world: World, change: str) -> None:
    async with world.browser() as browser, world.browser() as phone:
        first, second = await a_ticket(browser), await a_ticket(browser)
        link = link_in(await asked_of(world, first, "o-ann"))
        await asked_of(world, second, "o-bob", created=2)
        head, proof = link.rsplit("/", 1)
        wrong = {
            "other proof": f"{head}/{'0' * len(proof)}",
            "other ticket": f"{API}/sign-in/{second}/{proof}",
            "no proof": f"{head}/-",
            "not ascii": f"{head}/é",
        }[change]
        looked, tried = await phone.get(wrong), await phone.post(wrong)

    assert {looked.status_code, tried.status_code} <= {410, 422}
    assert "Windows" not in looked.text
    assert world.rows("SELECT count(*) FROM login_ticket WHERE confirmed_at IS NOT NULL") == [(0,)]


async def test_a_ticket_nobody_scanned_has_no_question_to_answer(world: World) -> None:
    async with world.browser() as browser:
        answer = await browser.post(f"{API}/sign-in/{await a_ticket(browser)}/{'0' * 64}")

    assert answer.status_code == 410
    assert world.rows("SELECT scanned_at, confirmed_at FROM login_ticket") == [(None, None)]


async def test_another_site_cannot_confirm_for_a_phone(world: World) -> None:
    async with world.browser() as browser, world.browser() as phone:
        ticket_id = await a_ticket(browser)
        link = link_in(await asked_of(world, ticket_id, "o-ann"))
        answer = await phone.post(link, headers={"origin": "http://evil.test"})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert world.rows("SELECT confirmed_at FROM login_ticket") == [(None,)]


async def test_who_comes_back_is_the_same_buyer(world: World, ann: Shopper) -> None:
    async with world.browser() as browser:
        again = await world.sign_in(browser, "o-ann")

    assert again["id"] == ann.id
    assert world.rows("SELECT count(*) FROM buyer") == [(1,)]


async def test_the_demo_shows_where_its_phone_is(mall_database: str) -> None:
    async with a_world(mall_database, demo=True) as world, world.browser() as browser:
        ticket = (await browser.post(TICKETS)).json()
        settings = (await browser.get(f"{API}/v1/settings")).json()

    assert ticket["scan_url"] == "http://weixin.qq.com/q/1"
    assert settings["demo"] is True


async def test_another_browser_finds_no_ticket(world: World) -> None:
    """K4: unknown, and another's, are one answer, word for word."""
    async with world.browser() as browser, world.browser() as other, world.browser() as bare:
        ticket_id, unknown = await a_ticket(browser), "L" + "0" * 32
        await a_ticket(other)
        await world.scan_and_confirm(ticket_id, "o-ann")
        answers = [
            await answered
            for thief in (other, bare)
            for id in (ticket_id, unknown)
            for answered in (thief.get(f"{TICKETS}/{id}"), redeem(thief, id))
        ]

    words = [one.json() | {"request_id": ""} for one in answers]
    assert words == [words[0]] * 8
    assert {one.status_code for one in answers} == {404}
    assert {tuple(sorted(one.headers)) for one in answers} == {tuple(sorted(answers[0].headers))}
    assert world.rows("SELECT count(*) FROM session") == [(0,)]
    assert world.rows("SELECT count(*) FROM login_ticket WHERE used_at IS NOT NULL") == [(0,)]


async def test_a_ticket_is_used_once(world: World) -> None:
    async with world.browser() as browser:
        ticket_id = await a_ticket(browser)
        cookie = browser.cookies["tuan_login"]
        await world.scan_and_confirm(ticket_id, "o-ann")
        await redeem(browser, ticket_id)
    async with world.browser(cookie=f"tuan_login={cookie}") as replay:
        again = await redeem(replay, ticket_id)
        seen = await status_of(replay, ticket_id)

    assert (again.status_code, again.json()["code"], seen) == (404, "not_found", "used")
    assert world.rows("SELECT count(*) FROM session") == [(1,)]


async def test_a_code_expires_at_whatever_step_it_is(world: World) -> None:
    async with world.browser() as browser, world.browser() as phone:
        confirmed, scanned, waiting = [await a_ticket(browser) for _ in range(3)]
        await world.scan_and_confirm(confirmed, "o-ann")
        link = link_in(await asked_of(world, scanned, "o-bob", created=2))
        world.clock.pass_by(minutes=2)
        too_late = await phone.post(link)
        unasked = await asked_of(world, waiting, "o-cai", created=3)
        late = await redeem(browser, waiting)

    assert (too_late.status_code, "已失效" in too_late.text, unasked) == (410, True, "")
    assert (late.status_code, late.json()["code"]) == (410, "ticket_expired")
    assert world.rows(
        "SELECT id, scanned_at IS NULL, confirmed_at IS NULL FROM login_ticket ORDER BY 2, 3"
    ) == [
        (confirmed, False, False),
        (scanned, False, True),
        (waiting, True, True),
    ]
    assert world.rows("SELECT count(*) FROM session") == [(0,)]


async def test_the_first_phone_decides(world: World) -> None:
    async with world.browser() as browser, world.browser() as phone:
        ticket_id = await a_ticket(browser)
        link = link_in(await asked_of(world, ticket_id, "o-ann"))
        assert await asked_of(world, ticket_id, "o-mallory", created=2) == ""
        await phone.post(link)
        await redeem(browser, ticket_id)

    assert world.rows("SELECT openid FROM buyer") == [("o-ann",)]


async def test_an_event_told_again_is_answered_alike(world: World) -> None:
    """WeChat tells up to three times, when our answer was lost on the way to it."""
    async with world.browser() as browser:
        ticket_id = await a_ticket(browser)
        first, again = [await asked_of(world, ticket_id, "o-ann") for _ in range(2)]

    assert first == again != ""
    assert world.rows("SELECT count(*) FROM wechat_event") == [(1,)]


async def test_an_event_told_again_is_no_second_scan(world: World) -> None:
    """K1: a replayed push cannot scan a later ticket: WeChat's own pair of openid and time is remembered."""
    async with world.browser() as browser:
        await asked_of(world, await a_ticket(browser), "o-ann", created=5)
        replayed = await asked_of(world, await a_ticket(browser), "o-ann", created=5)

    assert replayed == ""
    assert world.rows("SELECT count(*) FROM login_ticket WHERE scanned_at IS NOT NULL") == [(1,)]
    assert world.rows("SELECT count(*) FROM wechat_event") == [(1,)]


async def test_a_forged_push_scans_nothing(world: World) -> None:
    """K2."""
    async with world.browser() as browser:
        ticket_id = await a_ticket(browser)
        query, _ = world.wechat.scan("o-ann", ticket_id)
        _, body = world.wechat.scan("o-mallory", ticket_id)
        answer = await browser.post(f"{API}/hooks/wechat?{query}", content=body)

    assert (answer.status_code, answer.json()["code"]) == (401, "forged_push")
    assert world.rows("SELECT openid FROM login_ticket") == [(None,)]


async def test_wechat_away_means_no_ticket(world: World) -> None:
    world.network.away.add("wechat.test")
    async with world.browser() as browser:
        answer = await browser.post(TICKETS)

    assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")
    assert world.rows("SELECT count(*) FROM login_ticket") == [(0,)]


async def test_what_ended_a_day_ago_is_forgotten(world: World, ann: Shopper) -> None:
    async with world.browser() as browser:
        await asked_of(world, await a_ticket(browser), "o-bob", created=9)
    world.clock.pass_by(days=8, minutes=1)
    await world.service.drain()

    for table in ("session", "login_ticket", "wechat_event", "allowance"):
        assert world.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert world.rows("SELECT count(*) FROM buyer") == [(1,)]
