"""The one address at which everything is found, as behind nginx: whoever answers there may be killed, whoever
asks may be, and the front goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

AWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(kw_only=True)
class Stop:
    """A call that does not get there, or whose answer does not come back."""

    about: bytes  # What the request says of itself, in its path, its query or its body.
    is_answered: bool
    then: Callable[[], None]
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, request: bytes, *, is_answered: bool) -> bool:
        """Once."""
        if self.happened.is_set() or is_answered is not self.is_answered or self.about not in request:
            return False
        self.then()
        self.happened.set()
        return True


@dataclass
class Front:
    behind: dict[str, str]  # Who answers under which path: the path's beginning, and an address.
    stop: Stop | None = None

    async def carry(self, ours: asyncio.StreamReader, to_us: asyncio.StreamWriter) -> None:
        answer = AWAY
        with closing(to_us):
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                answer = await self._answer(await _read(ours))
            to_us.write(answer)

    async def _answer(self, request: bytes) -> bytes:
        if self.stop and self.stop.takes(request, is_answered=False):
            return AWAY
        method, path, rest = request.split(b" ", 2)
        prefix = next(prefix for prefix in self.behind if path.startswith(prefix.encode()))
        address = urlsplit(self.behind[prefix])
        theirs, to_them = await asyncio.open_connection(address.hostname, address.port)
        with closing(to_them):
            to_them.write(b" ".join([method, path.removeprefix(prefix.encode()), rest]))
            answer = await theirs.read()
        if self.stop and self.stop.takes(request, is_answered=True):
            return AWAY
        return answer or AWAY


async def _read(reader: asyncio.StreamReader) -> bytes:
    """One request, which is to be the last of its connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"connection:")]
    lengths = [int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")]
    body = await reader.readexactly(sum(lengths))
    return b"\r\n".join([*lines, b"connection: close", b"", body])


@asynccontextmanager
async def a_front(port: int, behind: dict[str, str]) -> AsyncIterator[Front]:
    front = Front(behind)
    async with await asyncio.start_server(front.carry, "127.0.0.1", port):
        yield front
