"""Somebody scans a QR code and confirms: WeChat tells the account, three times at most."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.ids import new_id
from tuan.sandbox.courier import Answer, post
from tuan.sandbox.qr import Event, Follower, Push, new_openid, scan_message, sealed_message
from tuan.sandbox.sealing import seal, signature
from tuan.sandbox.wechat_store import WechatStore

TRIES: Final = 3
WITHIN_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pusher:
    pool: Pool
    client: httpx.AsyncClient
    app_id: str
    token: str
    aes_key: str
    push_url: str
    clock: Clock


async def scan(pusher: Pusher, qr_id: str, *, openid: str | None, nickname: str | None) -> Push:
    """By a follower, or by somebody new under this nickname. Raises NotFound, QrExpired.

    The push is saved before it leaves, and each attempt after; no transaction is open while one is out.
    """
    push = await _save_push(pusher, qr_id, openid=openid, nickname=nickname, now=pusher.clock())
    for attempt in range(1, TRIES + 1):
        answer = await _send(pusher, push)
        acknowledged = _is_acknowledged(answer)
        async with transaction(pusher.pool) as connection:
            await WechatStore(connection).record(push, attempt, answer, acknowledged=acknowledged)
        if acknowledged:
            break
    return push


async def _save_push(
    pusher: Pusher, qr_id: str, *, openid: str | None, nickname: str | None, now: datetime
) -> Push:
    async with transaction(pusher.pool) as connection:
        store = WechatStore(connection)
        qr = await store.qr(qr_id)
        qr.require_live(now)

        if openid is not None:
            follower, event = await store.follower(openid), Event.SCAN
        else:
            follower, event = _newcomer(nickname or "微信用户", now), Event.SUBSCRIBE
            await store.add_follower(follower)

        push = Push(
            id=new_id(),
            qr_id=qr.id,
            openid=follower.openid,
            event=event,
            message=scan_message(qr, follower, event, app_id=pusher.app_id, now=now),
            created_at=now,
        )
        await store.add_push(push)
        return push


def _newcomer(nickname: str, now: datetime) -> Follower:
    return Follower(openid=new_openid(), nickname=nickname, followed_at=now)


async def _send(pusher: Pusher, push: Push) -> Answer:
    """Signed and sealed (safe mode). Each try has its own time and nonce; the event inside keeps its own."""
    now = pusher.clock()
    timestamp, nonce = str(int(now.timestamp())), str(secrets.randbelow(10**10))
    sealed = seal(push.message, aes_key=pusher.aes_key, app_id=pusher.app_id)
    return await post(
        pusher.client,
        pusher.push_url,
        content=sealed_message(sealed, app_id=pusher.app_id).encode(),
        media_type="text/xml",
        params={
            "signature": signature(pusher.token, timestamp, nonce),
            "timestamp": timestamp,
            "nonce": nonce,
            "openid": push.openid,
            "encrypt_type": "aes",
            "msg_signature": signature(pusher.token, timestamp, nonce, sealed),
        },
        within_seconds=WITHIN_SECONDS,
        now=now,
    )


def _is_acknowledged(answer: Answer) -> bool:
    """By "success", by nothing at all, or by a message for the follower."""
    return answer.says(b"success", b"") or (
        answer.status == httpx.codes.OK and answer.body.startswith(b"<xml>")
    )
