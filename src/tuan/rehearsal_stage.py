"""Where a rehearsal plays: all services in this process, their databases on a server that runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from starlette.types import ASGIApp

from tuan import up
from tuan.kernel.demo_clock import DemoClock
from tuan.kernel.serve import keep_working
from tuan.keyring import Keyring

URL: Final = "http://tuan.drill"


@dataclass
class Inside(httpx.AsyncBaseTransport):
    """Carries every call to whatever serves at the moment, in this process."""

    app: ASGIApp | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.app is None:
            raise httpx.ConnectError("nobody serves", request=request)
        return await httpx.ASGITransport(self.app).handle_async_request(request)


@dataclass(frozen=True, kw_only=True)
class Stage:
    server: str
    home: Path
    databases: dict[str, str]
    keyring: Keyring
    clock: DemoClock
    inside: Inside = field(default_factory=Inside)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Callable[[str], None]]:
        """All serve; who works, by name, is for the caller to say."""
        parts = up.build_parts(
            URL, self.databases, self.keyring, transport=self.inside, demo_clock=self.home / "clock"
        )
        working: list[asyncio.Task[None]] = []

        def start(name: str) -> None:
            working.append(asyncio.create_task(keep_working(getattr(parts, name).work)))

        self.inside.app = up.whole(parts)
        async with up.opened(list(parts.by_prefix.values())):
            try:
                yield start
            finally:
                self.inside.app = None
                for task in working:
                    task.cancel()
                for task in working:
                    with suppress(asyncio.CancelledError):
                        await task

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=URL, timeout=20, transport=self.inside)
