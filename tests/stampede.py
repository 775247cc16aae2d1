"""Thousands of requests over a few dozen connections, by a client that costs less than what it asks for."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from market_builders import API_KEY

CONNECTIONS = 64
HEAD = "PUT {} HTTP/1.1\r\nhost: market\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n"


class Ask(NamedTuple):
    path: str
    body: dict[str, str | None]


class Answer(NamedTuple):
    status: int
    content: dict[str, Any]

    @property
    def code(self) -> str:
        """Of a refusal; "" for none."""
        code: str = self.content.get("code", "")
        return code


async def stampede(addresses: Sequence[str], asks: Sequence[Ask]) -> list[Answer]:
    """Whoever is free asks next. The answers are in the order of what was asked."""
    answers: list[Answer] = [Answer(0, {})] * len(asks)
    waiting = iter(enumerate(asks))
    async with asyncio.TaskGroup() as group:
        for n in range(CONNECTIONS):
            group.create_task(_keep_asking(addresses[n % len(addresses)], waiting, answers))
    return answers


async def _keep_asking(address: str, waiting: Iterator[tuple[int, Ask]], answers: list[Answer]) -> None:
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    for n, ask in waiting:
        body = msgspec.json.encode(ask.body)
        head = HEAD.format(ask.path, API_KEY) + f"content-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answers[n] = await _answer(reader)
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return Answer(int(head[9:12]), msgspec.json.decode(await reader.readexactly(length)))
