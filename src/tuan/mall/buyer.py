"""A buyer is somebody who showed us their WeChat; a login ticket is how one browser comes to be theirs.

Ticket  waiting ── scanned ──▶ confirmed ── redeemed ──▶ used
        waiting | confirmed ── time is up ──▶ expired
"""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tuan.kernel.errors import NotFound, Refusal

TICKET_LASTS = timedelta(minutes=2)  # Short, so that a picture of somebody else's QR is soon worthless.
SESSION_LASTS = timedelta(days=7)

# Each begins with another character: strangers see no more of a name than that.
NAMES = (
    "山楂", "青柚", "海棠", "白露", "南瓜", "小满", "竹笋", "芒果", "荔枝", "银杏", "柠檬", "桂圆",
    "石榴", "薄荷", "核桃", "春笋", "橙子", "莲藕", "杏仁", "茉莉", "豆苗", "栗子", "雪梨", "甜瓜",
)  # fmt: skip


class NotSignedIn(Refusal):
    """Sign in first."""

    code = "not_signed_in"
    status = 401


class TicketWaiting(Refusal):
    """Nobody has scanned this code yet."""

    code = "ticket_waiting"


class TicketExpired(Refusal):
    """This code is no longer valid; ask for a new one."""

    code = "ticket_expired"
    status = 410


class TicketStatus(StrEnum):
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, kw_only=True, slots=True)
class Buyer:
    id: str
    nickname: str

    @property
    def avatar(self) -> int:
        return avatar_of(self.id)


@dataclass(kw_only=True, slots=True)
class LoginTicket:
    """One sign-in by one browser: only the secret in its cookie can look at it or redeem it."""

    id: str  # Also the scene in the QR code.
    browser: bytes  # The fingerprint of that secret.
    url: str  # What WeChat wants the QR code to say.
    created_at: datetime
    expires_at: datetime
    openid: str | None = None
    confirmed_at: datetime | None = None
    used_at: datetime | None = None

    def status(self, *, now: datetime) -> TicketStatus:
        if self.used_at is not None:
            return TicketStatus.USED
        if now >= self.expires_at:
            return TicketStatus.EXPIRED
        return TicketStatus.WAITING if self.confirmed_at is None else TicketStatus.CONFIRMED

    def confirm(self, openid: str, *, now: datetime) -> None:
        self.openid = openid
        self.confirmed_at = now

    def redeem(self, *, now: datetime) -> str:
        """Returns the openid of who scanned. Once: a used ticket is nobody's.

        Raises TicketWaiting, TicketExpired, or NotFound for a ticket used before.
        """
        status = self.status(now=now)
        if status is TicketStatus.USED:
            raise NotFound
        if status is TicketStatus.EXPIRED:
            raise TicketExpired
        if self.openid is None:
            raise TicketWaiting

        self.used_at = now
        return self.openid


def nickname_of(buyer_id: str) -> str:
    """WeChat tells no names any more, so a buyer gets one of ours: the same id, the same name."""
    place = zlib.crc32(buyer_id.encode())
    return f"{NAMES[place % len(NAMES)]}{place // len(NAMES) % 10_000:04d}"


def avatar_of(buyer_id: str) -> int:
    """A hue, 0 to 359: the same buyer always looks the same."""
    return zlib.crc32(buyer_id.encode()) % 360


def masked(nickname: str) -> str:
    """What other buyers may see of a name."""
    return f"{nickname[:1]}***"
