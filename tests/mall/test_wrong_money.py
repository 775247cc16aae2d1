"""Money too late, twice, or not what we asked for: on record, given back, and told to a person."""

import psycopg
import pytest
from mall_builders import Shopper, World

from tuan.kernel.db import build_pool
from tuan.kernel.errors import NotFound
from tuan.kernel.jobs import Jobs
from tuan.mall.pay import replay_notify

VERDICTS = "SELECT verdict FROM notify_log ORDER BY id"
ALARMS = "SELECT kind, about, times FROM alarm ORDER BY id"
JOBS = "SELECT task_name, args FROM procrastinate_jobs ORDER BY id"


async def test_money_that_comes_after_closing_is_recorded_and_goes_back(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await ann.cancel(order["number"])

    assert await world.pay(order) == "success"
    assert world.rows("SELECT status, paid_at IS NOT NULL FROM payment") == [("closed", True)]
    assert world.rows("SELECT number, amount_fen, status FROM refund") == [
        (f"{order['number']}R", 108_00, "owed")
    ]
    assert (await ann.see(order["number"]))["status"] == "refunding"

    await world.service.drain()
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert (await ann.see(order["number"]))["status"] == "refunded"
    assert world.rows(VERDICTS) == [("late_money",)]


async def test_late_money_told_again_owes_one_refund(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await ann.cancel(order["number"])
    answers = [await world.pay(order) for _ in range(3)]

    assert answers == ["success"] * 3
    assert world.rows("SELECT count(*) FROM refund") == [(1,)]
    assert [task for task, _ in world.rows(JOBS)] == ["refund"]


async def test_money_for_an_earlier_attempt_goes_back_and_the_order_lives_on(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    number = order["number"]
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE payment SET status = 'closed'")
        connection.execute(
            "INSERT INTO payment SELECT number || '_2', order_number, gateway, amount_fen, opened_at,"
            " expires_at, 'open', NULL, NULL, NULL, NULL, expires_at FROM payment"
        )
    await world.pay(order)
    assert (await ann.see(number))["status"] == "awaiting_payment"

    await world.service.drain()
    assert world.alipay.refunds == {f"{number}R": "108.00"}
    assert world.rows("SELECT status FROM refund") == [("done",)]
    assert (await ann.see(number))["status"] == "awaiting_payment"

    assert await world.notify(world.alipay.notify(f"{number}_2", "108.00")) == "success"
    assert (await ann.see(number))["status"] == "paid"
    assert world.rows(VERDICTS) == [("late_money",), ("paid",)]


@pytest.mark.parametrize("amount", ["107.99", "108.01", "0.01"])
async def test_money_of_another_amount_is_recorded_and_goes_back_and_the_order_waits_on(
    world: World, ann: Shopper, amount: str
) -> None:
    order = await ann.ordered()
    number = order["number"]
    trade = world.alipay.pay(number, amount)
    fields = world.alipay.notify(number, amount, trade_no=trade["trade_no"])

    assert await world.notify(fields) == "fail"
    await world.service.drain()
    assert await world.notify(fields) == "success"
    assert world.rows(VERDICTS) == [("amount_differs",), ("repeated",)]
    assert world.rows("SELECT status, amount_fen, received_fen FROM payment") == [
        ("closed", 108_00, int(amount.replace(".", "")))
    ]
    assert world.alipay.refunds == {f"{number}R": amount}
    assert world.rows("SELECT status FROM refund") == [("done",)]
    assert (await ann.see(number))["status"] == "awaiting_payment"
    assert world.rows(ALARMS) == [("amount_differs", number, 2)]


async def test_a_notify_that_names_another_amount_is_believed_only_when_the_gateway_repeats_it(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    number = order["number"]
    world.alipay.pay(number, "108.00")
    before = world.rows("SELECT status, received_fen FROM payment")

    assert await world.notify(world.alipay.notify(number, "0.01")) == "fail"
    assert world.rows("SELECT status, received_fen FROM payment") == before
    assert (await ann.see(number))["status"] == "awaiting_payment"

    await world.service.drain()
    assert world.rows("SELECT status, received_fen FROM payment") == [("paid", 108_00)]
    assert (await ann.see(number))["status"] == "paid"
    assert world.rows("SELECT count(*) FROM refund") == [(0,)]
    assert world.rows(ALARMS) == [("amount_differs", number, 1)]


async def test_the_same_alarm_counts_until_it_is_cleared(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    fields = world.alipay.notify(order["number"], "108.00", seller_id="2088000000000000")
    for _ in range(3):
        await world.notify(fields)
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE alarm SET cleared_at = now()")
    await world.notify(fields)

    assert world.rows("SELECT times FROM alarm ORDER BY id") == [(3,), (1,)]


async def test_a_notify_is_judged_again_when_a_person_asks(
    world: World, ann: Shopper, mall_database: str
) -> None:
    order = await ann.ordered()
    number = order["number"]
    fields = world.alipay.notify(f"{number}_2", "108.00")
    assert await world.notify(fields) == "fail"
    [(id,)] = world.rows("SELECT id FROM notify_log")
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE payment SET status = 'closed'")
    await ann.browser.get(order["pay_url"])

    async with build_pool(mall_database, size=2) as pool:
        jobs, gateway = Jobs(mall_database), world.gateway
        assert await replay_notify(pool, jobs, gateway, id, now=world.clock.now) == "paid"
        assert await replay_notify(pool, jobs, gateway, id, now=world.clock.now) == "repeated"
        with pytest.raises(NotFound):
            await replay_notify(pool, jobs, gateway, "no-such-notify", now=world.clock.now)

    assert (await ann.see(number))["status"] == "paid"
    assert world.rows("SELECT verdict, replay_of FROM notify_log ORDER BY id") == [
        ("unknown_payment", None),
        ("paid", id),
        ("repeated", id),
    ]
