"""The mall's logs come in the order of any column, too: newest first unless asked, each row once."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import httpx
import pytest
from mall_builders import NOW, Shopper, World
from mall_console_builders import code_of
from sorted_lists import Value, in_order, refusals, walked

from tuan.kernel.db import build_pool, transaction
from tuan.kernel.jobs import Jobs
from tuan.mall import store_alarm, store_break, store_reconcile
from tuan.mall.reconciliation import Break, BreakKind


def field(name: str) -> Value:
    return lambda row: row[name]


def moment(name: str) -> Value:
    return lambda row: row[name] and datetime.fromisoformat(row[name])


LISTS: dict[str, tuple[int, dict[str, Value]]] = {
    "/notifies": (
        6,
        {
            "received": moment("received_at"),
            "verdict": field("verdict"),
            "payment": field("payment_number"),
        },
    ),
    "/breaks": (
        7,
        {
            "id": field("id"),
            "found": moment("found_at"),
            "day": field("day"),
            "kind": field("kind"),
            "ours": field("ours_fen"),
            "ledger": field("ledger_fen"),
            "bill": field("bill_fen"),
        },
    ),
    "/ledger/entries": (
        16,
        {
            "booked": moment("booked_at"),
            "debit": lambda row: max(row["amount_fen"], 0),
            "credit": lambda row: max(-row["amount_fen"], 0),
        },
    ),
    "/jobs": (
        12,
        {
            "owed": moment("owed_at"),
            "name": field("name"),
            "attempts": field("attempts"),
            "scheduled": moment("scheduled_at"),
        },
    ),
    "/alarms": (
        5,
        {
            "first": moment("first_at"),
            "last": moment("last_at"),
            "times": field("times"),
            "kind": field("kind"),
        },
    ),
    "/deeds": (
        11,
        {
            "at": moment("at"),
            "operator": field("operator_name"),
            "action": field("action"),
            "about": field("about"),
        },
    ),
}
NEWEST_FIRST = {
    "/notifies": "-received",
    "/breaks": "-id",
    "/ledger/entries": "-booked",
    "/jobs": "-owed",
    "/alarms": "-first",
    "/deeds": "-at",
}
NO_CURSORS: list[tuple[str, str, Sequence[object]]] = [
    ("/ledger/entries", "booked", ["booked", "1", ["one"]]),
    ("/ledger/entries", "booked", ["booked", "1", []]),
    ("/ledger/entries", "booked", ["booked", "1", ["1", "1"]]),
    ("/ledger/entries", "booked", ["booked", "1", [str(10**18)]]),
    ("/ledger/entries", "booked", ["booked", "", ["1"]]),
    ("/breaks", "day", ["day", "2026-02-30", ["a"]]),
    ("/breaks", "day", ["day", "2026-W01-1", ["a"]]),
    ("/breaks", "day", ["day", "tomorrow", ["a"]]),
    ("/breaks", "found", ["found", "2026-11-23", ["a"]]),
    ("/notifies", "received", ["received", "a\0", ["a"]]),
]


@pytest.fixture
async def kept(world: World, ann: Shopper, olga: httpx.AsyncClient, oleg: httpx.AsyncClient) -> None:
    """Some of everything, more than nine where rows are numbered, and much of it at one moment."""
    await traded(world, ann)
    await owed(world)
    await rang(world)
    await differed(world)
    await shelved(world, olga, oleg)


async def traded(world: World, ann: Shopper) -> None:
    """Four orders, of which one is paid back, one told of twice and once by a forger, and one unsettled."""
    for n in range(4):
        order = await ann.buy_alone() if n % 2 else await ann.ordered()
        await world.pay(order)
        if n == 2:
            await world.pay(order)
            await world.pay(order, sign="forged")
            world.market.refuses["settle"] = 503, "overloaded"
        await world.service.drain()
        if n == 0:
            await ann.ask_refund(order["number"])
            await world.service.drain()
        world.clock.pass_by(seconds=n // 2)


async def owed(world: World) -> None:
    """Seven more jobs, of two kinds, of which two wait."""
    jobs = Jobs(world.database)
    async with build_pool(world.database, size=1) as pool, transaction(pool) as connection:
        for n in range(7):
            after = timedelta(hours=9 - n) if n % 3 == 1 else None
            name = "settle" if n % 2 else "fulfil"
            await jobs.owe(connection, name, [{"lock": f"X{n}"}], after=after)


async def rang(world: World) -> None:
    """Five alarms, of two kinds, of which one rang three times."""
    async with build_pool(world.database, size=1) as pool, transaction(pool) as connection:
        for n, about in enumerate(("a", "b", "c", "d", "c", "e", "a", "c")):
            kind, at = "unbilled" if about in "ac" else "other_seller", NOW + timedelta(seconds=n // 2)
            await store_alarm.ring(connection, kind=kind, about=about, detail="", now=at)


async def differed(world: World) -> None:
    """Seven breaks, on two days; the first was found once more, with another figure."""
    one = Break(
        kind=BreakKind.FEE_UNEXPECTED,
        about="X0",
        order_number=None,
        ours_fen=None,
        ledger_fen=0,
        bill_fen=65,
    )
    found = [
        one,
        replace(one, about="X1", ours_fen=-1, ledger_fen=None),
        replace(one, about="X2", ours_fen=0, bill_fen=-65),
        replace(one, about="X3", ours_fen=65, kind=BreakKind.AMOUNT_DIFFERS),
        replace(one, about="X4", ledger_fen=-65, bill_fen=None),
        replace(one, about="X5", ours_fen=108_00, ledger_fen=-1, kind=BreakKind.AMOUNT_DIFFERS),
        replace(one, about="X6", ours_fen=-65, ledger_fen=108_00, bill_fen=-1),
        replace(one, bill_fen=7),
    ]
    async with build_pool(world.database, size=1) as pool, transaction(pool) as connection:
        for n, told in enumerate(found):
            day, now = date(2026, 10, 30 + n % 2), NOW + timedelta(seconds=n // 3)
            await store_reconcile.hold(connection, gateway="alipay", day=day, now=now)
            await store_break.save_found(connection, [told], gateway="alipay", day=day, now=now)


async def shelved(world: World, olga: httpx.AsyncClient, oleg: httpx.AsyncClient) -> None:
    """Two products, off the shelf and on it by turns."""
    for n in range(11):
        body = {"is_on_shelf": n % 4 > 1, "reason": str(n)}
        await (oleg if n % 3 else olga).put(f"/products/989000{n % 2 + 1}/shelf", json=body)
        world.clock.pass_by(seconds=n // 5)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("path", LISTS)
async def test_each_log_in_the_order_of_each_of_its_columns(olga: httpx.AsyncClient, path: str) -> None:
    how_many, columns = LISTS[path]
    every = (await olga.get(f"{path}?limit=100")).json()["items"]
    assert len(every) == how_many
    assert every == in_order(every, field("id"), field("id"), "-id")

    for column, value in columns.items():
        for sort in (column, f"-{column}"):
            found = await walked(olga, path, sort)
            assert found == in_order(every, value, field("id"), sort), sort
    assert every == await walked(olga, path, NEWEST_FIRST[path])


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("sort", ["at", "-at", "operator", "-about"])
async def test_what_is_recorded_meanwhile_moves_no_other_row(olga: httpx.AsyncClient, sort: str) -> None:
    before = await walked(olga, "/deeds", sort)

    async def one_more() -> None:
        await olga.put("/products/9890001/shelf", json={"is_on_shelf": False, "reason": "one more"})

    found = await walked(olga, "/deeds", sort, meanwhile=one_more)
    new = [row for row in found if row["reason"] == "one more"]
    assert [row for row in found if row not in new] == before
    assert len(new) == (0 if sort == "-at" else 1)  # It comes if its place is still ahead.


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(("path", "sort"), NEWEST_FIRST.items())
async def test_what_is_no_column_or_no_cursor_of_this_log_is_refused(
    olga: httpx.AsyncClient, path: str, sort: str
) -> None:
    assert await refusals(olga, path, sort.removeprefix("-")) == {(422, "invalid_request")}
    assert code_of(await olga.get(f"{path}?cursor=12")) == (422, "invalid_request")


@pytest.mark.parametrize(("path", "sort", "place"), NO_CURSORS)
async def test_a_cursor_that_no_row_could_have_is_refused(
    olga: httpx.AsyncClient, path: str, sort: str, place: Sequence[object]
) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
    answer = await olga.get(path, params={"sort": sort, "cursor": cursor})
    assert code_of(answer) == (422, "invalid_request")
