"""What a follower reads on the phone: the account's answer to a scan, and its template messages."""

from typing import Any

import httpx
import pytest
from sandbox_builders import (
    AES_KEY,
    JSON,
    PUBLIC_URL,
    WECHAT_APP_ID,
    WECHAT_SECRET,
    WECHAT_TOKEN,
    Merchant,
    controls,
    unseal,
)

from tuan.sandbox.reply import Piece, pieces, read_reply
from tuan.sandbox.sealing import seal, signature
from tuan.sandbox.template import SIGNED_IN, TEAM_FORMED

FIELDS = {"thing1": {"value": "小安"}, "time2": {"value": "2026-11-22 18:00:00"}}
SEND = "/wechat/cgi-bin/message/template/send"
TEXT = '登录？<a href="http://shop.test/x">确认</a> <b>不是</b>链接'


async def a_token(merchant: Merchant) -> str:
    grant = {"grant_type": "client_credential", "appid": WECHAT_APP_ID, "secret": WECHAT_SECRET}
    token: str = (await merchant.http.post("/wechat/cgi-bin/stable_token", json=grant)).json()["access_token"]
    return token


async def scan(merchant: Merchant, *, accept: dict[str, str] = JSON) -> httpx.Response:
    """By a new follower called 小安."""
    code = await merchant.http.post(
        f"/wechat/cgi-bin/qrcode/create?access_token={await a_token(merchant)}",
        json={
            "expire_seconds": 300,
            "action_name": "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": "L1"}},
        },
    )
    path = code.json()["url"].removeprefix(PUBLIC_URL)
    return await merchant.http.post(path, data={"nickname": "小安"}, headers=accept, follow_redirects=True)


async def a_follower(merchant: Merchant) -> str:
    openid: str = (await scan(merchant)).json()["openid"]
    merchant.shop.bodies.clear()
    return openid


async def send(merchant: Merchant, openid: str, **changes: Any) -> dict[str, Any]:
    body = {
        "touser": openid,
        "template_id": SIGNED_IN,
        "url": "http://shop.test/",
        "client_msg_id": "m1",
        "data": FIELDS,
    } | changes
    answer = await merchant.http.post(f"{SEND}?access_token={await a_token(merchant)}", json=body)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def messages_of(merchant: Merchant, openid: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await merchant.http.get(f"/phone/{openid}", headers=JSON)).json()["items"]
    return items


def a_reply(text: str, *, kind: str = "text", token: str = WECHAT_TOKEN, app_id: str = WECHAT_APP_ID) -> str:
    inside = f"<xml><MsgType>{kind}</MsgType><Content><![CDATA[{text}]]></Content></xml>"
    sealed = seal(inside, aes_key=AES_KEY, app_id=app_id)
    return (
        f"<xml><Encrypt>{sealed}</Encrypt><TimeStamp>1</TimeStamp><Nonce>n</Nonce>"
        f"<MsgSignature>{signature(token, '1', 'n', sealed)}</MsgSignature></xml>"
    )


def read(body: str) -> str | None:
    return read_reply(body.encode(), token=WECHAT_TOKEN, aes_key=AES_KEY, app_id=WECHAT_APP_ID)


async def test_a_sealed_answer_to_a_scan_is_read_on_the_phone_with_its_links(merchant: Merchant) -> None:
    merchant.shop.answers = [(200, a_reply(TEXT))] * 2
    pushed = (await scan(merchant)).json()
    page = await scan(merchant, accept={"accept": "text/html"})

    assert (pushed["acknowledged"], pushed["reply"]) == (True, TEXT)
    assert list(controls(page.text)) == ["scan-result", "reply", "reply-link", "messages"]
    assert '<a href="http://shop.test/x" data-test="reply-link">确认</a>' in page.text
    assert "&lt;b&gt;不是&lt;/b&gt;链接" in page.text


@pytest.mark.parametrize(
    "body",
    [
        "success",
        "",
        "<xml>…</xml>",
        "<xml><MsgType>text</MsgType><Content>plain</Content></xml>",
        a_reply("x", token="other"),
        a_reply("x", app_id="wx0000000000000000"),
        a_reply("x", kind="news"),
        a_reply("x").replace("<Encrypt>", "<Encrypt>!"),
    ],
    ids=["a word", "nothing", "no message", "plain", "other token", "other app", "other kind", "spoiled"],
)
def test_what_is_not_sealed_and_signed_as_it_must_be_is_not_shown(body: str) -> None:
    assert read(body) is None


def test_only_web_addresses_become_links() -> None:
    assert pieces(TEXT) == [
        Piece(text="登录？"),
        Piece(text="确认", href="http://shop.test/x"),
        Piece(text=" <b>不是</b>链接"),
    ]
    assert [one.href for one in pieces('<a href="javascript:x">x</a>')] == [None]


async def test_a_message_is_on_the_phone_and_its_end_is_told_to_the_account(merchant: Merchant) -> None:
    openid = await a_follower(merchant)
    sent = await send(merchant, openid)
    page = await merchant.http.get(f"/phone/{openid}", headers={"accept": "text/html"})

    assert (sent["errcode"], sent["errmsg"]) == (0, "ok")
    assert await messages_of(merchant, openid) == [
        {
            "id": sent["msgid"],
            "url": "http://shop.test/",
            "lines": ["登录成功提醒", "登录账号：小安", "登录时间：2026-11-22 18:00:00"],
        }
    ]
    assert (list(controls(page.text)), "登录账号：小安" in page.text) == (["message"], True)
    [body] = merchant.shop.bodies
    sealed = body.decode().split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    event = unseal(sealed, aes_key=AES_KEY, app_id=WECHAT_APP_ID)
    assert f"<MsgID>{sent['msgid']}</MsgID><Status><![CDATA[success]]></Status>" in event
    assert "TEMPLATESENDJOBFINISH" in event
    pushes = (await merchant.http.get("/admin/pushes")).json()["items"]
    [told] = [one for one in pushes if one["event"] == "TEMPLATESENDJOBFINISH"]
    assert (told["qr_id"], told["status"], told["answer"]) == (None, 200, "success")


async def test_one_number_is_one_message_within_ten_minutes(merchant: Merchant) -> None:
    openid, other = await a_follower(merchant), await a_follower(merchant)
    first, again = [await send(merchant, openid) for _ in range(2)]
    to_other = await send(merchant, other)
    merchant.time.pass_(minutes=10)
    later = await send(merchant, openid)

    assert first["msgid"] == again["msgid"]
    assert len({first["msgid"], to_other["msgid"], later["msgid"]}) == 3
    assert [len(await messages_of(merchant, one)) for one in (openid, other)] == [2, 1]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"touser": "o" * 28}, 40003),
        ({"template_id": "unknown"}, 40037),
        ({"template_id": TEAM_FORMED}, 47003),
        ({"data": {"thing1": {"value": "小安"}}}, 47003),
        ({"data": FIELDS | {"thing1": {"value": "安" * 21}}}, 47003),
        ({"data": "x"}, 47001),
        ({"touser": "o\0"}, 47001),
    ],
)
async def test_a_message_that_cannot_be_sent_says_why(
    merchant: Merchant, changes: dict[str, Any], errcode: int
) -> None:
    openid = await a_follower(merchant)

    assert (await send(merchant, openid, **changes))["errcode"] == errcode
    assert await messages_of(merchant, openid) == []
    assert merchant.shop.bodies == []


async def test_a_message_needs_a_token(merchant: Merchant) -> None:
    answers = [await merchant.http.post(SEND, json={}) for _ in range(1)]
    answers.append(await merchant.http.post(f"{SEND}?access_token=guess", json={}))

    assert [one.json()["errcode"] for one in answers] == [41001, 40001]


async def test_nobodys_phone_is_a_page(merchant: Merchant) -> None:
    answer = await merchant.http.get(f"/phone/o{'A' * 27}", headers={"accept": "text/html"})

    assert (answer.status_code, "没有这位粉丝" in answer.text) == (404, True)
