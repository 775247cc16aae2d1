"""A market to measure: a migrated database on an embedded PostgreSQL, and one API process in front of it."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
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
def a_market(seed: str) -> Iterator[Market]:
    """With what `bench/sql/{seed}.sql` puts into it."""
    with tempfile.TemporaryDirectory(prefix="tuan-bench-", ignore_cleanup_errors=True) as home:
        os.chmod(home, 0o711)
        with embedded_postgres(Path(home, "data")) as server:
            url = create_databases(server, ["market"])["market"]
            upgrade(url, MARKET / "migrations")
            print("seeding …", flush=True)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute((HERE / "sql" / f"{seed}.sql").read_bytes())
                connection.execute("VACUUM ANALYZE")
            with api(url, Path(home, "market.log")) as market:
                yield market


@contextmanager
def api(url: str, log: Path) -> Iterator[Market]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("tuan")), "market", "api", "--port", str(port)]
    with log.open("w") as lines:
        process = subprocess.Popen(
            command, env=os.environ | {"TUAN_MARKET_DATABASE_URL": url}, stdout=lines, stderr=lines
        )
    address = f"http://127.0.0.1:{port}"
    try:
        await_ready(f"{address}/readyz")
        yield Market(url, address, process.pid)
    finally:
        process.terminate()
        process.wait()


def await_ready(url: str) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url)
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} does not answer")
