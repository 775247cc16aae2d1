"""What an endpoint is sent, what its answer means, and when it is asked again.

Delivery    PENDING ── taken ──▶ DELIVERED
            PENDING ── the ladder ends, or the endpoint is gone ──▶ DEAD ── by hand ──▶ PENDING
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

# Seconds between tries; all in all a little over three days.
LADDER: Final = (2, 5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 86400)
# How far an endpoint that is busy may put us off beyond the ladder.
PUT_OFF_SECONDS_MAX: Final = 6 * 3600

BUSY: Final = (429, 503)
GONE: Final = 410
TAKEN_BY_ORIGINAL: Final = "success"
DISABLED: Final = "not sent: the endpoint is disabled"


class Format(StrEnum):
    STANDARD = "standard"  # Standard Webhooks.
    ORIGINAL = "original"  # The body and the answers of the system before: team.formed, and nothing else.


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    at: datetime
    status_code: int | None  # None: no answer came.
    milliseconds: int
    answer: str
    put_off_seconds: int = 0  # What a busy endpoint asked for.


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldSeat:
    """A seat that was given back, for those who are told in the original's words."""

    out_trade_no: str
    buyer_id: str
    number: str | None  # By which the original's paths know it.
    was_paid: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    event_id: str
    endpoint_id: str
    kind: str
    data: dict[str, Any]
    created_at: datetime
    team_number: str | None  # For callers of the original's paths: the team's name there.
    tries: int
    url: str
    format: Format
    secret: str
    previous_secret: str | None
    previous_secret_until: datetime | None
    disabled_at: datetime | None
    seats: Sequence[ToldSeat] = ()  # Given back; only for who is told at the broker.

    @property
    def is_published(self) -> bool:
        """At the broker, which has no words of its own but its confirmation."""
        return self.url.startswith("amqp:")

    def body(self) -> str:
        if self.format is Format.STANDARD:
            content = {"type": self.kind, "timestamp": self.created_at, "data": self.data}
        else:
            team = self.team_number or self.data["team_id"]
            content = {"teamId": team, "outTradeNoList": self.data["out_trade_nos"]}
        return msgspec.json.encode(content).decode()

    def secrets(self, *, now: datetime) -> list[str]:
        """All that a receiver may verify with: while a secret is being replaced, the old one too."""
        if self.previous_secret and self.previous_secret_until and now < self.previous_secret_until:
            return [self.secret, self.previous_secret]
        return [self.secret]

    def status_after(self, attempt: Attempt) -> DeliveryStatus:
        if self._is_taken(attempt):
            return DeliveryStatus.DELIVERED
        if self.disabled_at or attempt.status_code == GONE or self.tries >= len(LADDER):
            return DeliveryStatus.DEAD
        return DeliveryStatus.PENDING

    def wait_after(self, attempt: Attempt) -> timedelta:
        """Never shorter than the ladder's step: an endpoint cannot hurry itself to the ladder's end."""
        return timedelta(seconds=max(LADDER[self.tries], attempt.put_off_seconds))

    def _is_taken(self, attempt: Attempt) -> bool:
        if attempt.status_code is None or not 200 <= attempt.status_code < 300:
            return False
        if self.format is Format.STANDARD or self.is_published:
            return True
        return attempt.answer == TAKEN_BY_ORIGINAL


def put_off_seconds(status_code: int, retry_after: str, *, now: datetime) -> int:
    """What Retry-After asks for (RFC 9110: seconds, or a date), within bounds. 0 from who is not busy."""
    if status_code not in BUSY:
        return 0
    if retry_after.isdecimal() and retry_after.isascii():
        asked = int(retry_after[:10])
    else:
        asked = _seconds_until(retry_after, now=now)
    return max(0, min(asked, PUT_OFF_SECONDS_MAX))


def _seconds_until(date: str, *, now: datetime) -> int:
    try:
        return int((parsedate_to_datetime(date).astimezone(UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return 0
