"""Every rule between the services finds what is planted for it, and nothing in a world only lived in."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from rich.console import Console
from story_buyers import a_buyer, order_together, pay, refused
from story_world import World

from tuan.across import money, with_the_market, with_the_sandbox
from tuan.audits import report
from tuan.kernel.clock import utc_now
from tuan.store_across import WITH_THE_MARKET, WITH_THE_SANDBOX

TABLES = {
    "mall": (
        "mall_order", "payment", "refund", "delivery", "ledger_entry", "order_transition", "inbox",
    ),
    "market": ("team", "seat", "event"),
    "sandbox": ("trade", "refund"),
}  # fmt: skip

PLANTED = {
    "a10_order_has_its_seat": (
        ("market", "DELETE FROM seat WHERE status = 'settled'"),
        ("market", "DELETE FROM seat"),
        ("market", "UPDATE seat SET source = 'another' WHERE status = 'released'"),
    ),
    "a10_seat_has_its_order": (
        ("mall", "DELETE FROM mall_order WHERE status = 'closed'"),
        ("mall", "UPDATE mall_order SET kind = 'alone' WHERE status = 'paid'"),
    ),
    "a10_same_buyer_team_and_price": (
        ("market", "UPDATE seat SET buyer_id = 'another' WHERE status = 'released'"),
        ("market", "UPDATE seat SET payable_fen = payable_fen - 1 WHERE status = 'settled'"),
        ("mall", "UPDATE mall_order SET payable_fen = payable_fen + 1 WHERE status = 'refunded'"),
        ("mall", "UPDATE mall_order SET team_id = 'another' WHERE status = 'fulfilled'"),
        ("mall", "UPDATE mall_order SET team_id = NULL WHERE status = 'fulfilled'"),
    ),
    "a10_statuses_agree": (
        ("market", "UPDATE seat SET status = 'locked', paid_at = NULL WHERE status = 'settled'"),
        ("market", "UPDATE seat SET status = 'refunded' WHERE status = 'settled'"),
        ("market", "UPDATE seat SET status = 'released' WHERE status = 'settled'"),
        ("mall", "UPDATE mall_order SET status = 'awaiting_payment' WHERE status = 'closed'"),
        ("mall", "UPDATE mall_order SET status = 'fulfilled' WHERE status = 'refunded'"),
        ("mall", "UPDATE mall_order SET status = 'closed' WHERE status = 'paid'"),
    ),
    "a12_kept_money_has_its_team": (
        ("mall", "UPDATE mall_order SET status = 'paid' WHERE status = 'refunded'"),
        ("mall", "UPDATE mall_order SET status = 'ready' WHERE status = 'paid'"),
        ("market", "UPDATE team SET status = 'failed' WHERE status = 'formed'"),
        ("market", "UPDATE team SET status = 'forming', closed_at = NULL WHERE status = 'formed'"),
        ("market", "DELETE FROM team WHERE status = 'forming'"),
    ),
    "a17_failed_teams_money_is_back": (
        ("mall", "DELETE FROM refund"),
        ("mall", "UPDATE refund SET status = 'owed'"),
        ("mall", "UPDATE refund SET amount_fen = amount_fen - 1"),
        ("market", "UPDATE team SET status = 'failed' WHERE status = 'formed'"),
    ),
    "a18_delivered_to_teams_that_formed": (
        ("market", "UPDATE team SET status = 'failed' WHERE status = 'formed'"),
        ("market", "UPDATE seat SET status = 'released' WHERE status = 'settled'"),
        ("mall", "INSERT INTO delivery SELECT number, 'x', created_at FROM mall_order WHERE status = 'paid'"),
        ("market", "DELETE FROM seat"),
    ),
    "a20_books_hold_what_seats_cost": (
        ("mall", "DELETE FROM ledger_entry WHERE posting LIKE 'payment %'"),
        ("mall", "UPDATE ledger_entry SET amount_fen = amount_fen + 1 WHERE account = 'earned'"),
        ("mall", "DELETE FROM ledger_entry WHERE posting LIKE 'refund owed %'"),
        ("market", "UPDATE seat SET payable_fen = payable_fen + 1 WHERE status = 'settled'"),
    ),
    "a22_outcomes_have_arrived": (
        ("mall", "DELETE FROM inbox"),
        ("market", "DELETE FROM event WHERE kind = 'team.failed'"),
        ("market", "UPDATE event SET kind = 'team.formed' WHERE kind = 'team.failed'"),
    ),
    "witness_took_what_we_booked": (
        ("sandbox", "DELETE FROM trade WHERE status = 'TRADE_SUCCESS'"),
        ("sandbox", "UPDATE trade SET total_fen = total_fen + 1"),
        ("mall", "DELETE FROM ledger_entry WHERE posting LIKE 'payment %'"),
        ("mall", "UPDATE ledger_entry SET amount_fen = amount_fen - 1 WHERE posting LIKE 'payment %'"),
    ),
    "witness_gave_back_what_we_booked": (
        ("sandbox", "DELETE FROM refund"),
        ("sandbox", "UPDATE refund SET refund_fen = refund_fen - 1"),
        ("mall", "DELETE FROM ledger_entry WHERE posting LIKE 'refund done %'"),
    ),
}


def query(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


async def live(world: World) -> None:
    """A team that formed and was delivered; one that failed, its buyer refunded; one that forms; an order
    that was cancelled, and one that the market refused a seat."""
    async with a_buyer(world.room, "ann") as ann, a_buyer(world.room, "bob") as bob:
        _, team_id = await order_together(ann)
        await pay(ann)
        await order_together(bob, team_id=team_id)
        await pay(bob)
        await world.settle_down()
        _, failing = await order_together(ann)
        await pay(ann)
        await world.settle_down()
        for table, moments in (("seat", "locked_at paid_at"), ("team", "opened_at closes_at")):
            sets = ", ".join(f"{moment} = {moment} - interval '2 days'" for moment in moments.split())
            query(
                world.databases["market"],
                f"UPDATE {table} SET {sets} WHERE {'team_id' if table == 'seat' else 'id'} = '{failing}'",
            )
        await world.settle_down()
        await order_together(bob)
        await pay(bob)
        await world.settle_down()
        assert await refused(bob, team_id=team_id) == "already_in_team"
        cancelled, _ = await order_together(ann)
        await ann.browser.post(f"/api/mall/v1/orders/{cancelled}/cancellation", json={})
        await world.settle_down()
    with psycopg.connect(world.databases["mall"]) as connection:
        statuses = connection.execute("SELECT status FROM mall_order ORDER BY status").fetchall()
    assert statuses == [("closed",), ("closed",), ("fulfilled",), ("fulfilled",), ("paid",), ("refunded",)]


@contextmanager
def unguarded(databases: dict[str, str]) -> Iterator[dict[str, str]]:
    """Copies of the tables without their constraints, which would refuse most corruptions."""
    try:
        for service, tables in TABLES.items():
            query(databases[service], "CREATE SCHEMA aside")
            for table in tables:
                query(databases[service], f"CREATE TABLE aside.{table} AS TABLE public.{table}")
        yield {
            service: f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3Daside,public"
            for service, url in databases.items()
        }
    finally:
        for service in TABLES:
            query(databases[service], "DROP SCHEMA IF EXISTS aside CASCADE")


def found(databases: dict[str, str]) -> set[str]:
    """As if all of it had happened long ago."""
    overdue = utc_now() + timedelta(minutes=1)
    mall = databases["mall"]
    findings = with_the_market(mall, databases["market"], overdue=overdue)
    findings += with_the_sandbox(mall, databases["sandbox"], overdue=overdue)
    assert all(one.count >= len(one.samples) > 0 for one in findings)
    return {one.rule.name for one in findings}


async def test_every_rule_finds_what_is_planted_and_only_then(world: World) -> None:
    await live(world)
    assert found(world.databases) == set()

    missed = []
    for rule, corruptions in PLANTED.items():
        for service, statement in corruptions:
            with unguarded(world.databases) as aside:
                query(aside[service], statement)
                if rule not in found(aside):
                    missed.append((rule, statement))
    assert missed == []


def test_every_rule_is_shown_to_bite() -> None:
    assert PLANTED.keys() == {rule.name for rule in (*WITH_THE_MARKET, *WITH_THE_SANDBOX)}


async def test_what_has_just_happened_is_given_its_time(world: World) -> None:
    await live(world)
    with unguarded(world.databases) as aside:
        for corruptions in PLANTED.values():
            for service, statement in corruptions[:1]:
                query(aside[service], statement)
        long_ago = utc_now() - timedelta(days=3)
        assert with_the_market(aside["mall"], aside["market"], overdue=long_ago) == []
        assert with_the_sandbox(aside["mall"], aside["sandbox"], overdue=long_ago) == []


async def test_seats_of_others_in_the_same_market_are_none_of_the_malls_business(world: World) -> None:
    await live(world)
    with unguarded(world.databases) as aside:
        query(
            aside["market"],
            "INSERT INTO seat SELECT 'tiny', out_trade_no || 'T', 'team-t', campaign_id, goods_id, channel,"
            " buyer_id, status, list_fen, discount_fen, payable_fen, locked_at, hold_until, paid_at,"
            " given_back, given_back_at FROM seat",
        )
        query(aside["market"], "UPDATE team SET source = 'tiny', status = 'formed' WHERE status = 'failed'")
        query(aside["market"], "DELETE FROM event WHERE kind = 'team.failed'")
        assert found(aside) == set()


async def told(databases: dict[str, str]) -> tuple[int, str]:
    """By the command, which has a loop of its own."""
    screen = io.StringIO()
    count = await asyncio.to_thread(report, databases, Console(file=screen, width=160))
    return count, screen.getvalue()


async def test_the_report_counts_every_rule_and_tells_where_the_money_is(world: World) -> None:
    await live(world)

    count, said = await told(world.databases)

    assert count == 0, said
    assert "market and mall: 9 rules asked, 0 broken" in said
    assert "mall and sandbox: 2 rules asked, 0 broken" in said
    assert (
        "money: received ¥432.00 = earned ¥216.00 + fees ¥0.00 + refunded ¥108.00 + held ¥108.00"
        " + owed back ¥0.00" in said
    )


async def test_money_that_is_nowhere_is_a_finding(world: World) -> None:
    await live(world)
    with unguarded(world.databases) as aside:
        query(aside["mall"], "DELETE FROM ledger_entry WHERE account = 'held'")
        assert not money(aside["mall"]).is_conserved
        count, said = await told({"mall": aside["mall"]})

    assert count > 0
    assert "money: received ¥432.00 ≠ earned" in said
