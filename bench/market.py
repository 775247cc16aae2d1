"""A market to measure: a migrated database on an embedded PostgreSQL, and one API process in front of it."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tuan.kernel.embedded import create_databases, embedded_postgres
from tuan.kernel.migrate import upgrade

HERE = Path(__file__).parent
MARKET = HERE.parent / "src" / "tuan" / "market"


@dataclass(frozen=True)
class Market:
    url: str  # Of its database.
    address: str
    pid: int


@contextmanager
def a_market(*seeds: str) -> Iterator[Market]:
    """With what `bench/sql/{seed}.sql` puts into it."""
    with a_server() as (server, home):
        url = a_database(server, "market", *seeds)
        with api(url, home / "market.log") as market:
            yield market


@contextmanager
def a_server() -> Iterator[tuple[str, Path]]:
    """An embedded PostgreSQL, and a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="tuan-bench-", ignore_cleanup_errors=True) as home:
        os.chmod(home, 0o711)
        with embedded_postgres(Path(home, "data")) as server:
            yield server, Path(home)


def a_database(server: str, name: str, *seeds: str) -> str:
    url = create_databases(server, [name])[name]
    upgrade(url, MARKET / "migrations")
    print(f"seeding {name} …", flush=True)
    with psycopg.connect(url, autocommit=True) as connection:
        for seed in seeds:
            connection.execute((HERE / "sql" / f"{seed}.sql").read_bytes())
        connection.execute("VACUUM ANALYZE")
        connection.execute(
            "CHECKPOINT"
        )  # As on a server that has run for a while: its log has files to use again.
    return url


@contextmanager
def api(url: str, log: Path) -> Iterator[Market]:
    with served(["tuan", "market", "api"], {"TUAN_MARKET_DATABASE_URL": url}, log) as (address, pid):
        yield Market(url, address, pid)


@contextmanager
def served(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path = Path(os.devnull),
    *,
    every: float = 0.1,
) -> Iterator[tuple[str, int]]:
    """The address and the process of a command of our environment that takes a --port and tells at /readyz
    when it is ready."""
    port = free_port()
    tool = str(Path(sys.executable).with_name(command[0]))
    with log.open("w") as lines:
        process = subprocess.Popen(
            [tool, *command[1:], "--port", str(port)],
            env=os.environ | environment,
            stdout=lines,
            stderr=lines,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        await_ready(f"{address}/readyz", every=every)
        yield address, process.pid
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def await_ready(url: str, *, every: float = 0.1) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=5)
        except OSError:  # Nobody listens yet, or it says that it is not ready.
            time.sleep(every)
        else:
            return
    raise SystemExit(f"{url} does not answer")
