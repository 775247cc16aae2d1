"""A merchant's server on a real socket: takes webhooks, and counts how often each came, by its id."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

TAKEN = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


class Receiver:
    def __init__(self) -> None:
        self.came: Counter[str] = Counter()
        self.at_once = self.at_once_max = 0
        self.before_answer: Callable[[], None] = lambda: None
        self.after_answer: Callable[[], None] = lambda: None

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await reader.readexactly(int(headers["content-length"]))
        self.came[headers["webhook-id"]] += 1

        self.before_answer()
        writer.write(TAKEN)
        self.after_answer()
        writer.close()
        self.at_once -= 1


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[Receiver, str]]:
    """With the address of its endpoint."""
    receiver = Receiver()
    async with await asyncio.start_server(receiver.take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield receiver, f"http://127.0.0.1:{port}/hooks"
