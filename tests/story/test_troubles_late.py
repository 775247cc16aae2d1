"""Paid, but the world moved on: the money goes back, once, and nobody else loses a seat.

Names that begin with a letter and a number are of rows in a catalogue of what can go wrong with a mall.
"""

import asyncio

import pytest
from story_books import come_to_an_end, require_all_well
from story_people import a_buyer_alone, a_joiner, an_opener, make_trouble, remove_troubles
from story_world import World

TEA = "9890002"  # In a team of two.
CLOSE, QUERY = "alipay.trade.close", "alipay.trade.query"
SEATS = "SELECT status, count(*) FROM seat GROUP BY 1 ORDER BY 1"
REFUNDS = "SELECT status, count(*) FROM refund GROUP BY 1"
MINUTE = 60


async def test_b1_b4_paid_after_cancelling_while_the_team_has_room(standing: World) -> None:
    ann, order = await an_opener(standing, TEA)
    bob, number = await a_joiner(standing, order)
    await ann.pay_for(order["number"])
    tab = await bob.open_cashier(number)
    assert tab
    assert (await bob.cancel(number)).json()["status"] == "closed"

    await bob.enter(tab)
    await bob.pay(tab)
    await standing.settle_down()

    assert await bob.status(number) == "refunded"
    assert standing.rows("market", SEATS) == [("released", 1), ("settled", 1)]
    await come_to_an_end(standing)
    await require_all_well(standing)


async def test_b2_paid_after_somebody_else_took_the_seat(standing: World) -> None:
    ann, order = await an_opener(standing, TEA)
    bob, number = await a_joiner(standing, order)
    await ann.pay_for(order["number"])
    tab = await bob.open_cashier(number)
    assert tab
    await bob.cancel(number)
    cai, instead = await a_joiner(standing, order)
    await cai.pay_for(instead)
    await bob.enter(tab)
    await bob.pay(tab)

    await come_to_an_end(standing)

    ends = [await ann.status(order["number"]), await bob.status(number), await cai.status(instead)]
    assert ends == ["fulfilled", "refunded", "fulfilled"]
    await require_all_well(standing)


async def test_a7_b3_word_of_the_money_comes_when_the_team_has_failed(standing: World) -> None:
    await make_trouble(standing, "alipay.notify/late", measure=25 * 60 * MINUTE)
    query = await make_trouble(standing, "alipay.gateway/dead", method=QUERY)
    ann, order = await an_opener(standing, TEA)
    await ann.pay_for(order["number"])
    for minutes in (16, 20, 24 * 60):
        standing.clock.pass_by(minutes=minutes)
        await standing.settle_down()
    assert standing.rows("market", "SELECT status FROM team") == [("failed",)]
    assert await ann.status(order["number"]) == "awaiting_payment"

    standing.clock.pass_by(minutes=60)
    await standing.settle_down()
    async with standing.browser() as hand:
        await hand.delete(f"/sandbox/admin/troubles/{query}")
    await come_to_an_end(standing)

    assert await ann.status(order["number"]) == "refunded"
    assert standing.rows("mall", REFUNDS) == [("done", 1)]
    await require_all_well(standing)


@pytest.mark.parametrize("is_entered", [True, False])
async def test_b6_paid_and_cancelled_at_one_moment(standing: World, is_entered: bool) -> None:
    ann, order = await an_opener(standing, TEA)
    tab = await ann.open_cashier(order["number"])
    assert tab
    if is_entered:
        await ann.enter(tab)

    async def pay() -> None:
        await ann.enter(tab)
        await ann.pay(tab)
        await standing.parts.sandbox.drain()

    await asyncio.gather(pay(), ann.cancel(order["number"]))
    await come_to_an_end(standing)

    assert await ann.status(order["number"]) in ("closed", "refunded")
    await require_all_well(standing)


async def test_b7_paid_while_we_close_the_trade(standing: World) -> None:
    await make_trouble(standing, "alipay.notify/lost")
    await make_trouble(standing, "alipay.gateway/slow", method=CLOSE, measure=1)
    ann, order = await an_opener(standing, TEA)
    tab = await ann.open_cashier(order["number"])
    assert tab
    await ann.enter(tab)

    closing = asyncio.create_task(ann.cancel(order["number"]))
    while not standing.rows("sandbox", "SELECT FROM trouble WHERE kind = 'slow' AND times_met > 0"):
        await asyncio.sleep(0)
    await ann.pay(tab)
    cancelled = await closing

    assert (cancelled.status_code, cancelled.json()["code"]) == (409, "already_paid")
    assert await ann.status(order["number"]) == "paid"
    assert standing.rows("market", "SELECT status FROM seat") != [("released",)]
    await come_to_an_end(standing)
    await require_all_well(standing)


@pytest.mark.parametrize("kind", ["cut_off", "unsigned", "system_error"])
async def test_b8_a_seat_is_not_given_back_before_the_gateway_has_closed_the_trade(
    standing: World, kind: str
) -> None:
    ann, order = await an_opener(standing, TEA)
    tab = await ann.open_cashier(order["number"])
    assert tab
    await ann.enter(tab)
    await make_trouble(standing, f"alipay.gateway/{kind}")  # On every call: nothing can be known.

    cancelled = await ann.cancel(order["number"])
    standing.clock.pass_by(minutes=16)
    await standing.settle_down()

    assert (cancelled.status_code, cancelled.json()["code"]) == (503, "unreachable")
    assert await ann.status(order["number"]) == "awaiting_payment"
    assert standing.rows("market", "SELECT status FROM seat") == [("locked",)]

    await remove_troubles(standing)
    standing.clock.pass_by(seconds=30)
    await standing.settle_down()
    assert await ann.status(order["number"]) == "closed"
    assert standing.rows("market", "SELECT status FROM seat") == [("released",)]
    await come_to_an_end(standing)
    await require_all_well(standing)


async def test_b10_a_campaign_that_ends_and_a_price_that_changes_do_not_change_a_held_seat(
    standing: World,
) -> None:
    ann, order = await an_opener(standing, TEA)
    bob, number = await a_joiner(standing, order)
    standing.rows("market", "UPDATE campaign SET status = 'ended' RETURNING id")
    standing.rows("market", "UPDATE listing SET list_fen = list_fen + 1000 RETURNING goods_id")
    standing.rows("mall", "UPDATE product SET list_fen = list_fen + 1000 RETURNING id")
    for person, one in ((ann, order["number"]), (bob, number)):
        await person.pay_for(one)

    await come_to_an_end(standing)

    assert [await ann.status(order["number"]), await bob.status(number)] == ["fulfilled"] * 2
    assert standing.rows("mall", "SELECT DISTINCT received_fen FROM payment") == [(108_00,)]
    await require_all_well(standing)


async def test_b12_paid_while_the_market_is_down(standing: World) -> None:
    ann, order = await an_opener(standing, TEA)
    bob, number = await a_joiner(standing, order)
    standing.room.away.add("/api/market")
    for person, one in ((ann, order["number"]), (bob, number)):
        await person.pay_for(one)
    await standing.settle_down()
    assert [await ann.status(order["number"]), await bob.status(number)] == ["paid"] * 2

    standing.clock.pass_by(minutes=20)
    standing.room.away.clear()
    await come_to_an_end(standing)

    assert [await ann.status(order["number"]), await bob.status(number)] == ["fulfilled"] * 2
    await require_all_well(standing)


async def test_a_market_down_for_longer_than_the_seat_is_held_pays_everybody_back(standing: World) -> None:
    ann, order = await an_opener(standing, TEA)
    await ann.pay_for(order["number"])
    standing.room.away.add("/api/market")
    for _ in range(4):
        await standing.settle_down()
        standing.clock.pass_by(hours=8)

    standing.room.away.clear()
    await come_to_an_end(standing)

    assert await ann.status(order["number"]) == "refunded"
    await require_all_well(standing)


async def test_who_walks_away_from_an_entered_cashier_leaves_nothing_behind(standing: World) -> None:
    ann, number = await a_buyer_alone(standing, TEA)
    tab = await ann.open_cashier(number)
    assert tab
    await ann.enter(tab)

    await come_to_an_end(standing)

    assert await ann.status(number) == "closed"
    assert standing.rows("sandbox", "SELECT status FROM trade") == [("TRADE_CLOSED",)]
    await require_all_well(standing)
