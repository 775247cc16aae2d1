"""The bill against the books: what agrees is confirmed, what was lost is got back, and the rest rings."""

from dataclasses import replace

import psycopg
import pytest
from bill_builders import Row
from mall_builders import Shopper, World
from reconcile_builders import (
    BREAKS,
    FEES,
    bill,
    next_morning,
    paid,
    reconcile,
    refunded,
    true_bill,
    whole,
)

from tuan.kernel.errors import Unreachable
from tuan.mall.refund import REFUND_LADDER

ALARMS = "SELECT kind, about, detail, times FROM alarm"


async def test_a_true_bill_confirms_everything_and_books_its_fees(world: World, ann: Shopper) -> None:
    kept, given_back = await paid(world, ann), await refunded(world, ann)
    next_morning(world)
    true_bill(world)

    run = await reconcile(world)

    assert (run.status, run.lines, run.taken_fen, run.given_back_fen, run.fees_fen) == (
        "done", 3, 216_00, 108_00, 65,
    )  # fmt: skip
    assert (run.breaks_open, run.breaks_found) == (0, 0)
    assert dict(world.rows(FEES)) == {
        f"fee payment {kept}": 65,
        f"fee payment {given_back}": 65,
        f"fee refund {given_back}R": -65,
    }
    assert world.rows("SELECT sum(amount_fen)::int FROM ledger_entry WHERE account = 'gateway'") == [
        (108_00 - 65,)
    ]
    assert await world.findings() == []
    assert world.rows(ALARMS) == []


async def test_a_second_run_changes_nothing(world: World, ann: Shopper) -> None:
    await paid(world, ann)
    await refunded(world, ann)
    next_morning(world)
    rows = true_bill(world)
    bill(world, *rows, Row(number="X9", fen=5, trade_no="X"))
    await reconcile(world)
    before = whole(world)

    world.clock.pass_by(hours=3)
    await reconcile(world)

    alarms = [before.pop("alarm"), (after := whole(world)).pop("alarm")]
    assert after == before
    assert [one["times"] for [(one,)] in alarms] == [1, 2]


async def test_a_payment_whose_notify_was_lost_is_asked_for_and_taken_in(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00")
    next_morning(world)
    true_bill(world)

    run = await reconcile(world)

    assert (run.breaks_open, run.breaks_found) == (0, 1)
    assert world.rows(BREAKS) == [("payment_missing_here", order["number"], None, 0, 108_00, "repaired")]
    assert world.rows("SELECT ended_by FROM reconciliation_break") == [("reconciliation",)]
    assert world.rows("SELECT status, told_by FROM payment") == [("paid", "query")]
    assert world.rows(FEES) == [(f"fee payment {order['number']}", 65)]
    await world.service.drain()
    assert world.rows("SELECT status, settled_at IS NOT NULL FROM mall_order") == [("paid", True)]
    assert world.rows(ALARMS) == []
    assert await world.findings() == []


async def test_money_for_an_order_long_closed_is_taken_in_and_owed_back(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await ann.cancel(order["number"])
    world.alipay.pay(order["number"], "108.00")
    next_morning(world)
    true_bill(world)

    await reconcile(world)

    assert world.rows("SELECT status FROM mall_order") == [("refunding",)]
    assert world.rows(BREAKS) == [("payment_missing_here", order["number"], None, 0, 108_00, "repaired")]
    await world.service.drain()
    assert world.rows("SELECT status FROM mall_order") == [("refunded",)]
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}


async def test_a_bill_alone_makes_nobody_pay(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00")
    next_morning(world)
    true_bill(world)
    del world.alipay.trades[order["number"]]
    before = world.everything()

    run = await reconcile(world)

    assert run.breaks_open == 1
    assert world.rows(BREAKS) == [("payment_missing_here", order["number"], None, 0, 108_00, "open")]
    assert world.everything() == before
    assert world.rows(ALARMS) == [("books_differ", "alipay 2026-11-23", "1 payment_missing_here", 1)]


@pytest.mark.parametrize("tries", [1, len(REFUND_LADDER) - 1])
async def test_a_refund_whose_answer_was_lost_is_asked_for_again_under_its_number(
    world: World, ann: Shopper, tries: int
) -> None:
    """Whether it still climbs its ladder, or is stuck at the end of it."""
    number = await paid(world, ann)
    world.alipay.fund_change = "pending"
    await ann.ask_refund(number)
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE refund SET tries = %s", [tries])
    await world.service.drain()
    assert world.rows("SELECT status FROM refund") == [("owed" if tries == 1 else "stuck",)]
    world.alipay.fund_change = "Y"
    next_morning(world)
    true_bill(world)

    run = await reconcile(world)

    assert (run.breaks_open, run.breaks_found) == (0, 1)
    assert world.rows(BREAKS) == [("refund_missing_here", f"{number}R", None, 0, 108_00, "repaired")]
    assert world.rows("SELECT status FROM mall_order") == [("refunded",)]
    assert world.alipay.refunds == {f"{number}R": "108.00"}
    await world.settle_down()
    assert await world.findings() == []


async def test_a_repair_without_an_answer_rings_and_its_day_is_taken_up_again(
    world: World, ann: Shopper
) -> None:
    number = await paid(world, ann)
    world.alipay.fund_change = "pending"
    await ann.ask_refund(number)
    await world.service.drain()
    next_morning(world)
    true_bill(world)

    with pytest.raises(Unreachable):
        await reconcile(world)
    assert world.rows(BREAKS) == [("refund_missing_here", f"{number}R", None, 0, 108_00, "open")]
    assert world.rows("SELECT status FROM refund") == [("owed",)]
    assert world.rows(ALARMS) == [("books_differ", "alipay 2026-11-23", "1 refund_missing_here", 1)]
    assert world.rows("SELECT status FROM reconciliation") == [("waiting",)]

    world.alipay.fund_change = "Y"
    world.clock.pass_by(minutes=30)
    await world.service.drain()

    assert world.rows(BREAKS) == [("refund_missing_here", f"{number}R", None, 0, 108_00, "repaired")]
    assert world.rows("SELECT status FROM reconciliation") == [("done",)]
    assert world.alipay.refunds == {f"{number}R": "108.00"}


async def test_what_differs_otherwise_is_a_break_and_rings(world: World, ann: Shopper) -> None:
    kept, given_back = await paid(world, ann), await refunded(world, ann)
    next_morning(world)
    first, second, refund = true_bill(world)
    bill(world, replace(first, fen=108_01), second, Row(number="X9", fen=5, trade_no="X"))
    before = world.everything()

    run = await reconcile(world)

    assert run.breaks_open == 3
    assert world.rows(BREAKS) == [
        ("amount_differs", kept, 108_00, 108_00, 108_01, "open"),
        ("payment_unknown", "X9", None, None, 5, "open"),
        ("refund_missing_there", f"{given_back}R", 108_00, 108_00, None, "open"),
    ]
    assert world.rows(FEES) == [(f"fee payment {given_back}", 65)]
    assert world.rows(ALARMS) == [
        (
            "books_differ",
            "alipay 2026-11-23",
            "1 amount_differs, 1 payment_unknown, 1 refund_missing_there",
            1,
        )
    ]
    assert world.everything() == before
    assert refund.number == given_back
    world.clock.pass_by(minutes=11)
    assert [one.split(":")[0] for one in await world.findings()] == ["a30_breaks_have_ended"]


async def test_a_later_bill_that_is_true_ends_the_breaks(world: World, ann: Shopper) -> None:
    kept = await paid(world, ann)
    next_morning(world)
    [row] = true_bill(world)
    bill(world)
    assert (await reconcile(world)).breaks_open == 1
    bill(world, row)

    run = await reconcile(world)

    assert (run.breaks_open, run.breaks_found, run.lines) == (0, 1, 1)
    assert world.rows(BREAKS) == [("payment_missing_there", kept, 108_00, 108_00, None, "repaired")]
    assert world.rows(FEES) == [(f"fee payment {kept}", 65)]


async def test_a_break_thought_repaired_opens_again(world: World, ann: Shopper) -> None:
    await paid(world, ann)
    next_morning(world)
    [row] = true_bill(world)
    wrong = replace(row, fee_fen=99)
    for shown in (wrong, row, wrong):
        bill(world, shown)
        run = await reconcile(world)

    assert (run.breaks_open, run.breaks_found) == (1, 1)
    assert world.rows("SELECT ended_at, ended_by FROM reconciliation_break") == [(None, None)]


async def test_an_unexpected_fee_is_booked_as_billed_and_once(world: World, ann: Shopper) -> None:
    number = await paid(world, ann)
    next_morning(world)
    [row] = true_bill(world)
    bill(world, replace(row, fee_fen=99))
    await reconcile(world)
    bill(world, replace(row, fee_fen=98))
    await reconcile(world)

    assert world.rows(FEES) == [(f"fee payment {number}", 99)]
    assert world.rows(BREAKS) == [("fee_unexpected", number, 65, 99, 98, "open")]


async def test_a_ledger_that_says_otherwise_is_a_break(world: World, ann: Shopper) -> None:
    number = await paid(world, ann)
    next_morning(world)
    true_bill(world)
    with psycopg.connect(world.database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE ledger_entry SET amount_fen = amount_fen + sign(amount_fen)::int")

    await reconcile(world)

    assert world.rows(BREAKS) == [("ledger_differs", number, 108_00, 108_01, 108_00, "open")]
    assert world.rows(FEES) == []
    with psycopg.connect(world.database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE ledger_entry SET amount_fen = amount_fen - sign(amount_fen)::int")
