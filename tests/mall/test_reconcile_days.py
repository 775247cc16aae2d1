"""Day after day: none is left out, none is done without its bill, and midnight is nobody's fault."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import psycopg
import pytest
from bill_builders import DAY, Row, a_bill, a_text, true_rows, zipped
from mall_builders import Shopper, World
from reconcile_builders import BEGIN, BREAKS, bill, next_morning, paid, reconcile, true_bill, whole

from tuan.kernel.db import build_pool
from tuan.kernel.errors import NotFound, Unreachable
from tuan.kernel.jobs import Jobs
from tuan.mall.gateways.gateway import NoBillYet, UnreadableBill
from tuan.mall.operator import Deed
from tuan.mall.reconcile import BreakEnded, list_breaks, list_runs, repair_break, resolve_break
from tuan.mall.reconciliation import DayNotOver
from tuan.mall.store_break import BreakSeen, BreakStatus

RUNS = "SELECT day::text, status, tries FROM reconciliation ORDER BY day"
ALARMS = "SELECT kind, about, times FROM alarm"


async def test_a_day_is_done_in_the_morning_after_and_once(world: World, ann: Shopper) -> None:
    await paid(world, ann)
    true_bill(world)
    world.clock.pass_by(hours=21, minutes=59)
    await world.service.drain()
    assert world.rows(RUNS) == []

    world.clock.pass_by(minutes=1)
    await world.service.drain()
    assert world.rows(RUNS) == [("2026-11-23", "done", 0)]
    asked = len(world.alipay.asked)
    world.clock.pass_by(hours=3)
    await world.service.drain()
    assert len(world.alipay.asked) == asked


async def test_where_nobody_ever_bought_nothing_is_asked_for(world: World) -> None:
    world.clock.pass_by(days=30)
    await world.service.drain()

    assert (world.rows(RUNS), world.alipay.asked) == ([], [])


async def test_while_there_is_no_bill_it_is_asked_for_every_half_hour(world: World, ann: Shopper) -> None:
    await paid(world, ann)
    next_morning(world)
    for _ in range(3):
        await world.service.drain()
        await world.service.drain()
        world.clock.pass_by(minutes=30)
    assert world.rows(RUNS) == [("2026-11-23", "waiting", 3)]
    assert world.rows("SELECT trouble LIKE 'no_bill_yet: %' FROM reconciliation") == [(True,)]
    assert world.rows(ALARMS) == []

    await world.service.drain()
    assert world.rows(ALARMS) == [("bill_missing", "alipay 2026-11-23", 1)]
    true_bill(world)
    world.clock.pass_by(minutes=30)
    await world.service.drain()
    assert world.rows(RUNS) == [("2026-11-23", "done", 4)]
    assert world.rows("SELECT trouble, ask_at FROM reconciliation") == [(None, None)]


async def test_after_days_asleep_every_day_is_caught_up_with(world: World, ann: Shopper) -> None:
    """The first two have a bill, one without business; the third has a file that is none."""
    await paid(world, ann)
    first, rows = DAY, true_rows(world.alipay)
    bill(world, *rows, day=first)
    bill(world, day=first + timedelta(days=1))
    world.alipay.bills[str(first + timedelta(days=2))] = b"<html>"
    next_morning(world)
    world.clock.pass_by(days=3)

    await world.service.drain()

    assert world.rows(RUNS) == [
        ("2026-11-23", "done", 0),
        ("2026-11-24", "done", 0),
        ("2026-11-25", "waiting", 1),
        ("2026-11-26", "waiting", 1),
    ]
    assert world.rows("SELECT count(*) FROM bill_line") == [(1,)]
    world.clock.pass_by(days=1)
    assert await world.findings() == [
        "a30_days_are_reconciled: alipay 2026-11-25, alipay 2026-11-26",
    ]


async def test_a_day_cut_short_is_taken_up_again(world: World, ann: Shopper) -> None:
    """As if we had died with the bill in hand."""
    await paid(world, ann)
    true_bill(world)
    with psycopg.connect(world.database) as connection:
        connection.execute(BEGIN.replace("now()", "'2026-11-24T02:10:00Z'"))
    next_morning(world)
    await world.service.drain()
    assert world.rows(RUNS) == [("2026-11-23", "waiting", 0)]

    world.clock.pass_by(minutes=10)
    await world.service.drain()
    assert world.rows(RUNS) == [("2026-11-23", "done", 0)]


NO_BILLS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a page": lambda: b"<html>busy</html>",
    "an empty file": lambda: zipped(b""),
    "another encoding": lambda: zipped(a_text([]).encode()),
    "cut short": lambda: zipped(a_text([]).encode("gbk")[:-60]),
    "another day's": lambda: a_bill(day=DAY + timedelta(days=1)),
    "a bomb": lambda: zipped(a_text([]).encode("gbk") + b"\0" * 60 * 1024 * 1024),
}


@pytest.mark.parametrize("name", NO_BILLS)
async def test_of_a_file_that_is_no_bill_nothing_is_used(world: World, ann: Shopper, name: str) -> None:
    await paid(world, ann)
    next_morning(world)
    world.alipay.bills[str(DAY)] = NO_BILLS[name]()
    before = whole(world)

    with pytest.raises(UnreadableBill):
        await reconcile(world)

    assert whole(world) == before


async def test_without_a_bill_nothing_is_done(world: World, ann: Shopper) -> None:
    await paid(world, ann)
    before = whole(world)
    with pytest.raises(DayNotOver):
        await reconcile(world)
    next_morning(world)
    with pytest.raises(NoBillYet):
        await reconcile(world)
    with pytest.raises(NotFound):
        await reconcile(world, gateway="barter")
    world.network.away.add("alipay.test")
    with pytest.raises(Unreachable):
        await reconcile(world)

    assert whole(world) == before


async def test_what_a_bill_confirmed_once_stays_confirmed(world: World, ann: Shopper) -> None:
    number = await paid(world, ann)
    next_morning(world)
    true_bill(world)
    await reconcile(world)
    bill(world)

    run = await reconcile(world)

    assert (run.breaks_found, world.rows("SELECT number FROM bill_line")) == (0, [(number,)])
    with psycopg.connect(world.database) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("DELETE FROM bill_line")


async def paid_at_the_stroke(world: World, ann: Shopper, *, seconds: float) -> Row:
    """By our clock so long after midnight; the gateway has it on the other side."""
    world.clock.pass_by(hours=12, seconds=seconds)
    await world.sign_in(ann.browser, "o-ann")
    await paid(world, ann)
    [row] = true_rows(world.alipay)
    return row


@pytest.mark.parametrize(("seconds", "billed"), [(-30, date(2026, 11, 24)), (30, date(2026, 11, 23))])
async def test_a_payment_around_midnight_may_be_in_either_days_bill(
    world: World, ann: Shopper, seconds: float, billed: date
) -> None:
    row = await paid_at_the_stroke(world, ann, seconds=seconds)
    for day in (DAY, DAY + timedelta(days=1)):
        bill(world, *([row] if day == billed else []), day=day)
    world.clock.pass_by(days=3)

    runs = [await reconcile(world, day) for day in (DAY, DAY + timedelta(days=1))]

    assert [run.breaks_found for run in runs] == [0, 0]
    assert world.rows("SELECT day FROM bill_line") == [(billed,)]


@pytest.mark.parametrize("seconds", [-30, 30])
async def test_a_payment_in_neither_days_bill_is_missed_once_both_are_in(
    world: World, ann: Shopper, seconds: float
) -> None:
    row = await paid_at_the_stroke(world, ann, seconds=seconds)
    for day in (DAY, DAY + timedelta(days=1)):
        bill(world, day=day)
    world.clock.pass_by(days=3)

    runs = [await reconcile(world, day) for day in (DAY, DAY + timedelta(days=1), DAY)]
    assert [run.breaks_found for run in runs] == [0, 1, 0]
    assert world.rows(BREAKS) == [("payment_missing_there", row.number, 108_00, 108_00, None, "open")]

    bill(world, row)
    await reconcile(world)
    assert world.rows("SELECT status FROM reconciliation_break") == [("repaired",)]


async def test_a_payment_that_the_day_before_has_spoken_about_is_not_missed_as_well(
    world: World, ann: Shopper
) -> None:
    row = await paid_at_the_stroke(world, ann, seconds=-30)
    bill(world, replace(row, fen=1))
    bill(world, day=DAY + timedelta(days=1))
    world.clock.pass_by(days=3)

    runs = [await reconcile(world, day) for day in (DAY, DAY + timedelta(days=1))]

    assert [run.breaks_found for run in runs] == [1, 0]
    assert world.rows(BREAKS) == [("amount_differs", row.number, 108_00, 108_00, 1, "open")]


def by_ada(world: World, reason: str = "") -> Deed:
    return Deed(operator_id="ada", operator_name="ada", at=world.clock.now, reason=reason)


async def seen(world: World) -> BreakSeen:
    async with build_pool(world.database, size=1) as pool:
        [one] = await list_breaks(pool)
    return one


async def test_an_operator_resolves_a_break_with_a_reason(world: World, ann: Shopper) -> None:
    await paid(world, ann)
    next_morning(world)
    rows = true_bill(world)
    bill(world, *rows, Row(number="X9", fen=5, trade_no="X"))
    await reconcile(world)
    known = await seen(world)

    async with build_pool(world.database, size=1) as pool:
        done = await resolve_break(pool, known.id, deed=by_ada(world, "线下收款"))
        with pytest.raises(BreakEnded):
            await resolve_break(pool, known.id, deed=by_ada(world, "再来"))
        with pytest.raises(NotFound):
            await resolve_break(pool, "nobody", deed=by_ada(world, "x"))
        [run] = await list_runs(pool)
        assert await list_breaks(pool, status=BreakStatus.OPEN) == []
        assert await list_runs(pool, before=DAY) == []

    assert (done.status, done.ended_by, done.reason) == ("resolved", "ada", "线下收款")
    assert (run.breaks_open, run.breaks_found) == (0, 1)
    await reconcile(world)
    assert await seen(world) == done
    bill(world, *rows, Row(number="X9", fen=6, trade_no="X"))
    await reconcile(world)
    assert ((again := await seen(world)).status, again.bill_fen, again.reason) == ("open", 6, None)


async def test_an_operator_has_a_break_looked_at_again(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    trade = world.alipay.pay(order["number"], "108.00")
    next_morning(world)
    true_bill(world)
    trade["trade_status"] = "WAIT_BUYER_PAY"
    await reconcile(world)
    known = await seen(world)
    trade["trade_status"] = "TRADE_SUCCESS"

    async with build_pool(world.database, size=1) as pool:
        args = (pool, Jobs(world.database), {"alipay": world.gateway}, known.id)
        done = await repair_break(*args, deed=by_ada(world))
        with pytest.raises(BreakEnded):
            await repair_break(*args, deed=by_ada(world))

    assert (known.status, done.status) == ("open", "repaired")
    assert world.rows("SELECT status FROM payment") == [("paid",)]
