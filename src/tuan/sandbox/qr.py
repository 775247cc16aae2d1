"""A WeChat QR code with a scene, who may scan it, and what WeChat tells the account when somebody does."""

import base64
import hashlib
import secrets
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import escape

from tuan.kernel.errors import Refusal
from tuan.kernel.ids import new_code

# Two real tickets asked for without expire_seconds lasted a minute; older documents promise half of it.
LASTS_BY_DEFAULT: Final = timedelta(seconds=60)
LASTS_AT_MOST: Final = timedelta(seconds=2_592_000)
TICKET_HEAD: Final = bytes.fromhex("8101")


class QrExpired(Refusal):
    """二维码已过期，请回到网页重新获取。"""

    code = "qr_expired"
    status = 410


class Event(StrEnum):
    SUBSCRIBE = "subscribe"
    SCAN = "SCAN"
    MESSAGE_ENDED = "TEMPLATESENDJOBFINISH"


@dataclass(frozen=True, kw_only=True, slots=True)
class Qr:
    id: str
    ticket: str
    scene: str
    created_at: datetime
    expires_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at

    def require_live(self, now: datetime) -> None:
        if not self.is_live(now):
            raise QrExpired


@dataclass(frozen=True, kw_only=True, slots=True)
class Follower:
    openid: str
    nickname: str
    followed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Push:
    id: str
    qr_id: str | None
    openid: str
    event: Event
    message: str
    created_at: datetime
    due_at: datetime | None = None  # When it leaves, if not at once.
    acknowledged_at: datetime | None = None
    reply: str | None = None  # What whoever scanned reads.


def new_qr(*, scene: str, lasts: timedelta | None, now: datetime) -> Qr:
    qr_id = "02" + new_code(20)
    return Qr(
        id=qr_id,
        ticket=_ticket(qr_id, lasts=lasts, now=now),
        scene=scene,
        created_at=now,
        expires_at=None if lasts is None else now + lasts,
    )


def new_openid() -> str:
    """28 characters that begin with an o."""
    return "o" + secrets.token_urlsafe(21)[:27]


def original_id(app_id: str) -> str:
    """The account's other name, gh_…, by which it is addressed in messages."""
    return f"gh_{hashlib.sha256(app_id.encode()).hexdigest()[:12]}"


def scan_message(qr: Qr, follower: Follower, event: Event, *, app_id: str, now: datetime) -> str:
    """Whoever follows by this scan is announced as a new follower, with the scene behind a prefix."""
    key = f"qrscene_{qr.scene}" if event is Event.SUBSCRIBE else qr.scene
    return (
        "<xml>"
        f"{_text('ToUserName', original_id(app_id))}"
        f"{_text('FromUserName', follower.openid)}"
        f"<CreateTime>{int(now.timestamp())}</CreateTime>"
        f"{_text('MsgType', 'event')}"
        f"{_text('Event', event)}"
        f"{_text('EventKey', key)}"
        f"{_text('Ticket', qr.ticket)}"
        "</xml>"
    )


def message_ended(openid: str, message_id: int, *, app_id: str, now: datetime) -> str:
    return (
        "<xml>"
        f"{_text('ToUserName', original_id(app_id))}"
        f"{_text('FromUserName', openid)}"
        f"<CreateTime>{int(now.timestamp())}</CreateTime>"
        f"{_text('MsgType', 'event')}"
        f"{_text('Event', Event.MESSAGE_ENDED)}"
        f"<MsgID>{message_id}</MsgID>"
        f"{_text('Status', 'success')}"
        "</xml>"
    )


def sealed_message(sealed: str, *, app_id: str) -> str:
    return f"<xml>{_text('ToUserName', original_id(app_id))}{_text('Encrypt', sealed)}</xml>"


def _text(name: str, value: str) -> str:
    """As WeChat writes it, in CDATA; what would end the CDATA is escaped instead."""
    content = escape(value) if "]]>" in value else f"<![CDATA[{value}]]>"
    return f"<{name}>{content}</{name}>"


def _ticket(qr_id: str, *, lasts: timedelta | None, now: datetime) -> str:
    """96 characters, with the address, the time and the lifetime inside: taken apart from real tickets."""
    address = f"http://weixin.qq.com/q/{qr_id}".encode() + b"\0"
    fields = (
        struct.pack("<BB", 1, len(address))
        + address
        + struct.pack("<BBI", 2, 4, int(now.timestamp()))
        + struct.pack("<BBI", 3, 4, int(lasts.total_seconds()) if lasts else 0)
    )
    head = TICKET_HEAD + secrets.token_bytes(1) + b"\xf0" + bytes([len(fields)]) + bytes(7)
    return base64.urlsafe_b64encode(head + fields).decode()
