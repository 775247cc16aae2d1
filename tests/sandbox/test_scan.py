"""A phone scans a QR code: who it says it is, what the account is told, and how often."""

from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

import httpx
import pytest
from defusedxml.ElementTree import fromstring
from sandbox_builders import (
    AES_KEY,
    JSON,
    NOW,
    PUBLIC_URL,
    WECHAT_APP_ID,
    WECHAT_SECRET,
    WECHAT_TOKEN,
    Merchant,
    Shop,
    controls,
    unseal,
)

from tuan.sandbox.sealing import signature

HTML = {"accept": "text/html"}
SCENE = "L0123456789"


@dataclass
class Code:
    path: str
    ticket: str


async def a_code(merchant: Merchant, action_info: object = None) -> Code:
    grant = {"grant_type": "client_credential", "appid": WECHAT_APP_ID, "secret": WECHAT_SECRET}
    token = (await merchant.http.post("/wechat/cgi-bin/stable_token", json=grant)).json()["access_token"]
    made = await merchant.http.post(
        f"/wechat/cgi-bin/qrcode/create?access_token={token}",
        json={
            "expire_seconds": 300,
            "action_name": "QR_STR_SCENE",
            "action_info": action_info or {"scene": {"scene_str": SCENE}},
        },
    )
    return Code(path=made.json()["url"].removeprefix(PUBLIC_URL), ticket=made.json()["ticket"])


async def scan(merchant: Merchant, code: Code, **who: str) -> dict[str, Any]:
    answer = await merchant.http.post(code.path, data=who, headers=JSON)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def fields(xml: str) -> dict[str, str | None]:
    root: Element = fromstring(xml)
    return {child.tag: child.text for child in root}


def opened(shop: Shop, number: int = -1) -> dict[str, str | None]:
    """The event of a push whose signatures have been checked as the account checks them."""
    query, sealed = shop.queries[number], fields(shop.bodies[number].decode())["Encrypt"]
    assert sealed is not None
    assert query["signature"] == signature(WECHAT_TOKEN, query["timestamp"], query["nonce"])
    assert query["msg_signature"] == signature(WECHAT_TOKEN, query["timestamp"], query["nonce"], sealed)
    assert query["encrypt_type"] == "aes"
    event = fields(unseal(sealed, aes_key=AES_KEY, app_id=WECHAT_APP_ID))
    assert event["FromUserName"] == query["openid"]
    return event


async def test_somebody_new_subscribes_and_afterwards_scans(merchant: Merchant) -> None:
    first_code, next_code = await a_code(merchant), await a_code(merchant)
    first = await scan(merchant, first_code, nickname="小安")
    subscribed = opened(merchant.shop)
    later = await scan(merchant, next_code, openid=first["openid"])
    scanned = opened(merchant.shop)

    assert subscribed == {
        "ToUserName": scanned["ToUserName"],
        "FromUserName": first["openid"],
        "CreateTime": str(int(NOW.timestamp())),
        "MsgType": "event",
        "Event": "subscribe",
        "EventKey": f"qrscene_{SCENE}",
        "Ticket": first_code.ticket,
    }
    assert scanned == subscribed | {"Event": "SCAN", "EventKey": SCENE, "Ticket": next_code.ticket}
    assert str(subscribed["ToUserName"]).startswith("gh_")
    assert len(first["openid"]) == 28
    assert [(one["event"], one["acknowledged"]) for one in (first, later)] == [
        ("subscribe", True),
        ("SCAN", True),
    ]
    assert first["attempts"] == [{"status": 200, "answer": "success"}]


async def test_who_forgets_the_inner_scene_is_told_of_scene_0(merchant: Merchant) -> None:
    code = await a_code(merchant, {"scene_str": SCENE})

    openid = (await scan(merchant, code, nickname="小安"))["openid"]
    await scan(merchant, code, openid=openid)

    assert [opened(merchant.shop, number)["EventKey"] for number in (0, 1)] == ["qrscene_0", "0"]


async def test_without_javascript_a_phone_chooses_confirms_and_sees_the_answer(merchant: Merchant) -> None:
    code = await a_code(merchant)
    nobody_yet = await merchant.http.get(code.path, headers=HTML)
    new = await merchant.http.get(code.path, params={"nickname": "小安"}, headers=HTML)
    confirmed = await merchant.http.post(
        code.path, data={"nickname": "小安"}, headers=HTML, follow_redirects=True
    )
    known = await merchant.http.get(code.path, headers=HTML)
    [follower] = (await merchant.http.get(code.path, headers=JSON)).json()["followers"]
    chosen = await merchant.http.get(code.path, params={"openid": follower["openid"]}, headers=HTML)

    assert list(controls(nobody_yet.text)) == ["new-nickname", "create-follower"]
    assert list(controls(new.text)) == ["confirm-scan"]
    assert list(controls(confirmed.text)) == ["scan-result", "messages"]
    assert ("小安 已扫码" in confirmed.text, len(confirmed.history)) == (True, 1)
    assert list(controls(known.text)) == ["follower", "new-nickname", "create-follower"]
    assert list(controls(chosen.text)) == ["confirm-scan"]
    assert follower["nickname"] == "小安"
    assert len(merchant.shop.bodies) == 1  # Looking and choosing tell the account nothing.


@pytest.mark.parametrize(
    ("answers", "tries", "acknowledged"),
    [
        ([(500, "broken"), (200, "success")], [(500, "broken"), (200, "success")], True),
        ([(200, "fail")] * 5, [(200, "fail")] * 3, False),
        ([(200, "")], [(200, "")], True),
        ([(200, "<xml>…</xml>")], [(200, "<xml>…</xml>")], True),
    ],
)
async def test_wechat_tries_three_times_at_most(
    merchant: Merchant, answers: list[tuple[int, str]], tries: list[tuple[int, str]], acknowledged: bool
) -> None:
    merchant.shop.answers = answers

    pushed = await scan(merchant, await a_code(merchant), nickname="小安")

    assert pushed["acknowledged"] is acknowledged
    assert [(one["status"], one["answer"]) for one in pushed["attempts"]] == tries
    recorded = (await merchant.http.get("/admin/pushes")).json()["items"]
    assert [(one["attempt"], one["status"]) for one in recorded] == [
        (attempt, status) for attempt, (status, _) in enumerate(tries, start=1)
    ]
    events = [opened(merchant.shop, number) for number in range(len(tries))]
    assert all(event == events[0] for event in events)
    assert len({query["nonce"] for query in merchant.shop.queries}) == len(tries)


async def test_a_push_nobody_answered_says_so_on_the_phone(merchant: Merchant) -> None:
    code = await a_code(merchant)
    merchant.shop.answers = [(500, "")] * 3

    page = await merchant.http.post(code.path, data={"nickname": "小安"}, headers=HTML, follow_redirects=True)

    assert "该公众号暂时无法提供服务" in page.text


async def test_an_expired_code_pushes_nothing(merchant: Merchant) -> None:
    code = await a_code(merchant)
    merchant.time.pass_(seconds=300)

    page = await merchant.http.get(code.path, headers=HTML)
    refused = await merchant.http.post(code.path, data={"nickname": "小安"}, headers=JSON)

    assert (page.status_code, "二维码已过期" in page.text) == (410, True)
    assert (refused.status_code, refused.json()["code"]) == (410, "qr_expired")
    assert merchant.shop.bodies == []
    assert (await merchant.http.get(code.path, headers=JSON)).json()["followers"] == []


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({}, 422),
        ({"nickname": " "}, 422),
        ({"nickname": "\0"}, 422),
        ({"nickname": "安" * 21}, 422),
        ({"nickname": "小安", "openid": "o" * 28}, 422),
        ({"openid": "nobody"}, 422),
        ({"openid": "o" * 28}, 404),
    ],
)
async def test_who_scans_must_be_somebody(merchant: Merchant, who: dict[str, str], status: int) -> None:
    answer = await merchant.http.post((await a_code(merchant)).path, data=who, headers=JSON)

    assert answer.status_code == status
    assert merchant.shop.bodies == []


async def test_a_code_that_does_not_exist_is_a_page(merchant: Merchant) -> None:
    answers: list[httpx.Response] = [
        await merchant.http.get("/q/02NOWHERE", headers=HTML),
        await merchant.http.post("/q/02NOWHERE", data={"nickname": "小安"}, headers=HTML),
    ]

    assert [(answer.status_code, "没有这个二维码" in answer.text) for answer in answers] == [(404, True)] * 2


async def test_a_lost_push_comes_with_the_next_try(merchant: Merchant) -> None:
    await merchant.suffer("wechat.push/lost", times=1)

    pushed = await scan(merchant, await a_code(merchant), nickname="小安")

    assert [(one["status"], one["answer"]) for one in pushed["attempts"]] == [
        (None, "lost"),
        (200, "success"),
    ]
    assert (pushed["acknowledged"], len(merchant.shop.bodies)) == (True, 1)


async def test_a_forged_push_is_signed_by_somebody_else(merchant: Merchant) -> None:
    await merchant.suffer("wechat.push/wrong_sign", times=1)

    await scan(merchant, await a_code(merchant), nickname="小安")

    with pytest.raises(AssertionError):
        opened(merchant.shop)


async def test_a_repeated_push_is_the_same_event_each_time(merchant: Merchant) -> None:
    await merchant.suffer("wechat.push/repeated", measure=3, times=1)

    await scan(merchant, await a_code(merchant), nickname="小安")

    events = [opened(merchant.shop, number) for number in range(3)]
    assert len(merchant.shop.bodies) == 3
    assert all(event == events[0] for event in events)


async def test_a_late_push_leaves_once_its_time_has_come_and_once_only(merchant: Merchant) -> None:
    code = await a_code(merchant)
    await merchant.suffer("wechat.push/late", measure=90, times=1)

    page = await merchant.http.post(code.path, data={"nickname": "小安"}, headers=HTML, follow_redirects=True)
    for seconds, count in ((0, 0), (89, 0), (1, 1), (3600, 1)):
        merchant.time.pass_(seconds=seconds)
        await merchant.service.drain()
        assert len(merchant.shop.bodies) == count

    assert "推送还在路上" in page.text
    assert opened(merchant.shop)["CreateTime"] == str(int(NOW.timestamp()))


async def test_a_trouble_about_one_follower_leaves_the_others_alone(merchant: Merchant) -> None:
    ann = await scan(merchant, await a_code(merchant), nickname="小安")
    bob = await scan(merchant, await a_code(merchant), nickname="小博")
    await merchant.suffer("wechat.push/lost", about=ann["openid"])

    pushed = [await scan(merchant, await a_code(merchant), openid=one["openid"]) for one in (ann, bob)]

    assert [one["acknowledged"] for one in pushed] == [False, True]
