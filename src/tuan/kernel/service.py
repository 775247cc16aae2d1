"""What runs of one service: the app that answers, and the work it owes. Composed in each app.py."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from tuan.kernel.straight import Find


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    app: ASGIApp
    opened: Callable[[], AbstractAsyncContextManager[None]]  # Pools and listeners, while it serves.
    work: Callable[[], Coroutine[Any, Any, None]]  # Until cancelled.
    drain: Callable[[], Coroutine[Any, Any, None]]  # Everything that is due now.
    registry: CollectorRegistry  # What this process counted.
    straight: Find | None = None  # To the hot routes of the app.


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Until cancelled, or one of them fails. Returns when each has ended: `gather` would leave at the first
    that is cancelled, and a job in hand would be dropped."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)
