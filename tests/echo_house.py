"""A server with one hot route, and a client that writes its requests byte by byte."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from tuan.kernel.errors import Overloaded, Unauthorized
from tuan.kernel.hot import HotRoute, Shell
from tuan.kernel.observe import Observed
from tuan.kernel.serve import Proxy, Server
from tuan.kernel.straight import Serve
from tuan.kernel.web import Body, Id, build_fastapi

PATH = "/v1/rooms/r1/echo"
STRAIGHT, BY_QUERY, CHUNKED, ESCAPED = "straight", "query", "chunks", "escaped"
LONG_WAYS = [BY_QUERY, CHUNKED, ESCAPED]


class Word(Body):
    word: Id


@dataclass(frozen=True)
class Said:
    word: str


@dataclass
class House:
    server: Server
    registry: CollectorRegistry
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    straight: int = 0  # How many were asked straight.
    heard: list[str] = field(default_factory=list)

    def count(self, status: int) -> float:
        labels = {"route": "/v1/rooms/{room}/echo", "method": "POST", "status": str(status)}
        return self.registry.get_sample_value("tuan_requests_total", labels) or 0.0


@asynccontextmanager
async def a_house(*, behind: str = "") -> AsyncIterator[House]:
    api, registry, listens = build_fastapi("echo"), CollectorRegistry(), asyncio.Event()

    async def caller(authorization: str) -> str:
        if authorization != "Bearer k1":
            raise Unauthorized
        return "s1"

    async def echo(room: str, body: Word, source: str) -> Said:
        built.heard.append(body.word)
        match body.word:
            case "busy":
                raise Overloaded
            case "broken":
                raise ValueError("the secret of the house")
            case "wait":
                await built.let_go.wait()
        return Said(word=f"{source}-{room}-{body.word}")

    hot = HotRoute(api, "POST", "/v1/rooms/{room}/echo", echo, body=Word, answer=Said, caller=caller)
    shell = Shell(api, [hot])
    app = Observed(shell, service="echo", registry=registry, shell=shell)

    def find(method: str, path: str) -> Serve | None:
        found = app.straight(method, path)
        built.straight += found is not None
        return found

    server = Server(
        app, host="127.0.0.1", port=0, listens=listens.set, straight=find, proxy=Proxy(addresses=behind)
    )
    server.config.timeout_keep_alive = 60  # So that nobody's connection ends by this.
    built = House(server, registry)
    serving = asyncio.create_task(server.serve())
    await listens.wait()
    try:
        yield built
    finally:
        built.let_go.set()
        server.should_exit = True
        await serving


@dataclass(frozen=True)
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def ask(self, word: str, *, way: str = STRAIGHT, ahead: Sequence[str] = ()) -> None:
        headers = ["host: echo", "authorization: Bearer k1", "x-request-id: mine-and-mine", *ahead]
        content, path = json.dumps({"word": word}).encode(), PATH
        match way:
            case "query":
                path += "?loud=1"
            case "escaped":
                path = path.replace("r1", "%721")
            case "chunks":
                headers.append("transfer-encoding: chunked")
                content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
        if way != CHUNKED:
            headers.append(f"content-length: {len(content)}")
        lines = "\r\n".join([f"POST {path} HTTP/1.1", *headers])
        self.writer.write(f"{lines}\r\n\r\n".encode() + content)

    async def answer(self) -> tuple[list[str], dict[str, object]]:
        """The lines of its head, but for the date, in order; and its body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line for line in head.split("\r\n") if line and not line.startswith("date: ")]
        [length] = [int(line.removeprefix("content-length: ")) for line in lines if "length" in line]
        return sorted(lines), json.loads(await self.reader.readexactly(length))


@asynccontextmanager
async def connected(house: House) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
    try:
        async with asyncio.timeout(10):
            yield Connection(reader, writer)
    finally:
        writer.close()
