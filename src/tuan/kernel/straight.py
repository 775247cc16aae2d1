"""From the socket straight to a hot route, and back in one write.

uvicorn and Starlette spend some 40 µs on a request around a hot route: as much as the route itself takes. So
uvicorn's reader of HTTP looks first whether a hot route is asked for, and calls it. What is out of the
ordinary goes the long way, where the same route serves it: a body in chunks, a request that was sent ahead of
an answer, an address with escapes or a query.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

BODY_MAX_BYTES: Final = 64 * 1024
PLAIN: Final = re.compile(rb"[A-Za-z0-9_.:*|/-]+")
UNUSUAL: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
LINE: Final = b"%b: %b\r\n"
CLOSE: Final = (b"connection", b"close")


class Whole(NamedTuple):
    """An answer, but for what the server itself adds."""

    status: int
    head: bytes  # Lines of it, each with its end.
    body: bytes


Serve = Callable[[Mapping[bytes, bytes], bytes], Awaitable[Whole]]
"""Gets headers, by their names in lower case, and a body. Raises nothing."""

Find = Callable[[str, str], Serve | None]
"""Who serves this method and path, if a hot route does."""


class Nobody:
    """Waits for the parts of a request, of which uvicorn tells."""

    def set(self) -> None:
        """Only the whole is waited for."""


class Asked:
    """A request whose answer is awaited. It stands where uvicorn looks for a cycle of its own."""

    message_event = Nobody()  # Not ourselves: what knows itself is left to the collector of garbage.
    __slots__ = (
        "body",
        "disconnected",
        "headers",
        "keep_alive",
        "more_body",
        "response_complete",
        "serve",
    )

    def __init__(self, serve: Serve, headers: Mapping[bytes, bytes], *, keep_alive: bool) -> None:
        self.serve, self.headers, self.keep_alive = serve, headers, keep_alive
        self.body, self.more_body = bytearray(), True
        self.disconnected = self.response_complete = False


class Straight(HttpToolsProtocol):
    def __init__(self, *uvicorns: Any, find: Find, leaving: Callable[[], bool], **settings: Any) -> None:
        super().__init__(*uvicorns, **settings)
        self._find = find
        self._leaving = leaving

    def on_headers_complete(self) -> None:
        headers = dict(self.headers)
        if serve := self._who_serves(headers):
            keeps = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
            self.cycle = cast(RequestResponseCycle, Asked(serve, headers, keep_alive=keeps))
        else:
            super().on_headers_complete()

    def _who_serves(self, headers: Mapping[bytes, bytes]) -> Serve | None:
        is_sent_ahead = self.cycle is not None and not self.cycle.response_complete
        length = headers.get(b"content-length", b"")
        if is_sent_ahead or not length.isdigit() or int(length) > BODY_MAX_BYTES:
            return None
        if len(headers) < len(self.headers) or not UNUSUAL.isdisjoint(headers):
            return None
        if not PLAIN.fullmatch(self.url):
            return None
        return self._find(self.parser.get_method().decode(), self.url.decode())

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if isinstance(self.cycle, Asked):
            task = self.loop.create_task(self._answer(self.cycle))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _answer(self, asked: Asked) -> None:
        status, head, body = await asked.serve(asked.headers, bytes(asked.body))
        if self.flow.write_paused and not asked.disconnected:
            await self.flow.drain()
        if asked.disconnected:
            return
        if ends := not asked.keep_alive or self._leaving():
            head += LINE % CLOSE
        ours = b"".join(LINE % header for header in self.server_state.default_headers)
        self.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINE[status], ours, head, body))
        asked.response_complete = True
        if ends:
            self.transport.close()
        self.on_response_complete()
