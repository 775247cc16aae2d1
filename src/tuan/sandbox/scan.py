"""Somebody scans a QR code, or was sent a message: WeChat tells the account, three times at most."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import httpx

from tuan.kernel.clock import Clock
from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.ids import new_id
from tuan.sandbox.befall import meet
from tuan.sandbox.courier import Answer, Letter, lost, post
from tuan.sandbox.deliver import POLL_SECONDS, surviving_the_database
from tuan.sandbox.qr import (
    Event,
    Follower,
    Push,
    message_ended,
    new_openid,
    scan_message,
    sealed_message,
)
from tuan.sandbox.reply import read_reply
from tuan.sandbox.sealing import seal, signature
from tuan.sandbox.template import Message
from tuan.sandbox.trouble import EFFECTS, Door, Kind, Occasion
from tuan.sandbox.trouble_store import TroubleStore
from tuan.sandbox.wechat_store import WechatStore

ON_ITS_WAY: Final = frozenset(EFFECTS[Door.PUSH]) - {Kind.LATE}
LATE_AT_ONCE: Final = 20
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
    if push.due_at is None:
        await _push(pusher, push)
    return push


async def tell_message_ended(pusher: Pusher, message: Message, message_id: int) -> None:
    now = pusher.clock()
    push = Push(
        id=new_id(),
        qr_id=None,
        openid=message.openid,
        event=Event.MESSAGE_ENDED,
        message=message_ended(message.openid, message_id, app_id=pusher.app_id, now=now),
        created_at=now,
    )
    async with transaction(pusher.pool) as connection:
        await WechatStore(connection).add_push(push)
    await _push(pusher, push)


async def push_late(pusher: Pusher) -> None:
    """Everything that was kept back and is due by now."""
    async with transaction(pusher.pool) as connection:
        late = await WechatStore(connection).take_late(now=pusher.clock(), limit=LATE_AT_ONCE)
    await asyncio.gather(*(_push(pusher, push) for push in late))


async def keep_pushing(pusher: Pusher) -> None:
    """Until cancelled."""
    while True:
        with surviving_the_database():
            await push_late(pusher)
        await asyncio.sleep(POLL_SECONDS)


async def _push(pusher: Pusher, push: Push) -> None:
    for attempt in range(1, TRIES + 1):
        answer = await _send(pusher, push)
        reply = read_reply(answer.body, token=pusher.token, aes_key=pusher.aes_key, app_id=pusher.app_id)
        acknowledged = _is_acknowledged(answer)
        async with transaction(pusher.pool) as connection:
            store = WechatStore(connection)
            await store.record(push, attempt, answer, acknowledged=acknowledged, reply=reply)
        if acknowledged:
            break


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
            due_at=await _leaves_late(connection, follower, now=now),
        )
        await store.add_push(push)
        return push


async def _leaves_late(connection: Connection, follower: Follower, *, now: datetime) -> datetime | None:
    occasion = Occasion(door=Door.PUSH, kinds=frozenset({Kind.LATE}), about=follower.openid)
    trouble = await TroubleStore(connection).take(occasion)
    return now + timedelta(seconds=trouble.measure) if trouble and trouble.measure else None


def _newcomer(nickname: str, now: datetime) -> Follower:
    return Follower(openid=new_openid(), nickname=nickname, followed_at=now)


async def _send(pusher: Pusher, push: Push) -> Answer:
    """Signed and sealed (safe mode). Each try has its own time and nonce; the event inside keeps its own."""
    now = pusher.clock()
    sealed = seal(push.message, aes_key=pusher.aes_key, app_id=pusher.app_id)
    params, copies = _params(pusher, push, sealed, now=now), 1
    trouble = await meet(pusher.pool, Door.PUSH, ON_ITS_WAY, about=push.openid)
    match trouble and trouble.kind:
        case Kind.LOST:
            return lost(now=now)
        case Kind.WRONG_SIGN:
            params["msg_signature"] = params["msg_signature"][::-1]
        case Kind.REPEATED if trouble and trouble.measure:
            copies = trouble.measure

    letter = Letter(
        content=sealed_message(sealed, app_id=pusher.app_id).encode(), headers={"content-type": "text/xml"}
    )
    [answer, *_] = await asyncio.gather(
        *(_post(pusher, params, letter, now=now) for _ in range(copies)),
    )
    return answer


def _params(pusher: Pusher, push: Push, sealed: str, *, now: datetime) -> dict[str, str]:
    timestamp, nonce = str(int(now.timestamp())), str(secrets.randbelow(10**10))
    return {
        "signature": signature(pusher.token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "openid": push.openid,
        "encrypt_type": "aes",
        "msg_signature": signature(pusher.token, timestamp, nonce, sealed),
    }


async def _post(pusher: Pusher, params: Mapping[str, str], letter: Letter, *, now: datetime) -> Answer:
    return await post(
        pusher.client,
        pusher.push_url,
        letter,
        params=params,
        within_seconds=WITHIN_SECONDS,
        now=now,
    )


def _is_acknowledged(answer: Answer) -> bool:
    """By "success", by nothing at all, or by a message for the follower."""
    return answer.says(b"success", b"") or (
        answer.status == httpx.codes.OK and answer.body.startswith(b"<xml>")
    )
