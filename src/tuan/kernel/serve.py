"""How an app meets the network: one process, one socket, told to stop by a signal."""

import asyncio
import gc
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

GRACE_SECONDS = 3
GET_UP_SECONDS = 0.5
log = structlog.get_logger()


class Server(uvicorn.Server):
    """Serves until a signal, then answers what it has begun. Says when it listens."""

    def __init__(
        self, app: ASGIApp, *, host: str, port: int, listens: Callable[[], None] = lambda: None
    ) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",  # Services are opened by whoever serves them.
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._listens = listens

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends serving, and no more: uvicorn would raise it again, and keep us from tidying up."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            settle_in()
            self._listens()

    @property
    def port(self) -> int:
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port


async def keep_working(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Until cancelled. A worker that falls over says so and gets up again: what it held is safe to repeat."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("worker_fell_over")
        await asyncio.sleep(GET_UP_SECONDS)


def settle_in() -> None:
    """What is loaded by now stays. Walking it again and again costs pauses of 30 ms under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
