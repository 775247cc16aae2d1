"""A real PgBouncer, set as deploy/ha says."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

import psycopg
from own_postgres import a_home
from served import free_port

PGBOUNCER = (Path(__file__).parents[1] / "deploy" / "ha" / "pgbouncer.ini").read_text()
PASSWORD = "only-here"


@contextmanager
def a_pooler(database: str, template: str = PGBOUNCER) -> Iterator[str]:
    """Its address of that database."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "tools/install-for-tests installs it"
    parts, port = psycopg.conninfo.conninfo_to_dict(database), free_port()
    with a_home() as home:
        settings, users = Path(home, "pgbouncer.ini"), Path(home, "users.txt")
        users.write_text(f'"postgres" "{PASSWORD}"\n')
        values = {
            "TUAN_POSTGRES_PORT": "5432",
            "TUAN_PGBOUNCER": "127.0.0.1",
            "TUAN_PGBOUNCER_PORT": str(port),
            "TUAN_PGBOUNCER_FILES": str(Path(home, "pgbouncer")),
            "TUAN_USERS": str(users),
        }
        said = Template(template).substitute(values)
        settings.write_text(said.replace("host=127.0.0.1", f"host={parts['host']}"))
        user = Path(str(parts["host"]), ".s.PGSQL.5432").owner()  # PostgreSQL's: neither will be root.
        shutil.chown(home, user)
        server = subprocess.Popen([program, "-q", "-u", user, settings])
        try:
            url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/{parts['dbname']}?sslmode=disable"
            _until_it_answers(url)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=10)


def _until_it_answers(url: str) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            return psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
