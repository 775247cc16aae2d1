"""An answer that is whole reaches the client as uvicorn's own would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send

from tuan.kernel.json_answer import JsonAnswer
from tuan.kernel.serve import Server

WHOLE, ORDINARY = "/whole", "/ordinary"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == ORDINARY:
        scope["extensions"] = {}
    await JsonAnswer({"payable_fen": 108_00})(scope, receive, send)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    listens = asyncio.Event()
    server = Server(app, host="127.0.0.1", port=0, listens=listens.set)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        await listens.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


async def answer(reader: asyncio.StreamReader) -> tuple[list[str], bytes]:
    """The lines of its head, but for the date; and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = [line for line in head.split("\r\n") if line and not line.startswith("date: ")]
    [length] = [int(line.removeprefix("content-length: ")) for line in lines if "length" in line]
    return lines, await reader.readexactly(length)


async def test_a_connection_serves_one_after_the_other_and_both_kinds_look_alike() -> None:
    answers = []
    async with connected() as (reader, writer):
        for path in (WHOLE, ORDINARY, WHOLE):
            writer.write(f"GET {path} HTTP/1.1\r\nhost: market\r\n\r\n".encode())
            answers.append(await answer(reader))

    lines = ["HTTP/1.1 200 OK", "content-length: 21", "content-type: application/json"]
    assert answers == [(lines, b'{"payable_fen":10800}')] * 3


async def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    async with connected() as (reader, writer):
        writer.write(b"GET /whole HTTP/1.1\r\nhost: market\r\n\r\n" * 3)
        answers = [await answer(reader) for _ in range(3)]

    assert [body for _, body in answers] == [b'{"payable_fen":10800}'] * 3


@pytest.mark.parametrize("path", [WHOLE, ORDINARY])
@pytest.mark.parametrize("asked", ["HTTP/1.1\r\nconnection: close", "HTTP/1.0"])
async def test_who_asks_for_the_end_of_the_connection_gets_it(path: str, asked: str) -> None:
    async with connected() as (reader, writer):
        writer.write(f"GET {path} {asked}\r\nhost: market\r\n\r\n".encode())
        lines, _ = await answer(reader)
        rest = await reader.read()

    assert ("connection: close" in lines, rest) == (True, b"")
