"""Switches an operator turns while the market runs: whom it serves, and how fast."""

import zlib
from dataclasses import dataclass

from tuan.kernel.errors import Refusal

SourceChannel = tuple[str, str]


class Downgraded(Refusal):
    """Group buying is switched off for now; selling alone goes on."""

    code = "downgraded"
    status = 503
    retry_after_seconds = 60


class OutsideRollout(Refusal):
    """Group buying is not yet open to this buyer."""

    code = "outside_rollout"
    status = 403


class SourceBlocked(Refusal):
    """This source may not sell through this channel for now."""

    code = "source_blocked"
    status = 403


class TooFast(Refusal):
    """This buyer asks too often; try again later."""

    code = "too_many_requests"
    status = 429
    retry_after_seconds = 60


class QuotesTooFast(TooFast):
    """This buyer asks for prices too often; wait a second."""

    retry_after_seconds = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Switchboard:
    downgraded: bool = False
    rollout_percent: int = 100
    blocked: frozenset[SourceChannel] = frozenset()
    locks_per_minute: int = 30  # By one buyer in one campaign.
    quotes_per_second: int = 200  # For one buyer, by one process. All who have not signed in are one.

    def admit(self, *, source: str, channel: str, buyer_id: str) -> None:
        """Raises Downgraded, OutsideRollout or SourceBlocked."""
        if self.downgraded:
            raise Downgraded
        if rollout_place(buyer_id) >= self.rollout_percent:
            raise OutsideRollout
        self.require_unblocked(source=source, channel=channel)

    def require_unblocked(self, *, source: str, channel: str) -> None:
        if (source, channel) in self.blocked:
            raise SourceBlocked

    def require_pace(self, *, quotes_this_second: int) -> None:
        if quotes_this_second > self.quotes_per_second:
            raise QuotesTooFast

    def require_patience(self, *, locks_this_minute: int) -> None:
        if locks_this_minute >= self.locks_per_minute:
            raise TooFast


def rollout_place(buyer_id: str) -> int:
    """Where a buyer stands among a hundred: always the same place, on every machine."""
    return zlib.crc32(buyer_id.encode()) % 100
