"""Messages through a broker, as the services see them. Whether there is one is decided in each app.py."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    id: str  # The same on every try, so that who reads it twice knows.
    topic: str
    body: bytes
    headers: Mapping[str, str]


class NotPublished(Exception):
    """The broker did not say that it has the message for good."""


class NoQueue(NotPublished):
    """The broker has no queue for this topic: whoever should listen has never come."""


class Unreadable(Exception):
    """No further try makes this a message that can be taken."""


Take = Callable[[Message], Awaitable[None]]
Listen = Callable[[], Coroutine[Any, Any, None]]  # Until cancelled.


class Publisher(Protocol):
    async def publish(self, messages: Sequence[Message]) -> None:
        """All of them, in order. Raises NotPublished; some may be published then."""

    async def close(self) -> None:
        """Nothing is published after."""


class NoBroker:
    """Where none is configured."""

    async def publish(self, messages: Sequence[Message]) -> None:
        raise NotPublished("no broker is configured")

    async def close(self) -> None:
        """There is nothing to close."""


async def hear_nothing() -> None:
    """Where no broker is configured, nothing is said."""
