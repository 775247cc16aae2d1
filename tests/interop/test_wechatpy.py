"""WeChat's safe mode and wechatpy: it opens what our sandbox seals, and our mall opens what it seals."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from interop_sandbox import WECHAT, Sandbox, Told
from oracles import Oracle, OracleRefused

from tuan.mall.wechat_push import ForgedPush, PushReader, Scan
from tuan.mall.wechat_reply import ReplyWriter

Proved = Callable[[Oracle, str], None]
KEYS = {"token": WECHAT["token"], "aes_key": WECHAT["aes_key"], "app_id": WECHAT["app_id"]}
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
SCAN = (
    "<xml><ToUserName>gh_1</ToUserName><FromUserName>o-ann</FromUserName><CreateTime>1795406400</CreateTime>"
    "<MsgType>event</MsgType><Event>SCAN</Event><EventKey>Lscene</EventKey><Ticket>t</Ticket></xml>"
)
TEXT = (
    "<xml><ToUserName>gh_1</ToUserName><FromUserName>o-ann</FromUserName><CreateTime>1795406400</CreateTime>"
    "<MsgType>text</MsgType><Content>团 &lt;&amp;&gt;</Content><MsgId>1</MsgId></xml>"
)


def make_code(wechatpy: Oracle, sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    body = {"expire_seconds": 120, "action_name": "QR_STR_SCENE"}
    body |= {"action_info": {"scene": {"scene_str": "Lscene-of-ours"}}} | changes
    made: dict[str, Any] = wechatpy.ask(
        "create_qr", account=WECHAT, url=f"{sandbox.address}/wechat", body=body
    )
    return made


def scanned(sandbox: Sandbox, code: dict[str, Any], **who: str) -> Told:
    scan = httpx.post(code["url"], data=who)
    assert not scan.is_error, scan.text
    return sandbox.ear.next()


def test_its_client_makes_a_code_at_our_sandbox_and_opens_the_push_of_its_scan(
    wechatpy: Oracle, sandbox: Sandbox, proved: Proved
) -> None:
    code = make_code(wechatpy, sandbox)
    newcomer = scanned(sandbox, code, nickname="安安")
    followed = wechatpy.ask("decrypt", account=KEYS, body=newcomer.body, query=newcomer.query)
    follower = scanned(sandbox, code, openid=followed["source"])
    again = wechatpy.ask("decrypt", account=KEYS, body=follower.body, query=follower.query)

    assert (followed["event"], followed["scene_id"]) == ("subscribe_scan", "Lscene-of-ours")
    assert (again["event"], again["scene_id"]) == ("scan", "Lscene-of-ours")
    assert (followed["ticket"], again["source"]) == (code["ticket"], followed["source"])
    assert wechatpy.ask("checks", token=WECHAT["token"], query=newcomer.query)
    proved(wechatpy, "its client gets a token and a code from our sandbox; it opens the pushes of both scans")


def test_a_push_of_our_sandbox_that_was_changed_does_not_open(
    wechatpy: Oracle, sandbox: Sandbox, proved: Proved
) -> None:
    told = scanned(sandbox, make_code(wechatpy, sandbox), nickname="小博")

    for query in (told.query | {"nonce": "1"}, told.query | {"msg_signature": "0" * 40}):
        with pytest.raises(OracleRefused, match="InvalidSignature"):
            wechatpy.ask("decrypt", account=KEYS, body=told.body, query=query)
    with pytest.raises(OracleRefused, match="InvalidAppId"):
        wechatpy.ask("decrypt", account=KEYS | {"app_id": "wx0"}, body=told.body, query=told.query)
    proved(wechatpy, "it does refuse pushes: those that were changed, and those for another app")


@pytest.mark.parametrize("message", [SCAN, TEXT])
def test_our_mall_opens_what_it_seals(wechatpy: Oracle, proved: Proved, message: str) -> None:
    timestamp, nonce = str(int(NOW.timestamp())), "415670741"
    body = wechatpy.ask("encrypt", account=KEYS, message=message, nonce=nonce, timestamp=timestamp)
    signature = body.split("<MsgSignature><![CDATA[")[1].split("]")[0]
    query = {"timestamp": timestamp, "nonce": nonce, "msg_signature": signature}
    reader = PushReader(**KEYS)

    push = reader.push(query, body.encode(), now=NOW)

    assert (push.openid, push.account) == ("o-ann", "gh_1")
    scene = push.event.scene if isinstance(push.event, Scan) else None
    assert (scene, push.text) == (("Lscene", "") if message is SCAN else (None, "团 <&>"))
    with pytest.raises(ForgedPush):
        reader.push(query | {"nonce": "1"}, body.encode(), now=NOW)
    proved(
        wechatpy,
        f"our mall reads {'a scan' if message is SCAN else 'a text'} that it sealed; changed, it is forged",
    )


def test_it_opens_what_our_mall_writes_back(wechatpy: Oracle, proved: Proved) -> None:
    timestamp, nonce = str(int(NOW.timestamp())), "415670741"
    sealed = wechatpy.ask("encrypt", account=KEYS, message=TEXT, nonce=nonce, timestamp=timestamp)
    signature = sealed.split("<MsgSignature><![CDATA[")[1].split("]")[0]
    query = {"timestamp": timestamp, "nonce": nonce, "msg_signature": signature}
    push = PushReader(**KEYS).push(query, sealed.encode(), now=NOW)

    reply = ReplyWriter(**KEYS).text(push, "你好，团 <&>", now=NOW)

    said = wechatpy.ask("decrypt", account=KEYS, body=reply, query=_query_of(reply))
    assert (said["type"], said["content"]) == ("text", "你好，团 <&>")
    assert (said["source"], said["target"]) == ("gh_1", "o-ann")
    proved(wechatpy, "it opens the sealed text that our mall writes back")


def _query_of(reply: str) -> dict[str, str]:
    tree = ElementTree.fromstring(reply)
    names = {"timestamp": "TimeStamp", "nonce": "Nonce", "msg_signature": "MsgSignature"}
    return {name: tree.findtext(tag) or "" for name, tag in names.items()}
