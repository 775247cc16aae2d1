"""A wire between our processes and PostgreSQL that breaks at whichever message we choose.

It knows as much of the protocol as that takes: where a message ends, which statement it runs, and what
says that a transaction is over.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

SOCKET = ".s.PGSQL.5432"
PARSE, BIND, DESCRIBE, EXECUTE, SYNC, READY = b"P", b"B", b"D", b"E", b"S", b"Z"
IDLE = b"I"  # In READY: no transaction is open.


class Side(StrEnum):
    ASKED = "asked"
    ANSWERED = "answered"


@dataclass(frozen=True)
class Passing:
    """Which messages are counted."""

    side: Side
    kinds: frozenset[bytes] | None = None  # None: all.

    def includes(self, side: Side, message: bytes) -> bool:
        return side is self.side and (self.kinds is None or message[:1] in self.kinds)


# What makes PostgreSQL do something: to run a statement, and to commit.
STATEMENTS = Passing(Side.ASKED, frozenset({EXECUTE, SYNC}))
COMMITTED = Passing(Side.ANSWERED, frozenset({READY}))
QUESTIONS = Passing(Side.ASKED, frozenset({PARSE, BIND, DESCRIBE, EXECUTE, SYNC}))
ANSWERS = Passing(Side.ANSWERED)


class Line:
    """One connection through the wire."""

    def __init__(self) -> None:
        self._prepared: dict[bytes, bytes] = {}
        self.runs = b""  # The statement last prepared or bound.
        self.has_run = False  # Something, in this transaction.

    def note(self, side: Side, message: bytes) -> None:
        match side, message[:1]:
            case Side.ASKED, b"P":
                name, _, self.runs = message[5:].partition(b"\0")
                self._prepared[name] = self.runs
            case Side.ASKED, b"B":
                _, name, _ = message[5:].split(b"\0", 2)
                self.runs = self._prepared[name]
            case Side.ASKED, b"E":
                self.has_run = self.has_run or not self.runs.startswith(b"BEGIN")
            case Side.ANSWERED, b"Z":
                self.has_run = self.has_run and message[5:6] != IDLE


@dataclass(kw_only=True)
class Break:
    """Of the transaction that begins with a statement, the message that is never to arrive."""

    begins: bytes
    counted: Passing
    at: int
    then: Callable[[], None]
    passed: int = 0
    line: Line | None = None
    happened: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)  # Broken, or the transaction came through.

    def takes(self, line: Line, side: Side, message: bytes) -> bool:
        """Whether this message is the one."""
        if self.line is None and message[:1] in (PARSE, BIND) and not line.has_run:
            self.line = line if line.runs.startswith(self.begins) else None
        if self.line is not line or self.over.is_set():
            return False

        is_counted = self.counted.includes(side, message)
        self.passed += is_counted
        self.happened = is_counted and self.passed == self.at
        if self.happened:
            self.then()
        if self.happened or message[:1] == READY:
            self.over.set()
        return self.happened


class Wire:
    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._socket = Path(query["host"][0], SOCKET)
        self.url = urlunsplit(parts._replace(query=urlencode({"host": str(folder)})))
        self._break: Break | None = None
        self._joined: set[asyncio.Task[None]] = set()

    def break_at(
        self, begins: str, counted: Passing, at: int, then: Callable[[], None] = lambda: None
    ) -> Break:
        first_words = begins.partition("%")[0].encode()
        self._break = Break(begins=first_words, counted=counted, at=at, then=then)
        return self._break

    def join(self, ours: asyncio.StreamReader, to_us: asyncio.StreamWriter) -> None:
        joined = asyncio.create_task(self._join(ours, to_us))
        self._joined.add(joined)
        joined.add_done_callback(self._joined.discard)

    async def cut(self) -> None:
        """Leave no connection open behind."""
        for joined in self._joined:
            joined.cancel()
        await asyncio.gather(*self._joined, return_exceptions=True)

    async def _join(self, ours: asyncio.StreamReader, to_us: asyncio.StreamWriter) -> None:
        with closing(to_us), suppress(asyncio.IncompleteReadError):
            first = await _read(ours, first=True)
            theirs, to_them = await asyncio.open_unix_connection(self._socket)
            with closing(to_them):
                to_them.write(first)
                await self._carry(ours, to_us, theirs, to_them)

    async def _carry(
        self,
        ours: asyncio.StreamReader,
        to_us: asyncio.StreamWriter,
        theirs: asyncio.StreamReader,
        to_them: asyncio.StreamWriter,
    ) -> None:
        line = Line()
        pumps = [
            asyncio.create_task(self._pump(line, Side.ASKED, ours, to_them)),
            asyncio.create_task(self._pump(line, Side.ANSWERED, theirs, to_us)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()

    async def _pump(
        self, line: Line, side: Side, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = await _read(reader)
                line.note(side, message)
                if self._break and self._break.takes(line, side, message):
                    return
                writer.write(message)


async def _read(reader: asyncio.StreamReader, *, first: bool = False) -> bytes:
    """The first message from a client has no type."""
    head = await reader.readexactly(4 if first else 5)
    return head + await reader.readexactly(int.from_bytes(head[-4:]) - 4)


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    with tempfile.TemporaryDirectory(prefix="tuan-wire-") as folder:
        wire = Wire(url, Path(folder))
        async with await asyncio.start_unix_server(wire.join, Path(folder, SOCKET)):
            yield wire
            await wire.cut()
