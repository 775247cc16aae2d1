"""Signing in on the original's paths: its tickets, its scene, and a token where it had an openid."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from mall_builders import World
from mall_original import LOGIN, PORTAL, OldPage, old_page, scan
from mall_stand_ins import AES_KEY, WECHAT_APP_ID, WECHAT_TOKEN

from tuan.mall.wechat_push import PushReader, signature_of

SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def page(world: World) -> AsyncIterator[OldPage]:
    async with old_page(world) as http:
        yield OldPage(world, http)


async def test_a_scan_signs_the_page_in_that_shows_the_ticket(page: OldPage) -> None:
    ticket = await page.get(f"{LOGIN}/weixin_qrcode_ticket")
    before = await page.check(ticket["data"])
    await scan(page.world, page.http, "o-ann")
    after = await page.check(ticket["data"])

    assert ticket == {"code": "0000", "info": "调用成功", "data": "ticket-1"}
    assert before == {"code": "0003", "info": "未登录", "data": None}
    assert (after["code"], after["info"]) == ("0000", "调用成功")
    page.token = after["data"]
    assert await page.orders() == {"orderList": [], "hasMore": False, "lastId": None}


async def test_the_answer_is_the_secret_of_a_session_and_no_name(page: OldPage) -> None:
    await page.sign_in("o-ann")

    [(buyer_id, openid)] = page.world.rows("SELECT id, openid FROM buyer")
    assert page.token not in (buyer_id, openid)
    assert len(page.token) == 43
    cookie = {"cookie": f"tuan_session={page.token}"}
    me = await page.http.get("/v1/me", headers=cookie)
    assert me.json()["id"] == buyer_id


async def test_a_ticket_is_redeemed_once(page: OldPage) -> None:
    ticket = await page.ticket()
    await scan(page.world, page.http, "o-ann")

    answers = [await page.check(ticket), await page.check(ticket)]

    assert [answer["code"] for answer in answers] == ["0000", "0003"]
    assert page.world.rows("SELECT count(*) FROM session") == [(1,)]


async def test_a_ticket_expires_scanned_or_not(page: OldPage) -> None:
    ticket = await page.ticket()
    await scan(page.world, page.http, "o-ann")
    page.world.clock.pass_by(minutes=3)

    late = await scan(page.world, page.http, "o-bob")

    assert (await page.check(ticket))["code"] == "0003"
    assert "<Encrypt>" in late.text
    assert page.world.rows("SELECT count(*) FROM session") == [(0,)]


async def test_a_scene_is_asked_for_with_its_ticket(page: OldPage) -> None:
    asked = await page.get(f"{LOGIN}/weixin_qrcode_ticket_scene", sceneStr="A1B2C3")
    await scan(page.world, page.http, "o-ann")
    checked = f"{LOGIN}/check_login_scene"

    without = await page.check(asked["data"])
    another = await page.get(checked, ticket=asked["data"], sceneStr="F00")
    right = await page.get(checked, ticket=asked["data"], sceneStr="A1B2C3")

    assert [answer["code"] for answer in (without, another, right)] == ["0003", "0003", "0000"]
    assert page.world.rows("SELECT count(*) FROM session") == [(1,)]


async def test_the_scene_in_the_code_is_ours_and_never_the_pages(page: OldPage) -> None:
    """Else whoever knows a browser's fingerprint could have its code scanned for their own ticket."""
    await page.get(f"{LOGIN}/weixin_qrcode_ticket_scene", sceneStr="A1B2C3")

    [scene] = page.world.wechat.scenes
    assert scene.startswith("L")
    assert "A1B2C3" not in scene


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("weixin_qrcode_ticket_scene", {}),
        ("weixin_qrcode_ticket_scene", {"sceneStr": "a b"}),
        ("weixin_qrcode_ticket_scene", {"sceneStr": "A" * 65}),
        ("check_login", {}),
        ("check_login", {"ticket": ""}),
        ("check_login", {"ticket": "A" * 513}),
        ("check_login_scene", {"ticket": "ticket-1"}),
    ],
)
async def test_what_is_missing_is_an_illegal_parameter(
    page: OldPage, path: str, asked: dict[str, str]
) -> None:
    answer = await page.get(f"{LOGIN}/{path}", **asked)

    assert (answer["code"], answer["info"], answer["data"]) == ("0002", "非法参数", None)
    assert page.world.rows("SELECT count(*) FROM login_ticket") == [(0,)]


async def test_wechat_away_is_a_failure_and_leaves_nothing(page: OldPage) -> None:
    page.world.network.away.add("wechat.test")

    assert (await page.get(f"{LOGIN}/weixin_qrcode_ticket"))["code"] == "0001"
    assert page.world.rows("SELECT count(*) FROM login_ticket") == [(0,)]


async def test_a_page_on_our_own_address_is_asked_for_its_cookie_too(world: World) -> None:
    """Who has photographed the code can work out its ticket."""
    async with old_page(world, **SAME_ORIGIN) as http, old_page(world) as thief:
        page, other = OldPage(world, http), OldPage(world, thief)
        ticket = await page.ticket()
        [cookie] = http.cookies.jar
        await scan(world, http, "o-ann")

        stolen = await other.check(ticket)
        thief.cookies.set("tuan_login", "a-guess")
        guessed = await other.check(ticket)
        own = await page.check(ticket)

    assert (cookie.name, cookie.has_nonstandard_attr("HttpOnly")) == ("tuan_login", True)
    assert [answer["code"] for answer in (stolen, guessed, own)] == ["0003", "0003", "0000"]


async def test_two_tabs_of_one_browser_both_sign_in(world: World) -> None:
    async with old_page(world, **SAME_ORIGIN) as http:
        page = OldPage(world, http)
        first = await page.ticket()
        await scan(world, http, "o-ann")
        second = await page.ticket()
        await scan(world, http, "o-ann")

        codes = [(await page.check(ticket))["code"] for ticket in (first, second)]

    assert codes == ["0000", "0000"]


async def test_a_page_elsewhere_is_known_by_its_ticket_though_the_browser_has_our_cookie(
    world: World,
) -> None:
    async with old_page(world) as http:
        page = OldPage(world, http)
        http.cookies.set("tuan_login", "of-our-own-shop")
        ticket = await page.ticket()
        await scan(world, http, "o-ann")

        assert (await page.check(ticket))["code"] == "0000"


async def test_wechat_is_told_that_the_address_is_ours(page: OldPage) -> None:
    words = {"timestamp": str(int(page.world.clock().timestamp())), "nonce": "415670741"}
    asked = words | {"echostr": "4375120948345356249"}
    good = asked | {"signature": signature_of(WECHAT_TOKEN, *words.values())}

    answers = [
        await page.http.get(PORTAL, params=query)
        for query in (good, good | {"signature": "0" * 40}, asked, good | {"nonce": "1"})
    ]

    assert [answer.text for answer in answers] == ["4375120948345356249", "", "", ""]
    assert answers[0].headers["content-type"].startswith("text/plain")


async def test_who_scans_reads_that_they_are_signed_in_sealed_for_wechat_alone(page: OldPage) -> None:
    await page.ticket()
    answer = await scan(page.world, page.http, "o-ann")

    reader = PushReader(token=WECHAT_TOKEN, aes_key=AES_KEY, app_id=WECHAT_APP_ID)
    reply = reader.push(_query_of(answer), answer.content, now=page.world.clock())
    assert answer.text.startswith("<xml>")
    assert "登录成功" not in answer.text
    assert (reply.openid, reply.account, reply.kind, reply.text) == ("gh_1", "o-ann", "text", "登录成功")


async def test_the_same_event_told_twice_is_answered_twice_and_done_once(page: OldPage) -> None:
    ticket = await page.ticket()
    query, body = page.world.wechat.scan("o-ann", page.world.wechat.scenes[-1])

    answers = [await page.http.post(f"{PORTAL}?{query}", content=body) for _ in range(2)]

    assert [_text_of(page, answer) for answer in answers] == ["登录成功", "登录成功"]
    assert page.world.rows("SELECT count(*) FROM wechat_event") == [(1,)]
    assert (await page.check(ticket))["code"] == "0000"


async def test_the_second_phone_reads_that_the_code_is_over(page: OldPage) -> None:
    ticket = await page.ticket()
    await scan(page.world, page.http, "o-ann")

    answer = await scan(page.world, page.http, "o-bob")

    assert _text_of(page, answer) == "二维码已失效，请回到网页刷新后再扫"
    page.token = (await page.check(ticket))["data"]
    assert page.world.rows("SELECT openid FROM buyer JOIN session ON buyer_id = buyer.id") == [("o-ann",)]


async def test_a_new_follower_signs_in_by_the_same_scan(page: OldPage) -> None:
    ticket = await page.ticket()
    scene = page.world.wechat.scenes[-1]
    query, body = page.world.wechat.scan("o-new", f"qrscene_{scene}", event="subscribe")
    await page.http.post(f"{PORTAL}?{query}", content=body)

    assert (await page.check(ticket))["code"] == "0000"


async def test_who_writes_is_greeted_and_other_events_are_passed_over(page: OldPage) -> None:
    text = (
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>o-ann</FromUserName><CreateTime>1</CreateTime>"
        "<MsgType>text</MsgType><Content><![CDATA[1 < 2 & 好]]></Content><MsgId>7</MsgId></xml>"
    )
    query, body = page.world.wechat.push(text)
    greeted = await page.http.post(f"{PORTAL}?{query}", content=body)
    left = await scan(page.world, page.http, "o-ann", event="unsubscribe") if await page.ticket() else None

    assert _text_of(page, greeted) == "你好，1 < 2 & 好"
    assert left is not None
    assert (left.status_code, left.text) == (200, "")


@pytest.mark.parametrize("forge", ["plain", "another body", "no signature", "old"])
async def test_a_scan_that_wechat_did_not_sign_signs_nobody_in(page: OldPage, forge: str) -> None:
    ticket = await page.ticket()
    query, body = page.world.wechat.scan("o-victim", page.world.wechat.scenes[-1])
    if forge == "plain":
        words = {"timestamp": str(int(page.world.clock().timestamp())), "nonce": "1"}
        query = (
            f"timestamp={words['timestamp']}&nonce=1&signature={signature_of(WECHAT_TOKEN, *words.values())}"
        )
        body = f"<xml><FromUserName>o-victim</FromUserName><Ticket>{ticket}</Ticket></xml>"
    if forge == "another body":
        body = body.replace("<Encrypt>", f"<Encrypt>{base64.b64encode(b'forged!!').decode()}")
    if forge == "no signature":
        query = query.split("&msg_signature")[0]
    if forge == "old":
        page.world.clock.pass_by(hours=1)
        ticket = await page.ticket()

    answer = await page.http.post(f"{PORTAL}?{query}", content=body)

    assert (answer.status_code, answer.text) == (200, "")
    assert (await page.check(ticket))["code"] == "0003"
    assert page.world.rows("SELECT count(*) FROM wechat_event") == [(0,)]
    assert page.world.rows("SELECT count(*) FROM session") == [(0,)]


def _query_of(answer: httpx.Response) -> dict[str, str]:
    """A reply carries in its body what a push carries in its query."""
    names = {"timestamp": "TimeStamp", "nonce": "Nonce", "msg_signature": "MsgSignature"}
    return {name: answer.text.split(f"<{tag}>")[1].split(f"</{tag}>")[0] for name, tag in names.items()}


def _text_of(page: OldPage, answer: httpx.Response) -> str:
    reader = PushReader(token=WECHAT_TOKEN, aes_key=AES_KEY, app_id=WECHAT_APP_ID)
    return reader.push(_query_of(answer), answer.content, now=page.world.clock()).text
