"""The books over HTTP: entries, the balance of every account, and what was booked each day."""

from datetime import date
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.db import transaction
from tuan.kernel.shapes import PAGE, Limit, Moment, cut
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Id
from tuan.mall import store_console_ledger
from tuan.mall.console_day import SomeDay, stretch
from tuan.mall.console_guard import Looker
from tuan.mall.ledger import Account
from tuan.mall.store_console_ledger import ENTRIES, AccountDay, Entry, EntryFilter
from tuan.mall.visitor import Here

Posting = Annotated[str | None, Query(max_length=128, pattern=r"^[A-Za-z0-9_. -]+$")]


class EntryView(BaseModel):
    """What we have is positive; what we owe, or have earned, is negative. A posting's entries sum to zero."""

    id: int
    posting: str
    account: Account
    order_number: str
    amount_fen: int
    booked_at: AwareDatetime

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(
            id=entry.id,
            posting=entry.posting,
            account=entry.account,
            order_number=entry.order_number,
            amount_fen=entry.amount_fen,
            booked_at=entry.booked_at,
        )


class EntryPage(BaseModel):
    items: list[EntryView]
    next_cursor: str | None


class BalanceView(BaseModel):
    account: Account
    balance_fen: int


class TrialBalanceView(BaseModel):
    """`total_fen` is zero, or the books are wrong."""

    accounts: list[BalanceView]
    total_fen: int


class AccountDayView(BaseModel):
    """A day of Beijing."""

    day: date
    account: Account
    entries: int
    debit_fen: int
    credit_fen: int

    @classmethod
    def of(cls, told: AccountDay) -> Self:
        return cls(
            day=told.day,
            account=told.account,
            entries=told.entries,
            debit_fen=told.debit_fen,
            credit_fen=told.credit_fen,
        )


class AccountDayList(BaseModel):
    items: list[AccountDayView]


async def entry_filter(
    account: Account | None = None,
    order_number: Id | None = None,
    posting: Posting = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> EntryFilter:
    return EntryFilter(account=account, order_number=order_number, posting=posting, since=since, until=until)


router = APIRouter()


@router.get("/ledger/entries")
async def list_entries(
    doors: Here,
    _: Looker,
    wanted: Annotated[EntryFilter, Depends(entry_filter)],
    sort: Sort = "-booked",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> EntryPage:
    """By `booked`, `debit` or `credit`; `posting` is one thing that happened, as in
    refund owed 260101ABCR."""
    turn = ENTRIES.turn(sort, cursor)
    async with transaction(doors.console_pool) as connection:
        rows = await store_console_ledger.entries(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return EntryPage(
        items=[EntryView.of(entry) for entry in page],
        next_cursor=ENTRIES.cursor(sort, last) if last else None,
    )


@router.get("/ledger/balance")
async def read_balance(doors: Here, _: Looker, until: Moment | None = None) -> TrialBalanceView:
    """By all that was booked, or all that was booked before `until`."""
    async with transaction(doors.console_pool) as connection:
        balances = await store_console_ledger.balances(connection, until=until)
    return TrialBalanceView(
        accounts=[BalanceView(account=account, balance_fen=fen) for account, fen in balances.items()],
        total_fen=sum(balances.values()),
    )


@router.get("/ledger/days")
async def ledger_by_day(doors: Here, _: Looker, first: SomeDay, last: SomeDay) -> AccountDayList:
    """From the first day to the last, at most 92; where nothing was booked is left out."""
    since, until = stretch(first, last)
    async with transaction(doors.console_pool) as connection:
        days = await store_console_ledger.account_days(connection, since=since, until=until)
    return AccountDayList(items=[AccountDayView.of(told) for told in days])
