"""Several hold the same day against its bill, or touch what it is about, at the same moment."""

import asyncio
from datetime import timedelta

import psycopg
from bill_builders import DAY
from mall_builders import Shopper, World
from reconcile_builders import BEGIN, bill, next_morning, paid, reconcile, true_bill, until_it_waits

from tuan.kernel.db import build_pool, transaction
from tuan.mall.store_reconcile import Due, take_due


async def claim(world: World) -> Due | None:
    now = world.clock.now
    async with build_pool(world.database, size=1) as pool, transaction(pool) as connection:
        return await take_due(
            connection, ["alipay"], until=DAY, now=now, again_at=now + timedelta(minutes=30)
        )


async def test_a_day_that_waits_is_taken_by_one(world: World, ann: Shopper) -> None:
    await paid(world, ann)
    with psycopg.connect(world.database) as connection:
        connection.execute(BEGIN.replace("now()", "'2026-11-24T01:00:00Z'"))
    next_morning(world)
    async with await psycopg.AsyncConnection.connect(world.database) as first:
        await first.execute("UPDATE reconciliation SET ask_at = '2026-11-24T02:30:00Z'")
        second = asyncio.create_task(claim(world))
        await until_it_waits(world, second)
        await first.commit()

    assert await second is None
    world.clock.pass_by(minutes=30)
    assert await claim(world) == Due(gateway="alipay", day=DAY)


async def test_a_run_reads_the_books_only_once_the_day_is_its_own(world: World, ann: Shopper) -> None:
    """Otherwise it would write down as missing what another run, or a notify, has just brought in."""
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00")
    next_morning(world)
    true_bill(world)
    async with await psycopg.AsyncConnection.connect(world.database) as other:
        await other.execute(BEGIN)
        await other.commit()
        await other.execute("SELECT FROM reconciliation FOR UPDATE")
        running = asyncio.create_task(reconcile(world))
        await until_it_waits(world, running)
        trade = world.alipay.trades[order["number"]]
        await world.notify(world.alipay.notify(order["number"], "108.00", trade_no=trade["trade_no"]))
        await other.rollback()
        run = await running

    assert (run.breaks_found, run.lines) == (0, 1)


async def test_fees_hold_on_to_their_orders_in_the_order_in_which_orders_are_locked(
    world: World, ann: Shopper
) -> None:
    """Otherwise whoever holds the first and comes for the second would wait for us, and we for them."""
    first, second = sorted([await paid(world, ann), await paid(world, ann)])
    next_morning(world)
    bill(world, *sorted(true_bill(world), key=lambda row: row.number, reverse=True))
    async with await psycopg.AsyncConnection.connect(world.database) as other:
        await other.execute("SELECT FROM mall_order WHERE number = %s FOR UPDATE", [first])
        running = asyncio.create_task(reconcile(world))
        await until_it_waits(world, running)
        await other.execute("SELECT FROM mall_order WHERE number = %s FOR UPDATE NOWAIT", [second])
        await other.rollback()

    assert (await running).breaks_found == 0
