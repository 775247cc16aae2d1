"""WeChat's API: tokens, QR codes and their pictures, and errors that come with status 200."""

import base64
import json
import struct
from typing import Any

import pytest
from sandbox_builders import NOW, PUBLIC_URL, WECHAT_APP_ID, WECHAT_SECRET, Merchant

GRANT = {"grant_type": "client_credential", "appid": WECHAT_APP_ID, "secret": WECHAT_SECRET}
LOGIN = {
    "expire_seconds": 300,
    "action_name": "QR_STR_SCENE",
    "action_info": {"scene": {"scene_str": "L0123456789"}},
}


async def stable(merchant: Merchant, **changes: object) -> dict[str, Any]:
    answer = await merchant.http.post("/wechat/cgi-bin/stable_token", json=GRANT | changes)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def legacy(merchant: Merchant, **changes: str) -> dict[str, Any]:
    found: dict[str, Any] = (await merchant.http.get("/wechat/cgi-bin/token", params=GRANT | changes)).json()
    return found


async def create(merchant: Merchant, token: str, body: object = LOGIN) -> dict[str, Any]:
    answer = await merchant.http.post(
        "/wechat/cgi-bin/qrcode/create", params={"access_token": token}, json=body
    )
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_the_stable_token_stays_the_same_until_five_minutes_before_its_end(merchant: Merchant) -> None:
    first = await stable(merchant)
    merchant.time.pass_(seconds=6899)
    same = await stable(merchant)
    merchant.time.pass_(seconds=1)
    other = await stable(merchant)

    assert first["expires_in"] == 7200
    assert same == {"access_token": first["access_token"], "expires_in": 301}
    assert (other["access_token"] != first["access_token"], other["expires_in"]) == (True, 7200)
    assert "ticket" in await create(merchant, first["access_token"])
    merchant.time.pass_(seconds=300)
    assert (await create(merchant, first["access_token"]))["errcode"] == 42001


async def test_a_forced_refresh_ends_the_token_at_once(merchant: Merchant) -> None:
    first = await stable(merchant)
    forced = await stable(merchant, force_refresh=True)

    assert forced["access_token"] != first["access_token"]
    assert (await create(merchant, first["access_token"]))["errcode"] == 42001
    assert "ticket" in await create(merchant, forced["access_token"])


async def test_each_old_token_leaves_the_last_one_five_minutes_and_the_stable_one_alone(
    merchant: Merchant,
) -> None:
    apart, first, second = await stable(merchant), await legacy(merchant), await legacy(merchant)
    tokens = [one["access_token"] for one in (apart, first, second)]
    assert len(set(tokens)) == 3

    assert ["ticket" in await create(merchant, token) for token in tokens] == [True, True, True]
    merchant.time.pass_(minutes=5)
    assert ["ticket" in await create(merchant, token) for token in tokens] == [True, False, True]


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"grant_type": "password"}, 40002),
        ({"appid": "wx0"}, 40013),
        ({"secret": "stolen"}, 40125),
    ],
)
async def test_a_token_is_for_those_who_know_the_secret(
    merchant: Merchant, change: dict[str, str], errcode: int
) -> None:
    answers = [await stable(merchant, **change), await legacy(merchant, **change)]

    assert [answer["errcode"] for answer in answers] == [errcode, errcode]
    assert not any("access_token" in answer for answer in answers)


async def test_what_is_no_json_is_named(merchant: Merchant) -> None:
    answer = await merchant.http.post("/wechat/cgi-bin/stable_token", content=b"{")

    assert (answer.status_code, answer.json()["errcode"]) == (200, 47001)


@pytest.mark.parametrize(
    ("token", "errcode"), [("", 41001), ("80_unknown", 40001), ("\0", 40001), ("\ud800", 40001)]
)
async def test_without_a_good_token_no_qr_code(merchant: Merchant, token: str, errcode: int) -> None:
    query = "access_token=" + ("%ED%A0%80" if token == "\ud800" else token.replace("\0", "%00"))
    answer = await merchant.http.post(f"/wechat/cgi-bin/qrcode/create?{query}", json=LOGIN)

    assert (answer.status_code, answer.json()["errcode"]) == (200, errcode)


async def test_a_qr_code_opens_the_phone_page_and_its_ticket_looks_like_a_real_one(
    merchant: Merchant,
) -> None:
    made = await create(merchant, (await stable(merchant))["access_token"])

    assert made["expire_seconds"] == 300
    assert made["url"].startswith(f"{PUBLIC_URL}/q/02")
    raw = base64.urlsafe_b64decode(made["ticket"])
    assert (len(made["ticket"]), len(raw)) == (96, 72)
    assert (raw[:2], raw[4], raw[5:12]) == (b"\x81\x01", 0x3C, bytes(7))
    qr_id = made["url"].rsplit("/", 1)[1].encode()
    assert raw[12:60] == b"\x01\x2ehttp://weixin.qq.com/q/" + qr_id + b"\0"
    assert raw[60:62] + raw[66:68] == b"\x02\x04\x03\x04"
    assert struct.unpack("<I", raw[62:66]) == (int(NOW.timestamp()),)
    assert struct.unpack("<I", raw[68:72]) == (300,)


async def test_the_picture_is_for_those_who_hold_the_ticket(merchant: Merchant) -> None:
    ticket = (await create(merchant, (await stable(merchant))["access_token"]))["ticket"]

    picture = await merchant.http.get("/wechat/cgi-bin/showqrcode", params={"ticket": ticket})
    nothing = await merchant.http.get("/wechat/cgi-bin/showqrcode", params={"ticket": ticket[:-4]})
    nonsense = await merchant.http.get("/wechat/cgi-bin/showqrcode", params={"ticket": "\0"})

    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    assert (nothing.status_code, nonsense.status_code) == (404, 404)


@pytest.mark.parametrize(
    ("change", "answered"),
    [
        ({"expire_seconds": None}, {"expire_seconds": 60}),
        ({"expire_seconds": 2_592_000}, {"expire_seconds": 2_592_000}),
        ({"action_name": "QR_LIMIT_STR_SCENE"}, {}),
        ({"action_name": "QR_SCENE", "action_info": {"scene": {"scene_id": 7}}}, {"expire_seconds": 300}),
        ({"action_info": {"scene_str": "the inner scene is missing"}}, {"expire_seconds": 300}),
    ],
)
async def test_what_wechat_takes(
    merchant: Merchant, change: dict[str, Any], answered: dict[str, int]
) -> None:
    token = (await stable(merchant))["access_token"]

    made = await create(merchant, token, LOGIN | change)

    assert {key: value for key, value in made.items() if key not in ("ticket", "url")} == answered


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"action_name": "QR_FLYING"}, 40053),
        ({"action_info": {"scene": {"scene_str": ""}}}, 40053),
        ({"action_info": {"scene": {"scene_str": "L" * 65}}}, 40053),
        ({"action_info": {"scene": {"scene_str": "\0"}}}, 40053),
        ({"action_info": {"scene": {"scene_id": 7}}}, 40053),
        ({"action_name": "QR_SCENE", "action_info": {"scene": {"scene_id": 0}}}, 40053),
        ({"expire_seconds": 2_592_001}, 40097),
        ({"expire_seconds": 0}, 40097),
    ],
)
async def test_what_wechat_refuses(merchant: Merchant, change: dict[str, Any], errcode: int) -> None:
    token = (await stable(merchant))["access_token"]

    refused = await create(merchant, token, json.loads(json.dumps(LOGIN | change)))

    assert refused["errcode"] == errcode
    assert "ticket" not in refused
