"""Two PostgreSQL servers under Patroni, each with its PgBouncer, as deploy/ha says: real processes, to be
killed."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import httpx
import psutil
import pytest
from served import free_port

HA = Path(__file__).parents[1] / "deploy" / "ha"
BIN = Path("/usr/lib/postgresql/15/bin")
NODES = ("one", "two")
WITHIN_SECONDS = 120


@dataclass
class Pair:
    home: Path
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    etcd: int = field(default_factory=free_port)
    rest: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in NODES})
    postgres: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in NODES})
    pgbouncer: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in NODES})
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def url(self, database: str) -> str:
        """Of whichever takes writes."""
        return f"{self._url(database, self.postgres)}&target_session_attrs=read-write"

    def pooler_url(self, database: str) -> str:
        """Of the PgBouncer beside it, which runs nowhere else."""
        return self._url(database, self.pgbouncer)

    def _url(self, database: str, ports: dict[str, int]) -> str:
        places = ",".join(f"127.0.0.1:{port}" for port in ports.values())
        return f"postgresql://postgres:{self.password}@{places}/{database}?connect_timeout=2"

    def start(self, name: str) -> None:
        """A machine: Patroni, with its PostgreSQL, and its PgBouncer if that is the primary."""
        values = {
            "TUAN_NODE": name,
            "TUAN_REST": f"127.0.0.1:{self.rest[name]}",
            "TUAN_POSTGRES": f"127.0.0.1:{self.postgres[name]}",
            "TUAN_POSTGRES_PORT": str(self.postgres[name]),
            "TUAN_PGBOUNCER": "127.0.0.1",
            "TUAN_PGBOUNCER_PORT": str(self.pgbouncer[name]),
            "TUAN_ETCD": f"127.0.0.1:{self.etcd}",
            "TUAN_DATA": str(self.home / name),
            "TUAN_SOCKETS": str(self.home),
            "TUAN_BIN": str(BIN),
            "TUAN_NETWORK": "127.0.0.1/32",
            "TUAN_PASSWORD": self.password,
            "TUAN_PGBOUNCER_FILES": str(self.home / f"pgbouncer-{name}"),
            "TUAN_PGBOUNCER_INI": str(self.home / f"{name}.ini"),
            "TUAN_USERS": str(self.home / "users.txt"),
            "TUAN_HA": str(HA),
        }
        (self.home / "users.txt").write_text(f'"postgres" "{self.password}"\n')
        for file, template in ((f"{name}.ini", "pgbouncer.ini"), (f"{name}.yml", "patroni.yml")):
            (self.home / file).write_text(Template((HA / template).read_text()).substitute(values))
        self._run(name, "patroni", str(self.home / f"{name}.yml"))

    def start_etcd(self) -> None:
        peer, client = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{self.etcd}"
        self._run(
            "etcd",
            *("etcd", "--data-dir", str(self.home / "etcd"), "--initial-cluster", f"default={peer}"),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
        )

    def await_role(self, name: str, role: str) -> None:
        """As Patroni tells it: primary, replica or synchronous."""
        until = time.monotonic() + WITHIN_SECONDS
        while not self._is(name, role):
            said = (self.home / f"{name}.log").read_text()[-3000:]
            assert self._processes[name].poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.1)

    def kill(self, name: str) -> None:
        """Patroni, its PostgreSQL and its PgBouncer at once, as when the machine dies."""
        process = self._processes.pop(name)
        family = [*psutil.Process(process.pid).children(recursive=True)]
        for pid_file in (self.home / name / "postmaster.pid", self.home / f"pgbouncer-{name}.pid"):
            if pid_file.exists() and psutil.pid_exists(pid := int(pid_file.read_text().splitlines()[0])):
                server = psutil.Process(pid)
                family += [server, *server.children(recursive=True)]
        process.send_signal(signal.SIGKILL)
        for each in family:
            if each.is_running():
                each.kill()
        process.wait(10)
        psutil.wait_procs(family, timeout=10)

    def close(self) -> None:
        while self._processes:
            self.kill(next(iter(self._processes)))

    def _is(self, name: str, role: str) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.rest[name]}/{role}", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def _run(self, name: str, *command: str) -> None:
        """PostgreSQL refuses to be root's."""
        if os.getuid() == 0:
            command = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command)
        with (self.home / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, cwd=self.home, env=os.environ | {"HOME": str(self.home)}, stdout=log, stderr=log
            )


@contextmanager
def a_pair() -> Iterator[Pair]:
    """One is primary, the other follows it in step. Skips where Debian's packages are not installed."""
    if not (shutil.which("patroni") and shutil.which("etcd") and BIN.exists()):
        pytest.skip("no Patroni here: apt-get install patroni etcd-server postgresql-15 pgbouncer")
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="tuan-ha-", ignore_cleanup_errors=True)
        pair = Pair(Path(stack.enter_context(folder)))
        if os.getuid() == 0:
            shutil.chown(pair.home, "postgres", "postgres")
        stack.callback(pair.close)
        pair.start_etcd()
        pair.start("one")
        pair.await_role("one", "primary")
        pair.start("two")
        pair.await_role("two", "synchronous")
        yield pair
