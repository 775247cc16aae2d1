"""Endpoints take turns: none, however slow, keeps those who deliver from the others.

Who finds an endpoint busy puts the delivery off, and the longer the queue of those put off, the later it
comes back. Kept in memory: each worker bounds its own.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from tuan.kernel.jobs import Again, jittered

AT_ONCE_MAX = 4
PUT_OFF_SECONDS = 1.0
PUT_OFF_SECONDS_MAX = 60.0
QUEUED_PER_SECOND = 10  # How many of a long queue come back in one second.


class EndpointBusy(Again):
    """This endpoint has as many webhooks in hand as we give it at once."""


@dataclass(slots=True)
class Turn:
    was_prompt: bool = False


@dataclass
class Turns:
    _in_hand: Counter[str] = field(default_factory=Counter)
    _put_off: Counter[str] = field(default_factory=Counter)
    _slow: set[str] = field(default_factory=set)

    @contextmanager
    def take(self, endpoint_id: str) -> Iterator[Turn]:
        """Raises EndpointBusy. One that was not prompt the last time gets one webhook at a time."""
        at_once = 1 if endpoint_id in self._slow else AT_ONCE_MAX
        if self._in_hand[endpoint_id] >= at_once:
            raise EndpointBusy(endpoint_id, after=self._put_off_for(endpoint_id))

        turn = Turn()
        self._in_hand[endpoint_id] += 1
        try:
            yield turn
        finally:
            self._in_hand[endpoint_id] -= 1
            self._remember(endpoint_id, turn)

    def _put_off_for(self, endpoint_id: str) -> timedelta:
        self._put_off[endpoint_id] += 1
        seconds = PUT_OFF_SECONDS + self._put_off[endpoint_id] / QUEUED_PER_SECOND
        return jittered(timedelta(seconds=min(seconds, PUT_OFF_SECONDS_MAX)))

    def _remember(self, endpoint_id: str, turn: Turn) -> None:
        if not turn.was_prompt:
            self._slow.add(endpoint_id)
            return
        self._slow.discard(endpoint_id)
        self._put_off.pop(endpoint_id, None)
