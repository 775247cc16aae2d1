"""A mall the morning after: what it holds against the gateway's bill, and what came of it."""

import asyncio
from datetime import date
from typing import Any, LiteralString

from bill_builders import DAY, Row, a_bill, true_rows
from mall_builders import Shopper, World

from tuan.kernel.db import build_pool
from tuan.kernel.jobs import Jobs
from tuan.mall.reconcile import reconcile_day
from tuan.mall.store_reconcile import Run

BREAKS: LiteralString = """
    SELECT kind, about, ours_fen, ledger_fen, bill_fen, status FROM reconciliation_break
    ORDER BY kind, about"""
FEES: LiteralString = """
    SELECT posting, amount_fen FROM ledger_entry WHERE account = 'gateway_fee' ORDER BY id"""
BEGIN: LiteralString = """
    INSERT INTO reconciliation (gateway, day, status, tries, ask_at, lines, taken_fen, given_back_fen,
        fees_fen, started_at)
    VALUES ('alipay', '2026-11-23', 'waiting', 0, now(), 0, 0, 0, 0, now())"""
ALL_THAT_COUNTS = (
    "mall_order", "payment", "refund", "delivery", "ledger_entry", "bill_line", "reconciliation",
    "reconciliation_break", "alarm", "procrastinate_jobs",
)  # fmt: skip


def next_morning(world: World) -> None:
    """Ten o'clock in Beijing, of the day after the one on which the world begins."""
    world.clock.pass_by(hours=22)


async def reconcile(world: World, day: date = DAY, *, gateway: str = "alipay") -> Run:
    async with build_pool(world.database, size=2) as pool:
        return await reconcile_day(
            pool,
            Jobs(world.database),
            {"alipay": world.gateway},
            gateway=gateway,
            day=day,
            now=world.clock.now,
        )


def bill(world: World, *rows: Row, day: date = DAY) -> None:
    world.alipay.bills[str(day)] = a_bill(*rows, day=day)


def true_bill(world: World) -> list[Row]:
    rows = true_rows(world.alipay)
    bill(world, *rows)
    return rows


async def paid(world: World, shopper: Shopper) -> str:
    """The number of an order that is paid, and settled in the market."""
    order = await shopper.ordered()
    await world.pay(order)
    await world.service.drain()
    return str(order["number"])


async def refunded(world: World, shopper: Shopper) -> str:
    number = await paid(world, shopper)
    await shopper.ask_refund(number)
    await world.service.drain()
    return number


def whole(world: World) -> dict[str, list[Any]]:
    """Every row that reconciliation may write, to show that it did not."""
    rows: dict[LiteralString, list[Any]] = {}
    for table in ALL_THAT_COUNTS:
        query: LiteralString = f"SELECT to_jsonb(one) FROM {table} AS one ORDER BY 1"
        rows[table] = world.rows(query)
    return {str(table): found for table, found in rows.items()}


async def until_it_waits(world: World, running: "asyncio.Task[Any]") -> None:
    """For a lock that somebody holds; or until it has ended without."""
    waiting: LiteralString = """
        SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"""
    while not running.done() and not world.rows(waiting):
        await asyncio.sleep(0.01)
