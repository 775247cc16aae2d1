"""Processes of ours by the hundred: forked from one that has all of it loaded, each starts in a moment.

They differ from those `tuan` starts in nothing else: the same command, its own sockets, and a death that
nobody else notices.
"""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

from served import free_port

if TYPE_CHECKING:
    import typer


class Nursery:
    def __init__(self, parent: "subprocess.Popen[str]") -> None:
        assert parent.stdin
        assert parent.stdout
        self._asks, self._answers = parent.stdin, parent.stdout

    @contextmanager
    def process(self, *command: str, settings: Mapping[str, str]) -> Iterator[int]:
        """`tuan COMMAND`, by its process id, killed in the end if it still lives."""
        print(json.dumps([command, dict(settings)]), file=self._asks, flush=True)
        pid = int(self._answers.readline())
        try:
            yield pid
        finally:
            kill(pid)

    @asynccontextmanager
    async def api(self, database_url: str) -> AsyncIterator[tuple[str, int]]:
        """`tuan market api` on a database, once it is ready: its address, and its process id."""
        settings = {"TUAN_MARKET_DATABASE_URL": database_url}
        async with self.serving("market", settings=settings) as (address, pid):
            yield address, pid

    @asynccontextmanager
    async def serving(self, service: str, *, settings: Mapping[str, str]) -> AsyncIterator[tuple[str, int]]:
        """`tuan SERVICE api`, once it is ready: its address, and its process id."""
        port = free_port()
        with self.process(service, "api", "--port", str(port), settings=settings) as pid:
            while not await is_ready(port):
                await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{port}", pid


@contextmanager
def nursery() -> Iterator[Nursery]:
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        yield Nursery(parent)


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.write(b"GET /readyz HTTP/1.1\r\nhost: market\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200")


def give_birth() -> None:
    """For each line that asks, one process."""
    from tuan.cli import app

    known: set[str] = set()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        command, settings = json.loads(line)
        if command[0] not in known:
            known.add(command[0])
            get_to_know(command[0], settings)
        if pid := os.fork():
            print(pid, flush=True)  # noqa: T201
        else:
            live(app, command, settings)


def get_to_know(service: str, settings: dict[str, str]) -> None:
    """What is slow the first time is done before anybody is born."""
    before = dict(os.environ)
    os.environ.update(settings)
    match service:
        case "market":
            from tuan.market import app as market
            from tuan.market.config import MarketSettings

            market.build(MarketSettings())
        case "mall":
            from tuan.mall import app as mall
            from tuan.mall.config import MallSettings

            mall.build(MallSettings())
        case "sandbox":
            from tuan.sandbox import app as sandbox
            from tuan.sandbox.config import SandboxSettings

            sandbox.build(SandboxSettings())
    os.environ.clear()
    os.environ.update(before)
    gc.collect()
    gc.freeze()  # Who is born need not walk all that, and so copies none of it.


def live(app: "typer.Typer", command: list[str], settings: dict[str, str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, sys.stdin.fileno())
    os.dup2(silence, sys.stdout.fileno())
    os.environ.update(settings)
    app(command)


if __name__ == "__main__":
    give_birth()
