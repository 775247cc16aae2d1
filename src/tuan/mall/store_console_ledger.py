"""The books as an operator reads them: entry by entry, account by account, day by day in Beijing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final

from tuan.kernel.db import Connection, row_of
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.mall.ledger import Account

FOUND_ENTRIES: Final = """
    SELECT id, posting, account, order_number, amount_fen, booked_at FROM ledger_entry
    WHERE (%(account)s::text IS NULL OR account = %(account)s)
        AND (%(order_number)s::text IS NULL OR order_number = %(order_number)s)
        AND (%(posting)s::text IS NULL OR posting = %(posting)s)
        AND (%(since)s::timestamptz IS NULL OR booked_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR booked_at < %(until)s)"""

BALANCES: Final = """
    SELECT account, sum(amount_fen)::bigint AS balance_fen FROM ledger_entry
    WHERE %(until)s::timestamptz IS NULL OR booked_at < %(until)s
    GROUP BY account"""

DAYS: Final = """
    SELECT (booked_at AT TIME ZONE 'Asia/Shanghai')::date AS day, account, count(*) AS entries,
        coalesce(sum(amount_fen) FILTER (WHERE amount_fen > 0), 0)::bigint AS debit_fen,
        coalesce(-sum(amount_fen) FILTER (WHERE amount_fen < 0), 0)::bigint AS credit_fen
    FROM ledger_entry WHERE booked_at >= %(since)s AND booked_at < %(until)s
    GROUP BY day, account ORDER BY day, account"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What we have is positive; what we owe, or have earned, is negative."""

    id: int
    posting: str
    account: Account
    order_number: str
    amount_fen: int
    booked_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryFilter:
    account: Account | None = None
    order_number: str | None = None
    posting: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountDay:
    day: date
    account: Account
    entries: int
    debit_fen: int
    credit_fen: int


ENTRIES: Final = Sorting[Entry](
    columns={
        # Entries are numbered as they are booked.
        "booked": Column("id", Kind.NUMBER, lambda entry: entry.id),
        "debit": Column("greatest(amount_fen, 0)", Kind.NUMBER, lambda entry: max(entry.amount_fen, 0)),
        "credit": Column("greatest(-amount_fen, 0)", Kind.NUMBER, lambda entry: max(-entry.amount_fen, 0)),
    },
    key=("id",),
    key_of=lambda entry: (str(entry.id),),
    key_kind=Kind.NUMBER,
)


async def entries(connection: Connection, wanted: EntryFilter, turn: Turn, *, limit: int) -> Sequence[Entry]:
    """`turn` is one of ENTRIES."""
    async with connection.cursor(row_factory=row_of(Entry)) as cursor:
        await cursor.execute(FOUND_ENTRIES + turn.sql, asdict(wanted) | turn.values | {"limit": limit})
        return await cursor.fetchall()


async def balances(connection: Connection, *, until: datetime | None) -> dict[Account, int]:
    """Of every account, in fen, by all that was booked before `until`."""
    answer = await connection.execute(BALANCES, {"until": until})
    booked: dict[str, int] = dict(await answer.fetchall())
    return {account: booked.get(account.value, 0) for account in Account}


async def account_days(connection: Connection, *, since: datetime, until: datetime) -> Sequence[AccountDay]:
    async with connection.cursor(row_factory=row_of(AccountDay)) as cursor:
        await cursor.execute(DAYS, {"since": since, "until": until})
        return await cursor.fetchall()
