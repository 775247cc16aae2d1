"""The books, written: only ever added to, in the transaction of what they tell."""

from datetime import datetime
from typing import Final

from tuan.kernel.db import Connection
from tuan.mall.ledger import Posting

BOOK: Final = """
    INSERT INTO ledger_entry (posting, account, order_number, amount_fen, booked_at)
    VALUES (%(name)s, %(debit)s, %(order_number)s, %(amount_fen)s, %(now)s),
        (%(name)s, %(credit)s, %(order_number)s, -%(amount_fen)s::bigint, %(now)s)"""


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
