"""Every invariant of the mall finds what breaks it, once the guards of the database are taken away."""

from datetime import date, timedelta
from typing import LiteralString

import psycopg
import pytest
from bill_builders import a_bill, true_rows
from mall_builders import Shopper, World

from tuan.kernel.db import build_pool
from tuan.mall.audit import findings, snapshot
from tuan.mall.store_audit import ALWAYS, AT_REST

COUNT = "SELECT count(*) FROM mall_order"
UNGUARD = """
DO $$ DECLARE guard record; BEGIN
    FOR guard IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
        JOIN pg_class ON pg_class.oid = conrelid
        WHERE contype IN ('c', 'u', 'p', 'f') AND relnamespace = 'public'::regnamespace
            AND relname IN ('mall_order', 'payment', 'refund', 'delivery', 'ledger_entry', 'notify_log',
                'order_transition', 'reconciliation', 'reconciliation_break', 'bill_line')
        ORDER BY contype = 'p'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', guard.place, guard.conname);
    END LOOP;
END $$"""

CORRUPTIONS: dict[str, tuple[LiteralString, ...]] = {
    "a09_order_numbers_unique": (
        "INSERT INTO mall_order SELECT * FROM mall_order WHERE status = 'fulfilled'",
        "UPDATE mall_order SET idempotency_key = 'the-same-key', buyer_id = 'b1'",
    ),
    "a12_money_kept_is_wanted": (
        "DELETE FROM refund",
        "UPDATE mall_order SET status = 'closed' WHERE status = 'paid'",
    ),
    "a13_money_kept_is_the_price": (
        "UPDATE payment SET received_fen = 1 WHERE status = 'paid'",
        "UPDATE mall_order SET payable_fen = payable_fen + 1",
        "INSERT INTO payment SELECT number || '_2', order_number, gateway, amount_fen, opened_at, expires_at,"
        " 'paid', 'another-trade', paid_at, received_fen, told_by FROM payment WHERE status = 'paid'",
    ),
    "a14_refunds_within_payment": (
        "UPDATE refund SET amount_fen = amount_fen + 1",
        "INSERT INTO refund SELECT number || 'R', payment_number, order_number, gateway, 1, reason,"
        " created_at, status, done_at FROM refund",
        "UPDATE payment SET received_fen = NULL, paid_at = NULL",
    ),
    "a15_refund_numbers_unique": ("INSERT INTO refund SELECT * FROM refund",),
    "a16_gateway_trades_unique": ("UPDATE payment SET gateway_trade_no = 'one' WHERE paid_at IS NOT NULL",),
    "a18_delivered_once_and_paid_for": (
        "INSERT INTO delivery SELECT order_number, code || 'X', delivered_at FROM delivery",
        "INSERT INTO delivery SELECT number, 'X', now() FROM mall_order WHERE status = 'paid'",
        "UPDATE payment SET status = 'closed' WHERE order_number = (SELECT order_number FROM delivery)",
        "DELETE FROM delivery",
    ),
    "a19_postings_balance": (
        "UPDATE ledger_entry SET amount_fen = amount_fen + 1 WHERE account = 'held'",
        "DELETE FROM ledger_entry WHERE account = 'earned'",
        "INSERT INTO ledger_entry (posting, account, order_number, amount_fen, booked_at)"
        " SELECT posting, account, order_number, amount_fen, booked_at FROM ledger_entry",
    ),
    "a20_ledger_tells_the_facts": (
        "DELETE FROM ledger_entry WHERE posting LIKE 'payment %'",
        "DELETE FROM ledger_entry WHERE posting LIKE 'delivery %'",
        "DELETE FROM ledger_entry WHERE posting LIKE 'refund owed %'",
        "DELETE FROM ledger_entry WHERE posting LIKE 'refund done %'",
        "UPDATE ledger_entry SET amount_fen = amount_fen * 2",
        "UPDATE ledger_entry SET posting = posting || 'X'",
        "DELETE FROM ledger_entry WHERE posting LIKE 'fee payment %'",
        "DELETE FROM ledger_entry WHERE posting LIKE 'fee refund %'",
        "DELETE FROM bill_line WHERE kind = 'refund'",
        "UPDATE bill_line SET fee_fen = fee_fen + 1",
    ),
    "a20_nothing_held_at_the_end": (
        "UPDATE ledger_entry SET account = 'earned' WHERE posting LIKE 'payment %' AND account = 'held'",
        "UPDATE ledger_entry SET account = 'held' WHERE account = 'earned'",
        "UPDATE mall_order SET status = 'closed' WHERE status = 'paid'",
    ),
    "a21_money_is_conserved": (
        "UPDATE payment SET received_fen = received_fen + 1 WHERE status = 'paid'",
        "UPDATE refund SET status = 'owed'",
        "DELETE FROM ledger_entry WHERE account = 'earned'",
        "UPDATE ledger_entry SET amount_fen = amount_fen - 1 WHERE account = 'gateway_fee'",
    ),
    "a24_forgeries_without_effect": (
        "INSERT INTO notify_log SELECT 'n1', gateway, now(), number, 'forged', '' FROM payment LIMIT 1",
    ),
    "a25_money_has_its_witness": (
        "DELETE FROM notify_log",
        "INSERT INTO notify_log VALUES ('n1', 'alipay', now(), 'nobody', 'paid', '')",
    ),
    "a26_moves_allowed": (
        "UPDATE order_transition SET from_status = 'created' WHERE to_status = 'paid'",
        "UPDATE order_transition SET from_status = NULL WHERE to_status = 'paid'",
        "UPDATE order_transition SET to_status = 'dreamt' WHERE to_status = 'paid'",
    ),
    "a27_moves_follow_each_other": ("DELETE FROM order_transition WHERE to_status = 'awaiting_payment'",),
    "a28_last_move_is_the_status": (
        "UPDATE mall_order SET status = 'ready' WHERE status = 'paid'",
        "DELETE FROM order_transition",
    ),
    "a29_moments_in_order": (
        "UPDATE mall_order SET ready_at = fulfilled_at + interval '16 seconds' WHERE status = 'fulfilled'",
        "UPDATE mall_order SET refunded_at = refunding_at - interval '16 seconds'",
        "UPDATE mall_order SET created_at = created_at + interval '1 day'",
        "UPDATE mall_order SET paid_at = NULL",
        "UPDATE payment SET expires_at = opened_at",
        "UPDATE refund SET done_at = created_at - interval '16 seconds'",
    ),
    "a30_confirmed_is_what_we_hold": (
        "UPDATE bill_line SET amount_fen = amount_fen + 1 WHERE kind = 'refund'",
        "UPDATE bill_line SET gateway_trade_no = 'another'",
        "UPDATE bill_line SET number = 'nobody'",
        "UPDATE payment SET paid_at = NULL",
        "UPDATE refund SET status = 'owed'",
    ),
    "a32_refunds_and_orders_agree": (
        "DELETE FROM refund",
        "UPDATE refund SET status = 'owed'",
        "UPDATE mall_order SET status = 'refunding' WHERE status = 'refunded'",
    ),
    "a06_unpaid_orders_close": (
        "UPDATE mall_order SET status = 'created' WHERE status = 'paid'",
        "UPDATE mall_order SET status = 'awaiting_payment' WHERE status = 'paid'",
    ),
    "a17_refunds_are_made": (
        "UPDATE refund SET status = 'owed'",
        "UPDATE refund SET status = 'stuck'",
    ),
    "a23_bookmarks_have_their_job": (
        "UPDATE mall_order SET settled_at = NULL WHERE status = 'paid'",
        "UPDATE mall_order SET status = 'ready' WHERE status = 'fulfilled'",
        "UPDATE mall_order SET refund_asked_at = created_at WHERE status = 'paid'",
    ),
    "a30_breaks_have_ended": (
        "INSERT INTO reconciliation_break VALUES ('1', 'alipay', '2026-11-23', 'payment_unknown', 'X', NULL,"
        " NULL, NULL, 1, '', 'open', '2026-11-24T02:00:00Z')",
    ),
    "a30_bills_leave_nothing_out": (
        "DELETE FROM bill_line WHERE kind = 'payment'",
        "DELETE FROM bill_line WHERE kind = 'refund'",
    ),
    "a30_days_are_reconciled": (
        "DELETE FROM reconciliation",
        "UPDATE reconciliation SET status = 'waiting'",
    ),
    "a31_alone_paid_is_delivered": (
        "UPDATE mall_order SET status = 'paid', kind = 'alone' WHERE status = 'fulfilled'",
    ),
}


async def a_history(world: World, ann: Shopper) -> None:
    """One order of each end: delivered, refunded, and paid in a team that still forms; and two days on, the
    bills of both."""
    delivered = await ann.ordered()
    await world.pay(delivered)
    await world.service.drain()
    await world.team_formed(delivered["team_id"], delivered["number"])
    refunded, forming = await ann.ordered(), await ann.ordered()
    for order in (refunded, forming):
        await world.pay(order)
    await world.service.drain()
    await ann.ask_refund(refunded["number"])
    await world.service.drain()
    assert sorted(world.rows("SELECT status FROM mall_order")) == [("fulfilled",), ("paid",), ("refunded",)]
    world.alipay.bills = {"2026-11-23": a_bill(*true_rows(world.alipay))}
    world.alipay.bills["2026-11-24"] = a_bill(day=date(2026, 11, 24))
    world.clock.pass_by(days=2)
    await world.service.drain()
    assert world.rows("SELECT status, lines FROM reconciliation ORDER BY day") == [("done", 4), ("done", 0)]
    world.clock.pass_by(minutes=40)


@pytest.mark.parametrize("name", CORRUPTIONS)
async def test_each_rule_finds_what_breaks_it(world: World, ann: Shopper, name: str) -> None:
    await a_history(world, ann)
    assert await world.findings() == []

    missed = []
    async with await psycopg.AsyncConnection.connect(world.database) as connection:
        for corruption in CORRUPTIONS[name]:
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute("DROP INDEX payment_one_that_counts")
            await connection.execute(UNGUARD)
            await connection.execute(corruption)
            found = await findings(connection, world.clock.now)
            if name not in {one.name for one in found if one.count >= len(one.sample) > 0}:
                missed.append(corruption)
            await connection.rollback()
    assert missed == []


def test_every_rule_is_shown_to_bite() -> None:
    assert CORRUPTIONS.keys() == ALWAYS.keys() | AT_REST.keys()
    assert all(name.startswith("a") for name in CORRUPTIONS)


async def test_an_audit_sees_one_moment_and_can_change_nothing(world: World, ann: Shopper) -> None:
    await ann.ordered()
    async with build_pool(world.database, size=1) as pool, snapshot(pool) as connection:
        before = await (await connection.execute(COUNT)).fetchone()
        await ann.ordered()
        after = await (await connection.execute(COUNT)).fetchone()
        assert (before, after) == ((1,), (1,))
        assert await findings(connection, world.clock.now) == []
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            async with connection.transaction():
                await connection.execute("DELETE FROM delivery")


async def test_what_has_had_no_time_yet_is_not_found(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    world.clock.pass_by(minutes=9)
    assert await world.findings() == []

    world.clock.now += timedelta(minutes=2)
    assert await world.findings() == [f"a23_bookmarks_have_their_job: {order['number']}"]
