"""A look at all the tables of a database, and a hand on those that hold no order."""

from typing import Any

import psycopg
from psycopg import sql


def all_there_is(url: str) -> dict[str, list[Any]]:
    """Every row of every table, except what remembers how often somebody asked."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'allowance'"
        ).fetchall()
        return {
            table: connection.execute(
                sql.SQL("SELECT to_jsonb(t) FROM {} t ORDER BY 1").format(sql.Identifier(table))
            ).fetchall()
            for (table,) in tables
        }


def forget_allowances(url: str) -> None:
    """As if whatever was done had been done long ago."""
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM allowance")
