"""Requests at a given rate, whatever the answers do. Each is measured from the moment it was due to be sent,
so a server that stalls is charged for all that should have been asked meanwhile (no coordinated omission)."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

Request = Callable[[int], bytes]  # The whole of a request, from its number.
OVERDUE_SECONDS = 10.0


@dataclass
class Waits:
    """Of a stretch."""

    seconds: list[float] = field(default_factory=list)
    bad: int = 0  # Refused, or not answered in time.

    _enough: asyncio.Event = field(default_factory=asyncio.Event)
    _awaited: int | None = None

    def add(self, seconds: float, *, is_good: bool) -> None:
        self.seconds.append(seconds)
        self.bad += not is_good
        if len(self.seconds) == self._awaited:
            self._enough.set()

    async def all_answered(self, count: int) -> None:
        self._awaited = count
        if len(self.seconds) < count:
            await self._enough.wait()

    def percentile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Line(asyncio.Protocol):
    """A keep-alive connection: one request at a time, then whatever is due."""

    def __init__(self, due: deque[tuple[float, bytes]], waits: Waits, free: list["Line"]) -> None:
        self._due, self._waits, self._free = due, waits, free
        self._since, self._received = 0.0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance.
        self._free.append(self)

    def ask(self, since: float, request: bytes) -> None:
        self._since = since
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if not complete or len(body) < length_of(head):
            return
        is_good = head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201"))
        self._waits.add(time.perf_counter() - self._since, is_good=is_good)
        self._received = b""
        if self._due:
            self.ask(*self._due.popleft())
        else:
            self._free.append(self)

    def close(self) -> None:
        self._transport.abort()


def length_of(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0])


async def ask_at(
    rate: float, address: str, request: Request, *, seconds: float, connections: int = 64, first: int = 0
) -> Waits:
    """`rate` requests a second for so long, numbered from `first`."""
    due: deque[tuple[float, bytes]] = deque()
    waits, free, lines = Waits(), list[Line](), list[Line]()
    loop, there = asyncio.get_running_loop(), urlsplit(address)
    host, port = there.hostname or "127.0.0.1", there.port or 80
    for _ in range(connections):
        _, line = await loop.create_connection(lambda: Line(due, waits, free), host, port)
        lines.append(line)

    began, count = time.perf_counter(), int(rate * seconds)
    for number in range(count):
        moment = began + number / rate
        if (early := moment - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        if free:
            free.pop().ask(moment, request(first + number))
        else:
            due.append((moment, request(first + number)))
        if number % 16 == 0:
            await asyncio.sleep(0)

    with suppress(TimeoutError):
        await asyncio.wait_for(waits.all_answered(count), OVERDUE_SECONDS)
    waits.bad += count - len(waits.seconds)
    for line in lines:
        line.close()
    return waits


def http(method: str, path: str, body: str, *, key: str = "bench-key") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()
