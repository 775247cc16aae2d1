"""A pooler between us and PostgreSQL is found out: in it a session's limits would be lost."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from own_postgres import a_home
from rich.console import Console

from tuan.doctor import examine, questions
from tuan.kernel.db import build_pool, transaction
from tuan.kernel.errors import Overloaded
from tuan.market.config import MarketSettings

INI = """
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = options,extra_float_digits
logfile = {home}/pgbouncer.log
"""


@pytest.fixture
def pooled(market_database: str) -> Iterator[str]:
    """The market's database through a real PgBouncer, set to lend a connection for a transaction."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "tools/install-for-tests installs it"
    parts = psycopg.conninfo.conninfo_to_dict(market_database)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with a_home() as home:
        Path(home, "pgbouncer.ini").write_text(INI.format(host=parts["host"], port=port, home=home))
        user = Path(str(parts["host"]), ".s.PGSQL.5432").owner()  # PostgreSQL's: neither will be root.
        shutil.chown(home, user)
        server = subprocess.Popen([program, "-q", "-u", user, Path(home, "pgbouncer.ini")])
        try:
            url = f"postgresql://postgres@127.0.0.1:{port}/{parts['dbname']}?sslmode=disable"
            _until_it_answers(url)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=10)


async def test_through_a_pooler_nothing_is_asked(pooled: str, caplog: pytest.LogCaptureFixture) -> None:
    async with build_pool(pooled, size=1) as pool:
        with pytest.raises(Overloaded):
            async with transaction(pool) as connection:
                await connection.execute("SELECT 1")

    assert "connect to PostgreSQL itself" in caplog.text


def test_the_doctor_says_what_to_do(pooled: str, tmp_path: Path) -> None:
    said = StringIO()
    bad = examine(
        questions(MarketSettings(database_url=pooled), None, tmp_path), Console(file=said, width=200)
    )

    assert bad == 1
    assert "a pooler answers in PostgreSQL's place" in said.getvalue()


def _until_it_answers(url: str) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            return psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
