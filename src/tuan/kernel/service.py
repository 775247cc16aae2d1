"""What runs of one service: the app that answers, and the work it owes. Composed in each app.py."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.types import ASGIApp


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    app: ASGIApp
    opened: Callable[[], AbstractAsyncContextManager[None]]  # Pools and listeners, while it serves.
    work: Callable[[], Awaitable[None]]  # Until cancelled.
    drain: Callable[[], Awaitable[None]]  # Everything that is due now.
