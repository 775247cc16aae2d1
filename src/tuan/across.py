"""The services' tables laid side by side, each as it was at one moment, to see whether they agree."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from tuan.kernel.audit import Finding, Rule, broken_in
from tuan.store_across import (
    KEEP_OURS,
    MONEY,
    OF_THE_MARKET,
    OF_THE_SANDBOX,
    WITH_THE_MARKET,
    WITH_THE_SANDBOX,
    Laid,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """Where all that ever came in is now, in fen. What was earned is told without the gateway's fees."""

    received_fen: int
    earned_fen: int
    refunded_fen: int
    held_fen: int
    owed_back_fen: int
    fees_fen: int

    @property
    def is_conserved(self) -> bool:
        kept = self.earned_fen + self.fees_fen + self.held_fen + self.owed_back_fen
        return self.received_fen == kept + self.refunded_fen


def with_the_market(mall: str, market: str, *, overdue: datetime) -> list[Finding]:
    """Where the mall's orders and the market's seats do not fit; what moved after `overdue` need not yet."""
    with _side_by_side(mall, market, OF_THE_MARKET) as connection:
        connection.execute(KEEP_OURS)
        return _ask(connection, WITH_THE_MARKET, overdue=overdue)


def with_the_sandbox(mall: str, sandbox: str, *, overdue: datetime) -> list[Finding]:
    """Where our ledger's account of the gateway, and the gateway's own books, differ."""
    with _side_by_side(mall, sandbox, OF_THE_SANDBOX) as connection:
        return _ask(connection, WITH_THE_SANDBOX, overdue=overdue)


def money(mall: str) -> Money:
    with psycopg.connect(mall) as connection:
        [(received, earned, refunded, held, owed_back, fees)] = connection.execute(MONEY).fetchall()
    return Money(
        received_fen=received,
        earned_fen=earned - fees,
        refunded_fen=refunded,
        held_fen=held,
        owed_back_fen=owed_back,
        fees_fen=fees,
    )


@contextmanager
def _side_by_side(ours: str, theirs: str, tables: Sequence[Laid]) -> Iterator[psycopg.Connection]:
    """A connection to the mall that sees both. Nothing of it is kept."""
    with psycopg.connect(ours) as mall, psycopg.connect(theirs) as other:
        for connection in (mall, other):
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.read_only = True
        for laid in tables:
            _lay(laid, mall, other)
        yield mall
        mall.rollback()


def _lay(laid: Laid, mall: psycopg.Connection, other: psycopg.Connection) -> None:
    mall.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(
            sql.Identifier(laid.table), sql.SQL(laid.columns)
        )
    )
    rows = sql.SQL("COPY ({}) TO STDOUT").format(sql.SQL(laid.query))
    beside = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(laid.table))
    with other.cursor().copy(rows) as leaving, mall.cursor().copy(beside) as arriving:
        for block in leaving:
            arriving.write(block)


def _ask(connection: psycopg.Connection, rules: Sequence[Rule], *, overdue: datetime) -> list[Finding]:
    connection.execute("SET TRANSACTION READ ONLY")
    return broken_in(connection, rules, overdue=overdue)
