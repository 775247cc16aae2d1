"""A buyer showed us their WeChat, or is a guest; a login ticket is how one browser comes to be theirs.

Ticket  waiting ──▶ scanned ──▶ confirmed ── redeemed ──▶ used
        waiting | scanned | confirmed ── time is up ──▶ expired

A scan alone signs nobody in: a picture of a stranger's QR code may lead anybody to scan it. So the phone is
told which browser asks, and its owner confirms. Only a page of the original's is signed in by the scan
alone, where its shop has chosen so.
"""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tuan.kernel.errors import NotFound, Refusal

TICKET_LASTS = timedelta(minutes=2)  # Short, so that a picture of somebody else's QR is soon worthless.
SESSION_LASTS = timedelta(days=30)
IDLE_FOR = timedelta(days=7)  # As long as a team may fill and its money come back, and longer.
GUEST_LASTS = timedelta(days=30)  # Used or not: a guest's browser is the only way to what they bought.

# Each begins with another character: strangers see no more of a name than that.
NAMES = (
    "山楂", "青柚", "海棠", "白露", "南瓜", "小满", "竹笋", "芒果", "荔枝", "银杏", "柠檬", "桂圆",
    "石榴", "薄荷", "核桃", "春笋", "橙子", "莲藕", "杏仁", "茉莉", "豆苗", "栗子", "雪梨", "甜瓜",
)  # fmt: skip


class NotSignedIn(Refusal):
    """Sign in first."""

    code = "not_signed_in"
    status = 401


class GuestsNotWelcome(Refusal):
    """This shop asks its buyers to sign in with WeChat."""

    code = "guests_not_welcome"
    status = 403


class TicketWaiting(Refusal):
    """Nobody has scanned this code and confirmed yet."""

    code = "ticket_waiting"


class TicketExpired(Refusal):
    """This code is no longer valid; ask for a new one."""

    code = "ticket_expired"
    status = 410


class TicketStatus(StrEnum):
    WAITING = "waiting"
    SCANNED = "scanned"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, kw_only=True, slots=True)
class Buyer:
    id: str
    nickname: str
    is_guest: bool

    @property
    def avatar(self) -> int:
        return avatar_of(self.id)


@dataclass(kw_only=True, slots=True)
class LoginTicket:
    """One sign-in by one browser: only the secret in its cookie can look at it or redeem it."""

    id: str  # Also the scene in the QR code.
    browser: bytes  # The fingerprint of that secret.
    url: str  # What WeChat wants the QR code to say.
    device: str  # What that browser says it is, and where it asked from: for whoever confirms.
    address: str
    scan_confirms: bool  # The scan itself is the consent, as the original's people know it.
    created_at: datetime
    expires_at: datetime
    openid: str | None = None
    scanned_at: datetime | None = None
    confirmed_at: datetime | None = None
    used_at: datetime | None = None

    def status(self, *, now: datetime) -> TicketStatus:
        if self.used_at is not None:
            return TicketStatus.USED
        if now >= self.expires_at:
            return TicketStatus.EXPIRED
        if self.confirmed_at is not None:
            return TicketStatus.CONFIRMED
        return TicketStatus.WAITING if self.scanned_at is None else TicketStatus.SCANNED

    def scan(self, openid: str, *, now: datetime) -> None:
        """The first phone decides whose it is; later scans change nothing."""
        if self.status(now=now) is TicketStatus.WAITING:
            self.openid = openid
            self.scanned_at = now
            self.confirmed_at = now if self.scan_confirms else None

    def confirm(self, *, now: datetime) -> None:
        """Confirming again changes nothing. Raises TicketWaiting, TicketExpired."""
        match self.status(now=now):
            case TicketStatus.WAITING:
                raise TicketWaiting
            case TicketStatus.EXPIRED:
                raise TicketExpired
            case TicketStatus.SCANNED:
                self.confirmed_at = now

    def redeem(self, *, now: datetime) -> str:
        """Returns the openid of who confirmed. Once: a used ticket is nobody's.

        Raises TicketWaiting, TicketExpired, or NotFound for a ticket used before.
        """
        status = self.status(now=now)
        if status is TicketStatus.USED:
            raise NotFound
        if status is TicketStatus.EXPIRED:
            raise TicketExpired
        if self.openid is None or self.confirmed_at is None:
            raise TicketWaiting

        self.used_at = now
        return self.openid


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A browser in which a buyer is signed in."""

    device: str
    created_at: datetime
    seen_at: datetime  # To the minute.
    is_current: bool


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
