"""The books, written: only ever added to, in the transaction of what they tell."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from psycopg.types.json import Jsonb

from tuan.kernel.db import Connection
from tuan.mall.ledger import Posting

BOOK: Final = """
    INSERT INTO ledger_entry (posting, account, order_number, amount_fen, booked_at)
    VALUES (%(name)s, %(debit)s, %(order_number)s, %(amount_fen)s, %(now)s),
        (%(name)s, %(credit)s, %(order_number)s, -%(amount_fen)s::bigint, %(now)s)"""

# In the order in which orders are locked, because each entry holds on to its own.
BOOK_ALL: Final = """
    INSERT INTO ledger_entry (posting, account, order_number, amount_fen, booked_at)
    SELECT name, account, order_number, sign * amount_fen, %(now)s
    FROM jsonb_to_recordset(%(postings)s)
            AS new (name text, debit text, credit text, order_number text, amount_fen bigint),
        LATERAL (VALUES (debit, 1), (credit, -1)) AS side (account, sign)
    ORDER BY order_number, name, sign"""


async def book(connection: Connection, posting: Posting, *, now: datetime) -> None:
    values = {
        "name": posting.name,
        "order_number": posting.order_number,
        "debit": posting.debit,
        "credit": posting.credit,
        "amount_fen": posting.amount_fen,
        "now": now,
    }
    await connection.execute(BOOK, values)


async def book_all(connection: Connection, postings: Sequence[Posting], *, now: datetime) -> None:
    values = {"postings": Jsonb([asdict(posting) for posting in postings]), "now": now}
    await connection.execute(BOOK_ALL, values)
