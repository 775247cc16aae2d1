"""An order that is not paid for closes: trade, seat, order, in that order; and an unknown changes nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from mall_builders import API, Shopper, World

STATUS = "SELECT status FROM mall_order"
PAYMENTS = "SELECT number, status FROM payment ORDER BY opened_at, number"


def seats(world: World) -> list[str]:
    return [seat["status"] for seat in world.market.seats.values()]


def steps(world: World) -> list[str]:
    """What the neighbours were asked that changes anything."""
    asked = [method.removeprefix("alipay.trade.") for method, _ in world.alipay.asked]
    return asked + [step for step, _ in world.market.asked if step == "release"]


@contextmanager
def nothing_changes(world: World) -> Iterator[None]:
    before = world.everything(), seats(world)
    yield
    assert (world.everything(), seats(world)) == before


async def test_who_does_not_pay_in_time_loses_the_seat_and_the_order_closes(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    world.clock.pass_by(minutes=15)
    await world.service.drain()

    assert steps(world) == ["query", "close", "release"]
    assert world.rows(STATUS) == [("closed",)]
    assert world.rows(PAYMENTS) == [(order["number"], "closed")]
    assert seats(world) == ["released"]
    assert world.rows("SELECT ask_at FROM payment") == [(None,)]
    assert await world.findings() == []


async def test_a_cashier_nobody_entered_is_shut_a_little_after_its_time(world: World, ann: Shopper) -> None:
    await ann.ordered()
    world.clock.pass_by(minutes=15, seconds=14)
    await world.service.drain()
    assert world.rows(STATUS) == [("awaiting_payment",)]
    assert seats(world) == ["locked"]

    world.clock.pass_by(seconds=15)
    await world.service.drain()
    assert world.rows(STATUS) == [("closed",)]
    assert seats(world) == ["released"]


async def test_who_buys_alone_and_does_not_pay_is_closed_without_the_market(
    world: World, ann: Shopper
) -> None:
    await ann.buy_alone()
    world.clock.pass_by(minutes=16)
    await world.service.drain()

    assert world.rows(STATUS) == [("closed",)]
    assert steps(world) == ["query", "close"]


@pytest.mark.parametrize("host", ["alipay.test", "market.test"])
async def test_an_unknown_answer_closes_nothing_and_is_asked_for_again(
    world: World, ann: Shopper, host: str
) -> None:
    await ann.ordered()
    world.clock.pass_by(minutes=16)
    world.network.away.add(host)
    await world.service.drain()
    assert world.rows(STATUS) == [("awaiting_payment",)]
    assert seats(world) == ["locked"]

    world.network.away.clear()
    world.clock.pass_by(seconds=15)
    await world.service.drain()
    assert world.rows(STATUS) == [("closed",)]
    assert seats(world) == ["released"]


async def test_an_unsigned_answer_closes_nothing(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    world.alipay.signs = False
    world.clock.pass_by(minutes=16)
    await world.service.drain()

    assert world.rows(STATUS) == [("awaiting_payment",)]
    assert seats(world) == ["locked"]


async def test_paid_at_the_last_moment_is_paid(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    world.alipay.paid_at_the_last_moment = True
    world.clock.pass_by(minutes=15)
    await world.service.drain()

    assert steps(world) == ["query", "close", "query"]
    assert world.rows(STATUS) == [("paid",)]
    assert seats(world) == ["settled"]
    assert await world.findings() == []


async def test_a_buyer_cancels_and_the_seat_is_free(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    assert order["cancellable"] is True
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    answer = await ann.cancel(order["number"])

    assert (answer.status_code, answer.json()["status"]) == (200, "closed")
    assert (answer.json()["cancellable"], answer.json()["pay_url"]) == (False, None)
    assert [step["what"] for step in answer.json()["timeline"]] == ["ordered", "closed"]
    assert steps(world) == ["query", "close", "release"]
    assert seats(world) == ["released"]


async def test_cancelling_again_is_answered_alike_and_does_nothing(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    first = await ann.cancel(order["number"])
    with nothing_changes(world):
        again = await ann.cancel(order["number"])

    assert (again.status_code, again.json()) == (200, first.json())


async def test_cancelled_twice_at_once_closes_once(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    answers = await asyncio.gather(*(ann.cancel(order["number"]) for _ in range(5)))

    assert [answer.status_code for answer in answers] == [200] * 5
    assert world.rows(STATUS) == [("closed",)]


@pytest.mark.parametrize("trouble", ["away", "unsigned"])
async def test_a_cancellation_the_gateway_does_not_answer_changes_nothing(
    world: World, ann: Shopper, trouble: str
) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="WAIT_BUYER_PAY")
    if trouble == "away":
        world.network.away.add("alipay.test")
    world.alipay.signs = trouble != "unsigned"
    with nothing_changes(world):
        answer = await ann.cancel(order["number"])

    assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")


async def test_a_cancellation_the_market_does_not_answer_leaves_the_order_and_its_seat(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    world.network.away.add("market.test")
    answer = await ann.cancel(order["number"])
    assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")
    assert world.rows(STATUS) == [("awaiting_payment",)]

    world.network.away.clear()
    assert (await ann.cancel(order["number"])).json()["status"] == "closed"
    assert seats(world) == ["released"]


async def test_what_was_paid_at_the_cashier_cannot_be_cancelled(world: World, ann: Shopper) -> None:
    """Also when no notify has told us yet."""
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00")
    answer = await ann.cancel(order["number"])

    assert (answer.status_code, answer.json()["code"]) == (409, "already_paid")
    assert world.rows(STATUS) == [("paid",)]
    assert seats(world) == ["locked"]


async def test_another_buyers_order_is_not_cancelled(world: World, ann: Shopper, bob: Shopper) -> None:
    order = await ann.ordered()
    with nothing_changes(world):
        answer = await bob.cancel(order["number"])

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_money_for_a_cancelled_order_goes_back_though_no_notify_comes(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    await ann.cancel(order["number"])
    world.alipay.pay(order["number"], "108.00")  # In a cashier that was still open in another window.
    world.clock.pass_by(minutes=16)
    await world.settle_down()

    assert world.rows(STATUS) == [("refunded",)]
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert await world.findings() == []


async def test_an_open_payment_is_the_one_to_be_made(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    pages = [await ann.browser.get(order["pay_url"]) for _ in range(3)]

    assert [page.status_code for page in pages] == [200] * 3
    assert world.rows(PAYMENTS) == [(order["number"], "open")]


async def test_after_the_gateway_closed_one_attempt_the_next_has_a_number_of_its_own(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    number = order["number"]
    world.alipay.pay(number, "108.00", trade_status="TRADE_CLOSED")
    world.clock.pass_by(seconds=5)
    await world.service.drain()
    assert world.rows(PAYMENTS) == [(number, "closed")]
    seen = await ann.see(number)
    assert (seen["status"], seen["pay_url"], seen["pay_until"]) == (
        "awaiting_payment",
        f"{API}/v1/orders/{number}/pay",
        None,
    )

    pages = await asyncio.gather(*(ann.browser.get(order["pay_url"]) for _ in range(5)))
    assert [page.status_code for page in pages] == [200] * 5
    assert f"{number}_2" in pages[0].text
    assert world.rows(PAYMENTS) == [(number, "closed"), (f"{number}_2", "open")]

    await world.notify(world.alipay.notify(f"{number}_2", "108.00"))
    await world.settle_down()
    assert world.rows(STATUS) == [("paid",)]
    assert seats(world) == ["settled"]


async def test_both_attempts_paid_keeps_one_and_gives_the_other_back(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    number = order["number"]
    world.alipay.pay(number, "108.00", trade_status="TRADE_CLOSED")
    world.clock.pass_by(seconds=5)
    await world.service.drain()
    await ann.browser.get(order["pay_url"])
    for attempt in (f"{number}_2", number):
        world.alipay.pay(attempt, "108.00")
        await world.notify(world.alipay.notify(attempt, "108.00"))
    await world.settle_down()

    assert world.rows(PAYMENTS) == [(number, "closed"), (f"{number}_2", "paid")]
    assert world.alipay.refunds == {f"{number}R": "108.00"}
    assert world.rows(STATUS) == [("paid",)]
    assert await world.findings() == []


async def test_no_attempt_is_opened_that_the_seat_would_not_outlive(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00", trade_status="TRADE_CLOSED")
    world.clock.pass_by(seconds=5)
    await world.service.drain()
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE mall_order SET hold_until = %s", [world.clock.now])
    page = await ann.browser.get(order["pay_url"])

    assert page.status_code == 303
    assert world.rows(PAYMENTS) == [(order["number"], "closed")]
    world.clock.pass_by(minutes=16)
    await world.service.drain()
    assert world.rows(STATUS) == [("closed",)]
    assert seats(world) == ["released"]


async def test_a_buyer_may_try_nine_times(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    for _ in range(9):
        with psycopg.connect(world.database) as connection:
            connection.execute("UPDATE payment SET status = 'closed'")
        page = await ann.browser.get(order["pay_url"])

    assert page.status_code == 303
    assert world.rows("SELECT count(*) FROM payment") == [(9,)]
