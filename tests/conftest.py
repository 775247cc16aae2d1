"""One real PostgreSQL for the run, one database of each service for each worker, empty before each test."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import structlog
from psycopg import sql

from tuan.kernel.embedded import (
    create_databases,
    database_url,
    embedded_postgres,
    import_with_our_own_runtime_folder,
)
from tuan.kernel.migrate import upgrade

pytest_plugins = ["canary"]

SOURCE = Path(__file__).parents[1] / "src/tuan"
LOG: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
]
WRITTEN = """
    SELECT relname, pg_relation_size(oid) > 262144 FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
        AND pg_relation_size(oid) > 0"""
BEGIN_COUNTING_ANEW = """
    SELECT setval(seqrelid, seqstart, false) FROM pg_sequence
    JOIN pg_class ON pg_class.oid = seqrelid WHERE relnamespace = 'public'::regnamespace"""
CLUSTER = pytest.StashKey[str]()
STACK = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """The controller starts the cluster; the workers are told where it is."""
    import_with_our_own_runtime_folder()  # Before a test's module imports it without.
    structlog.configure(processors=LOG)
    if hasattr(config, "workerinput"):
        config.stash[CLUSTER] = config.workerinput["cluster"]
        return
    stack = config.stash[STACK] = ExitStack()
    home = stack.enter_context(tempfile.TemporaryDirectory(prefix="tuan-test-", ignore_cleanup_errors=True))
    os.chmod(home, 0o711)
    with (
        embedded_postgres(Path(home, "data")) as cluster,
        psycopg.connect(cluster, autocommit=True) as connection,
    ):
        # It is thrown away; what must outlive a fall has a PostgreSQL of its own.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET max_connections = 300")  # Races bring many processes, twice.
    config.stash[CLUSTER] = stack.enter_context(embedded_postgres(Path(home, "data")))


def pytest_unconfigure(config: pytest.Config) -> None:
    if stack := config.stash.get(STACK, None):
        stack.close()


class TellWorkers:
    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: object) -> None:
        node.workerinput["cluster"] = node.config.stash[CLUSTER]  # type: ignore[attr-defined]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.register(TellWorkers())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests measured, each with record_property."""
    for report in terminalreporter.getreports("passed"):
        for name, figure in report.user_properties:
            terminalreporter.write_line(f"{name}: {figure}")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> str:
    return request.config.stash[CLUSTER]


@pytest.fixture(scope="session")
def databases(cluster: str) -> dict[str, str]:
    """The URL of each service's database, migrated: ours alone, however many workers there are."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    urls = create_databases(cluster, [f"{service}_{worker}" for service in ("market", "mall", "sandbox")])
    by_service = {name.split("_")[0]: url for name, url in urls.items()}
    for service, url in by_service.items():
        upgrade(url, SOURCE / service / "migrations")
    return by_service


@pytest.fixture
def market_database(databases: dict[str, str]) -> str:
    return emptied(databases["market"])


@pytest.fixture
def mall_database(databases: dict[str, str]) -> str:
    return emptied(databases["mall"])


@pytest.fixture
def sandbox_database(databases: dict[str, str]) -> str:
    return emptied(databases["sandbox"])


@pytest.fixture(scope="module")
def shared_databases(databases: dict[str, str]) -> dict[str, str]:
    """All of them, empty before the first test of a module: those after it find what it left."""
    return {service: emptied(url) for service, url in databases.items()}


def emptied(url: str) -> str:
    """Rows are deleted where there are any: to truncate some thirty tables takes a tenth of a second."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")  # No foreign key, no trigger.
        written = connection.execute(WRITTEN).fetchall()
        if large := [sql.Identifier(name) for name, is_large in written if is_large]:
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(large)))
        for name, is_large in written:
            if not is_large:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        connection.execute(BEGIN_COUNTING_ANEW)
    return url


@pytest.fixture(scope="session")
def spare_database(cluster: str) -> str:
    """A database with nothing in it, for what must be shown on an empty or broken one."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"spare_{worker}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return database_url(cluster, name)
