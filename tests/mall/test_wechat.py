"""What WeChat pushes: by its own examples, and against forgeries; and the codes we ask it for."""

import base64
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from mall_builders import NOW, Wall
from mall_stand_ins import AES_KEY, WECHAT_APP_ID, WECHAT_TOKEN, ByHost, WeChatStandIn

from tuan.kernel.errors import Unreachable
from tuan.mall.wechat import WeChat
from tuan.mall.wechat_push import ForgedPush, PushReader, Scan, signature_of

READER = PushReader(token=WECHAT_TOKEN, aes_key=AES_KEY, app_id=WECHAT_APP_ID)
OFFICIAL_ENCRYPT = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVza"
    "zhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwK"
    "SqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)
OFFICIAL_MESSAGE = (
    b'{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY",'
    b'"CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}'
)


@pytest.fixture
def wechat() -> WeChatStandIn:
    return WeChatStandIn(Wall())


def words_of(query: str) -> dict[str, str]:
    return dict(httpx.QueryParams(query))


@pytest.mark.parametrize(
    ("timestamp", "nonce", "signature"),
    [
        ("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
    ],
)
def test_wechats_own_signatures_are_ours(timestamp: str, nonce: str, signature: str) -> None:
    query = {"timestamp": timestamp, "nonce": nonce, "signature": signature, "echostr": "4375120948345356249"}

    assert signature_of("AAAAA", timestamp, nonce) == signature
    assert READER.echo(query, now=datetime.fromtimestamp(int(timestamp), UTC)) == "4375120948345356249"


def test_wechats_own_message_decrypts() -> None:
    signature = signature_of("AAAAA", "1714112445", "415670741", OFFICIAL_ENCRYPT)

    assert signature == "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"
    assert READER._decrypt(OFFICIAL_ENCRYPT) == OFFICIAL_MESSAGE


@pytest.mark.parametrize(("event", "prefix"), [("SCAN", ""), ("subscribe", "qrscene_")])
def test_followers_and_newcomers_scan(wechat: WeChatStandIn, event: str, prefix: str) -> None:
    query, body = wechat.scan("o-ann", f"{prefix}L123", event=event, created=7)

    assert READER.push(words_of(query), body.encode(), now=NOW).event == Scan(
        openid="o-ann", scene="L123", created_second=7
    )


@pytest.mark.parametrize(
    ("event", "key"), [("subscribe", ""), ("unsubscribe", ""), ("CLICK", "L1"), ("SCAN", "")]
)
def test_other_events_are_no_scans(wechat: WeChatStandIn, event: str, key: str) -> None:
    query, body = wechat.scan("o-ann", key, event=event)

    assert READER.push(words_of(query), body.encode(), now=NOW).event is None


def test_another_body_under_a_good_signature_is_forged(wechat: WeChatStandIn) -> None:
    query, _ = wechat.scan("o-ann", "L1")
    _, body = wechat.scan("o-mallory", "L1")
    with pytest.raises(ForgedPush):
        READER.push(words_of(query), body.encode(), now=NOW)


def test_a_signature_that_does_not_cover_the_body_counts_for_nothing(wechat: WeChatStandIn) -> None:
    query, body = wechat.scan("o-ann", "L1")
    words = words_of(query)
    plain = signature_of(WECHAT_TOKEN, words["timestamp"], words["nonce"])
    for changes in ({"msg_signature": plain}, {"msg_signature": "", "signature": plain}):
        with pytest.raises(ForgedPush):
            READER.push(words | changes, body.encode(), now=NOW)


def test_plain_xml_is_forged_however_signed() -> None:
    timestamp = str(int(NOW.timestamp()))
    signature = signature_of(WECHAT_TOKEN, timestamp, "1", "")
    query = {"timestamp": timestamp, "nonce": "1", "msg_signature": signature, "signature": signature}
    body = b"<xml><FromUserName>o-ann</FromUserName><Event>SCAN</Event><EventKey>L1</EventKey></xml>"
    with pytest.raises(ForgedPush):
        READER.push(query, body, now=NOW)


def test_a_push_meant_for_another_app_is_forged(wechat: WeChatStandIn) -> None:
    query, body = wechat.push("<xml/>", app_id="wx0000000000000000")
    with pytest.raises(ForgedPush):
        READER.push(words_of(query), body.encode(), now=NOW)


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_push_of_another_time_is_forged(wechat: WeChatStandIn, minutes: int) -> None:
    query, body = wechat.push("<xml/>", at=NOW + timedelta(minutes=minutes))
    with pytest.raises(ForgedPush):
        READER.push(words_of(query), body.encode(), now=NOW)


@pytest.mark.parametrize("timestamp", ["", "x", "１７１４", "9" * 400])
def test_a_timestamp_that_is_none_is_forged(timestamp: str) -> None:
    query = {"timestamp": timestamp, "nonce": "1", "signature": signature_of(WECHAT_TOKEN, timestamp, "1")}
    with pytest.raises(ForgedPush):
        READER.echo(query, now=NOW)


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'
READS_A_FILE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><xml><Encrypt>&a;</Encrypt></xml>'


@pytest.mark.parametrize("body", [b"", b"{}", b"<xml>", b"\xff\xfe", BOMB, READS_A_FILE])
def test_xml_that_is_none_or_does_harm_is_forged(body: bytes) -> None:
    with pytest.raises(ForgedPush):
        READER.push({"timestamp": str(int(NOW.timestamp()))}, body, now=NOW)


@pytest.mark.parametrize("encrypted", ["", "!", "AAAA", base64.b64encode(bytes(32)).decode()])
def test_what_does_not_decrypt_is_forged(encrypted: str) -> None:
    timestamp = str(int(NOW.timestamp()))
    query = {"timestamp": timestamp, "msg_signature": signature_of(WECHAT_TOKEN, timestamp, "", encrypted)}
    with pytest.raises(ForgedPush):
        READER.push(query, f"<xml><Encrypt>{encrypted}</Encrypt></xml>".encode(), now=NOW)


def test_a_short_aes_key_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="43 characters"):
        PushReader(token="t", aes_key="AAA", app_id="a")


async def test_one_token_serves_many_codes_until_it_is_nearly_over(wechat: WeChatStandIn) -> None:
    async with httpx.AsyncClient(transport=ByHost({"wechat.test": wechat.app})) as http:
        client = WeChat(http, url="http://wechat.test", app_id=WECHAT_APP_ID, app_secret="wechat-secret")
        for scene, minutes in (("L1", 0), ("L2", 117), ("L3", 118)):
            moment = NOW + timedelta(minutes=minutes)
            await client.create_qr(scene, lasts=timedelta(minutes=2), now=moment)

    assert (wechat.scenes, wechat.tokens_made) == (["L1", "L2", "L3"], 2)


async def test_a_token_that_wechat_takes_back_is_renewed_once(wechat: WeChatStandIn) -> None:
    async with httpx.AsyncClient(transport=ByHost({"wechat.test": wechat.app})) as http:
        client = WeChat(http, url="http://wechat.test", app_id=WECHAT_APP_ID, app_secret="wechat-secret")
        wechat.token_refused_once = True
        await client.create_qr("L1", lasts=timedelta(minutes=2), now=NOW)

    assert (wechat.scenes, wechat.tokens_made) == (["L1"], 2)


@pytest.mark.parametrize("answer", ['{"errcode":40013,"errmsg":"invalid appid"}', "[]", "busy"])
async def test_what_wechat_refuses_is_unreachable_to_the_buyer(answer: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=answer))
    async with httpx.AsyncClient(transport=transport) as http:
        client = WeChat(http, url="http://wechat.test", app_id="a", app_secret="s")
        with pytest.raises(Unreachable):
            await client.create_qr("L1", lasts=timedelta(minutes=2), now=NOW)
