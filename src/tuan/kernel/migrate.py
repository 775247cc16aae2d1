"""One history of plain SQL per service, forward only. Alembic keeps the place; we wait for no lock long."""

from pathlib import Path
from typing import cast

import alembic.command
import alembic.config
import psycopg
import sqlalchemy
from alembic import context, op

MIGRATING = (
    "SELECT pg_advisory_xact_lock(7214)"  # Any number will do, as long as all migrators take the same.
)


def upgrade(url: str, migrations: Path) -> None:
    """Bring the database to the newest revision. Safe to repeat, and to run twice at once."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["url"] = url
    alembic.command.upgrade(config, "head")


def run_migrations() -> None:
    """What each service's env.py does."""
    url = context.config.attributes["url"]
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connect(url),
        poolclass=sqlalchemy.NullPool,
    )
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            connection.exec_driver_sql(MIGRATING)
            context.run_migrations()


def run_sql(script: str) -> None:
    """Run a whole script as it stands: percent signs and colons mean what they mean to PostgreSQL."""
    connection = cast(psycopg.Connection, op.get_bind().connection.driver_connection)
    connection.execute(script.encode())


def _connect(url: str) -> object:
    return psycopg.connect(url, options="-c lock_timeout=2s")
