"""PostgreSQL, set up for many short transactions whose statements are sent ahead of their answers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, LiteralString, TypeVar

import msgspec
import psycopg
from psycopg import AsyncCursor
from psycopg.rows import AsyncRowFactory, RowMaker, TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from tuan.kernel.errors import Overloaded, Unreachable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Connection = psycopg.AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]
Row = TypeVar("Row")

WARM_WITHIN_SECONDS = 5.0

LIMITS: Final = {
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "timezone": "UTC",
}
PINNED_PLANS: Final = {
    # To plan one of our statements costs more than to run it, so plan once. A plan made while the
    # tables were small must still be right when they are not: always few keys, found by index.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
WHO_ANSWERS: LiteralString = "SELECT pg_backend_pid()"
TRANSACTION_LIMIT: Final = "10s"
# We may hang between two statements, and hold our locks. In a pipeline the idle timeout never
# fires; PostgreSQL 17 knows one that does, and older servers would refuse its name.
LIMIT_AND_WHO_ANSWERS: LiteralString = """
    SELECT pg_backend_pid(), CASE WHEN current_setting('server_version_num')::int >= 170000
        THEN set_config('transaction_timeout', '10s', false) END"""
LIMITS_THERE: LiteralString = """
    SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), current_setting('timezone'),
        current_setting('transaction_timeout', true)"""


def build_pool(url: str, *, size: int, pinned_plans: bool = False, pooler: str = "") -> Pool:
    """`pooler`, if any, is the address of a PgBouncer before this database, in transaction mode, asked in its
    place. Each transaction may meet another session there: so PgBouncer says the limits, and every statement
    is planned anew."""
    if pooler:
        return _pool(pooler, size, _require_limits, {"prepare_threshold": None})
    settings = LIMITS | PINNED_PLANS if pinned_plans else LIMITS
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    # Not 0: psycopg drops what is prepared with the first statement after a ROLLBACK, and that one with it.
    return _pool(url, size, _configure, {"options": options, "prepare_threshold": 1 if pinned_plans else 5})


def _pool(
    url: str, size: int, configure: Callable[[Connection], Awaitable[None]], kwargs: dict[str, Any]
) -> Pool:
    return AsyncConnectionPool(
        url,
        min_size=min(2, size),
        max_size=size,
        timeout=2.0,
        open=False,
        configure=configure,
        kwargs=kwargs | {"autocommit": True},
    )


class PoolerBetween(psycopg.OperationalError):
    """PgBouncer, or another that lends one connection to many, answers in PostgreSQL's place."""


class Unlimited(psycopg.OperationalError):
    """A pooler lends sessions in which a lock or a statement may take longer than ours may."""


# A lock, a statement or a transaction that took too long; a deadlock; a conflict with another's change.
BUSY: Final = frozenset({"55P03", "57014", "25P04", "40P01", "40001"})
# A change of a million rows takes longer than our requests may. Said inside its transaction, for that alone.
TAKE_YOUR_TIME: LiteralString = """
    SELECT set_config('statement_timeout', '300s', true), set_config('lock_timeout', '60s', true),
        CASE WHEN current_setting('server_version_num')::int >= 170000
            THEN set_config('transaction_timeout', '0', true) END"""


@asynccontextmanager
async def opened_pool(pool: Pool) -> AsyncIterator[None]:
    """With a connection at hand, so that the first request waits for none. A database that is away is no
    reason not to start: readiness tells of it."""
    async with pool:
        with suppress(PoolTimeout):
            async with pool.connection(WARM_WITHIN_SECONDS):
                pass
        yield


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """Statements are sent without waiting; reading a result waits for it; leaving commits.

    Nobody says BEGIN or COMMIT: to PostgreSQL, what comes before the sync that ends a pipeline is
    one transaction. It has rolled back after an error of its own; after one of ours, it must be told.

    Raises Unreachable when the database is away, Overloaded when no connection or lock comes free in time.
    """
    async with single_statements(pool) as connection, connection.pipeline():
        try:
            yield connection
        except psycopg.Error:
            raise
        except BaseException:
            await connection.execute("ROLLBACK")
            raise


@asynccontextmanager
async def single_statements(pool: Pool) -> AsyncIterator[Connection]:
    """Each statement is a transaction, answered before the next is sent. COPY knows no other way.

    Raises what transaction raises.
    """
    try:
        async with pool.connection() as connection:
            yield connection
    except PoolTimeout as error:
        raise Overloaded from error
    except psycopg.OperationalError as error:
        if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
            raise Unreachable from error
        if error.sqlstate in BUSY:
            raise Overloaded from error
        raise


def values_of(row: "DataclassInstance") -> dict[str, Any]:
    """What a statement takes of our dataclass: its fields as they are, where asdict would copy each."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def row_of(kind: type[Row]) -> AsyncRowFactory[Row]:
    """Rows as our dataclasses: text becomes the enum a field asks for; class_row would leave it text."""

    def make(cursor: AsyncCursor[Any]) -> RowMaker[Row]:
        names = [column.name for column in cursor.description or ()]
        return lambda values: msgspec.convert(dict(zip(names, values, strict=True)), kind)

    return make


async def _configure(connection: Connection) -> None:
    answer = await connection.execute(LIMIT_AND_WHO_ANSWERS)
    [(pid, _)] = await answer.fetchall()
    require_no_pooler(connection, pid)


async def _require_limits(connection: Connection) -> None:
    answer = await connection.execute(LIMITS_THERE)
    [limits] = await answer.fetchall()
    require_limits(limits)


def require_limits(there: TupleRow) -> None:
    """What LIMITS_THERE found. Raises Unlimited."""
    if there[:-1] != tuple(LIMITS.values()) or there[-1] not in (TRANSACTION_LIMIT, None):
        raise Unlimited("PgBouncer's connect_query must say our limits: see deploy/ha/pgbouncer.ini")


def require_no_pooler(connection: psycopg.Connection[Any] | Connection, pid: int) -> None:
    """`pid` is the server process that answers. Raises PoolerBetween if it is not the one that greeted us:
    then what a session was told, its limits, its plans, and whom it listens to, may be lost at any commit."""
    if connection.info.backend_pid != pid:
        raise PoolerBetween("connect to PostgreSQL itself, and name a pooler as …_POOLER_URL")
