"""What was left half done is found by its status, and taken up again: once, and only when nobody has it."""

from typing import LiteralString

import psycopg
import pytest
from mall_builders import Shopper, World

JOBS = "SELECT task_name FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"


def run(world: World, *statements: LiteralString) -> None:
    with psycopg.connect(world.database) as connection:
        for statement in statements:
            connection.execute(statement)


def create_only(world: World) -> None:
    """As if we had died before the market answered."""
    run(
        world,
        "DELETE FROM payment",
        "ALTER TABLE mall_order DISABLE TRIGGER USER",
        "ALTER TABLE order_transition DISABLE TRIGGER USER",
        "UPDATE mall_order SET status = 'created', discount_fen = 0, payable_fen = list_fen",
        "DELETE FROM order_transition WHERE to_status <> 'created'",
        "ALTER TABLE mall_order ENABLE TRIGGER USER",
        "ALTER TABLE order_transition ENABLE TRIGGER USER",
    )


async def test_an_order_nobody_goes_on_with_is_closed_and_its_seat_freed(world: World, ann: Shopper) -> None:
    order = await ann.ordered(key="press-01")
    create_only(world)
    world.clock.pass_by(minutes=1, seconds=59)
    await world.service.drain()
    assert world.rows("SELECT status FROM mall_order") == [("created",)]

    world.clock.pass_by(seconds=1)
    await world.service.drain()
    assert world.rows("SELECT status FROM mall_order") == [("closed",)]
    assert world.market.seats[order["number"]]["status"] == "released"
    again = await ann.order(key="press-01")
    assert (again.status_code, again.json()["code"]) == (409, "order_abandoned")


async def test_an_order_waiting_for_the_market_can_be_cancelled(world: World, ann: Shopper) -> None:
    world.network.away.add("market.test")
    await ann.order(key="press-01")
    [(number,)] = world.rows("SELECT number FROM mall_order")
    answer = await ann.cancel(number)

    assert (answer.status_code, answer.json()["status"]) == (200, "closed")
    assert world.rows(JOBS) == [("release",)]
    again = await ann.order(key="press-01")
    assert (again.status_code, again.json()["code"]) == (409, "order_cancelled")
    world.network.away.clear()
    await world.settle_down()
    assert world.rows(JOBS) == []


async def test_a_seat_whose_price_was_refused_is_freed(world: World, ann: Shopper) -> None:
    world.market.list_fen = 127_00
    answer = await ann.order()
    await world.service.drain()

    assert answer.json()["code"] == "price_changed"
    assert [seat["status"] for seat in world.market.seats.values()] == ["released"]


@pytest.mark.parametrize(
    ("alone", "jobs"), [(False, [("settle",)]), (True, [("fulfil",)])], ids=["group", "alone"]
)
async def test_a_paid_order_without_its_job_gets_one_and_no_second(
    world: World, ann: Shopper, alone: bool, jobs: list[tuple[str]]
) -> None:
    order = await ann.buy_alone() if alone else await ann.ordered()
    await world.pay(order)
    assert world.rows(JOBS) == jobs
    run(world, "DELETE FROM procrastinate_jobs")
    world.network.away.add("market.test")
    world.clock.pass_by(seconds=59)
    await world.service.drain()
    assert world.rows(JOBS) == []

    world.clock.pass_by(seconds=1)
    for _ in range(3):
        await world.service.drain()
    assert world.rows(JOBS) == ([] if alone else jobs)
    world.network.away.clear()
    await world.settle_down()
    assert world.rows("SELECT status, settled_at IS NOT NULL FROM mall_order") == [
        ("fulfilled", False) if alone else ("paid", True)
    ]


async def test_a_job_that_died_is_owed_again(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    run(world, "UPDATE procrastinate_jobs SET status = 'failed'")
    world.clock.pass_by(minutes=1)
    await world.service.drain()

    assert world.rows("SELECT settled_at IS NOT NULL FROM mall_order") == [(True,)]


async def test_a_ready_order_without_its_job_is_delivered(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()
    await world.team_formed(order["team_id"], order["number"])
    run(world, "DELETE FROM procrastinate_jobs")
    world.clock.pass_by(minutes=1)
    await world.service.drain()

    assert world.rows("SELECT status FROM mall_order") == [("fulfilled",)]


async def test_an_owed_refund_without_its_job_is_made_under_its_number(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()
    await ann.ask_refund(order["number"])
    run(world, "DELETE FROM procrastinate_jobs")
    world.clock.pass_by(minutes=1)
    await world.service.drain()

    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert world.rows("SELECT status FROM mall_order") == [("refunded",)]


async def test_a_team_that_forms_slowly_is_left_alone(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()
    world.clock.pass_by(hours=20)
    before = world.everything()
    await world.service.drain()

    assert world.everything() == before


async def test_money_no_notify_told_of_is_found(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00")
    world.clock.pass_by(seconds=4)
    await world.service.drain()
    assert world.rows("SELECT status FROM mall_order") == [("awaiting_payment",)]

    world.clock.pass_by(seconds=1)
    await world.service.drain()
    assert world.rows("SELECT status FROM mall_order") == [("paid",)]
    assert world.rows("SELECT told_by FROM payment") == [("query",)]


async def test_the_gateway_is_asked_a_few_times_and_not_all_the_time(world: World, ann: Shopper) -> None:
    await ann.ordered()
    for _ in range(14 * 4):
        world.clock.pass_by(seconds=15)
        for _ in range(2):
            await world.service.drain()

    assert [method for method, _ in world.alipay.asked] == ["alipay.trade.query"] * 5


async def test_a_paid_payment_is_not_asked_about(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    world.clock.pass_by(minutes=20)
    await world.service.drain()

    assert world.alipay.asked == []


async def test_the_end_of_one_attempt_leaves_the_order_to_the_next(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    number = order["number"]
    world.alipay.pay(number, "108.00", trade_status="TRADE_CLOSED")
    world.clock.pass_by(minutes=5)
    await world.service.drain()
    await ann.browser.get(order["pay_url"])
    world.clock.pass_by(minutes=11)
    await world.service.drain()

    assert world.rows("SELECT status FROM mall_order") == [("awaiting_payment",)]
    assert world.rows("SELECT number, ask_at IS NULL FROM payment ORDER BY number") == [
        (number, True),
        (f"{number}_2", False),
    ]
    assert [seat["status"] for seat in world.market.seats.values()] == ["locked"]
