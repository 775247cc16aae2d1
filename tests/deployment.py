"""`tuan cluster`, as an operator starts it, and what can be seen of it from outside."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
from canary import know

from tuan.cluster import Ports
from tuan.kernel.embedded import database_url

TUAN = str(Path(sys.executable).with_name("tuan"))
BACKENDS = {"market": ("market-1", "market-2"), "mall": ("mall-1", "mall-2")}
TRUSTED = "203.0.113.0/24"  # From where the original's trade paths may be called without a key.
WITHIN_SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class Deployment:
    process: subprocess.Popen[bytes]
    ports: Ports
    home: Path
    out: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports.public}"

    @property
    def inner_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.inner}"

    @property
    def api_key(self) -> str:
        return str(json.loads((self.home / "keys.json").read_text())["market_api_key"])

    def url_of(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports.of(name)}"

    def pid(self, name: str) -> int | None:
        with suppress(FileNotFoundError, ValueError):
            return int((self.home / "run" / f"{name}.pid").read_text())
        return None

    def kill(self, name: str, by: signal.Signals = signal.SIGKILL) -> int:
        """Which process it was."""
        pid = self.pid(name)
        assert pid, f"{name} does not live"
        os.kill(pid, by)
        return pid

    async def gone(self, pid: int) -> None:
        """From the kernel's books too, and so from nginx's connections."""
        await until(lambda: not lives(pid))

    async def back(self, name: str, was: int) -> None:
        """Another process under this name is ready; and where nginx calls it, nginx has found that out."""

        def has_another() -> bool:
            if self.pid(name) in (None, was):
                return False
            with suppress(httpx.HTTPError):
                return httpx.get(f"{self.url_of(name)}/readyz").status_code == 200
            return False

        await until(has_another)
        began, service = len(self.lines()), name.partition("-")[0]
        if name in BACKENDS[service]:
            await until(lambda: self._ask(service) and self.shares(service, self.lines()[began:])[name] > 0)

    def _ask(self, service: str) -> bool:
        outer, inner = f"{self.url}/api/mall/v1/settings", f"{self.inner_url}/api/market/v1/teams?limit=1"
        key = {"authorization": f"Bearer {self.api_key}"}
        answer = httpx.get(outer) if service == "mall" else httpx.get(inner, headers=key)
        return answer.status_code == 200

    def lines(self) -> list[dict[str, Any]]:
        """What nginx wrote of each request."""
        whole = (self.home / "nginx" / "access.log").read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def shares(self, service: str, lines: list[dict[str, Any]]) -> Counter[str]:
        """How many of these requests each process of the service answered."""
        by_address = {f"127.0.0.1:{self.ports.of(name)}": name for name in BACKENDS[service]}
        last = (line["backend"].rpartition(", ")[2] for line in lines)
        return Counter(by_address[address] for address in last if address in by_address)

    def rows(self, service: str, query: LiteralString) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database(service)) as connection:
            return connection.execute(query).fetchall()

    def database(self, service: str) -> str:
        return database_url(
            f"postgresql://postgres@/postgres?host={self.home / 'postgres'}", f"tuan_{service}"
        )


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(happens: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while True:
            found = happens()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.05)


@contextmanager
def deployed() -> Iterator[Deployment]:
    with tempfile.TemporaryDirectory(prefix="tuan-cluster-", ignore_cleanup_errors=True) as folder:
        ports, home, out = Ports(public=_free_ports(10)), Path(folder, "data"), Path(folder, "out")
        command = [TUAN, "cluster", "--port", str(ports.public), "--data", str(home)]
        settings = os.environ | {"TUAN_MARKET_TRUSTED_CALLERS": f'["{TRUSTED}"]'}
        with (
            out.open("wb") as said,
            subprocess.Popen(command, env=settings, stdout=said, stderr=said) as process,
        ):
            try:
                _await_word(out, process)
                know(json.loads((home / "keys.json").read_text()).values())
                yield Deployment(process=process, ports=ports, home=home, out=out)
            finally:
                process.terminate()


def _await_word(out: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + WITHIN_SECONDS
    while "is ready" not in out.read_text():
        assert process.poll() is None, out.read_text()
        assert time.monotonic() < until, out.read_text()
        time.sleep(0.1)


def _free_ports(count: int) -> int:
    """The first of so many in a row, below those that the system hands out."""
    for first in range(20_000 + os.getpid() % 5_000, 32_000, count):
        with suppress(OSError):
            for port in range(first, first + count):
                with socket.socket() as free:
                    free.bind(("127.0.0.1", port))
            return first
    raise OSError("no free ports")
