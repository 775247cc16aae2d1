"""How an app meets the network: one process, one socket, told to stop by a signal."""

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tuan.kernel.leave import Leave
from tuan.kernel.service import Service
from tuan.kernel.straight import Find, Straight

GRACE_SECONDS = 3
GET_UP_SECONDS = 0.5

# With a proxy in front: it keeps an idle connection for 2 s (deploy/nginx.conf), so after 3 it has none left
# that was not told to end. All together within the 20 s after which a supervisor loses its patience.
LEAVE_SECONDS = 3
LEAVE_GRACE_SECONDS = 15
LET_IN_SECONDS = 0.2
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Proxy:
    """What stands in front, and is believed about who asks."""

    addresses: str = ""  # Its own, as 127.0.0.1,10.1.0.0/16; without any, nothing stands there.
    under: str = ""  # The part of each path that it takes off, as /api/market.


class Server(uvicorn.Server):
    """Serves until a signal, then answers what it has begun. Says when it listens.

    Told by SIGTERM, it first takes leave of the proxy in front. Ctrl-C ends it at once.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        straight: Find | None = None,
        proxy: Proxy = Proxy(),
        listens: Callable[[], None] = lambda: None,
    ) -> None:
        self._leave = Leave(app) if proxy.addresses else None
        self._told_to_leave = False
        self._leaves_at = 0.0
        http: Any = (
            partial(Straight, find=straight, leaving=self._is_leaving) if straight else HttpToolsProtocol
        )
        config = uvicorn.Config(
            self._leave or app,
            host=host,
            port=port,
            loop="uvloop",
            http=http,
            ws="none",
            lifespan="off",  # Services are opened by whoever serves them.
            log_config=None,
            access_log=False,
            proxy_headers=bool(proxy.addresses),
            forwarded_allow_ips=proxy.addresses,
            root_path=proxy.under,
            server_header=False,
            timeout_graceful_shutdown=LEAVE_GRACE_SECONDS if proxy.addresses else GRACE_SECONDS,
        )
        super().__init__(config)
        self._listens = listens

    def _is_leaving(self) -> bool:
        return self._leave is not None and self._leave.has_begun

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

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self._leave and not self._told_to_leave:
            self._told_to_leave = True
            return
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if self._told_to_leave and self._leave:
            if not self._leave.has_begun:
                self._leave.begin()
                self._leaves_at = time.monotonic() + LEAVE_SECONDS
            self.should_exit = self.should_exit or time.monotonic() >= self._leaves_at
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._leave and self._leave.has_begun:
            for server in self.servers:
                await self._close_the_door(server)
            await asyncio.sleep(LET_IN_SECONDS)  # Who was let in last has not yet been heard.
        await super().shutdown(sockets)

    async def _close_the_door(self, server: asyncio.Server) -> None:
        """Lets in who is connected and not yet accepted: the proxy may have sent its request by then."""
        doors = [socket.socket(fileno=os.dup(door.fileno())) for door in server.sockets]
        server.close()
        let_in = []
        for door in doors:
            with door, suppress(BlockingIOError):
                door.setblocking(False)
                while True:
                    let_in.append(door.accept()[0])
        for connection in let_in:
            connection.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    @property
    def port(self) -> int:
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port


async def answer(service: Service, *, host: str, port: int, proxy: Proxy) -> None:
    """Until told to stop."""
    async with service.opened():
        await Server(service.app, host=host, port=port, proxy=proxy, straight=service.straight).serve()


async def keep_working(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Until cancelled. A worker that falls over says so and gets up again: what it held is safe to repeat."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("worker_fell_over")
        await asyncio.sleep(GET_UP_SECONDS)


async def work_until_told(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Until a signal. Then the work in hand is finished; what takes too long is left to the next worker."""
    working = asyncio.create_task(keep_working(work))
    for told in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(told, working.cancel)
    with suppress(asyncio.CancelledError):
        await working


def settle_in() -> None:
    """What is loaded by now stays. Walking it again and again costs pauses of 30 ms under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
