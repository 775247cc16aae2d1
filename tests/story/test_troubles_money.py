"""Money that comes twice, and refunds that do not go as they should: to the fen, and once.

Names that begin with a letter and a number are of rows in a catalogue of what can go wrong with a mall.
"""

import asyncio

import pytest
from story_books import come_to_an_end, require_all_well
from story_people import Person, a_buyer_alone, an_opener, make_trouble, remove_troubles
from story_world import World

from tuan.kernel.ids import new_id

TEA = "9890002"  # In a team of two.
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
GIVEN_BACK = "SELECT count(*), sum(refund_fen)::int FROM refund"


async def one_who_wants_it_back(world: World) -> tuple[Person, str]:
    """Paid, settled, and nobody else in the team."""
    ann, order = await an_opener(world, TEA)
    await ann.pay_for(order["number"])
    await world.settle_down()
    return ann, order["number"]


async def test_c1_two_tabs_pay_once(standing: World) -> None:
    ann, number = await a_buyer_alone(standing, TEA)
    tabs = [tab for tab in (await ann.open_cashier(number), await ann.open_cashier(number)) if tab]
    for tab in tabs:
        await ann.enter(tab)

    await asyncio.gather(*(ann.pay(tab) for tab in tabs))
    await come_to_an_end(standing)

    assert len(tabs) == 2
    assert standing.rows("sandbox", "SELECT count(*) FROM trade") == [(1,)]
    assert await ann.status(number) == "fulfilled"
    await require_all_well(standing)


async def test_c2_pressed_twice_it_is_one_order_and_one_payment(standing: World) -> None:
    ann, _ = await a_buyer_alone(standing, TEA)
    key = new_id()

    pressed = await asyncio.gather(*(ann.press(key, product_id=TEA, kind="alone") for _ in range(2)))
    number = pressed[0].json()["number"]
    await asyncio.gather(*(ann.open_cashier(number) for _ in range(2)))

    assert [answer.json()["number"] for answer in pressed] == [number] * 2
    assert standing.rows("mall", "SELECT count(*) FROM mall_order") == [(2,)]
    assert standing.rows("mall", "SELECT count(*) FROM payment") == [(2,)]


@pytest.mark.parametrize(
    "kind", ["answer_lost", "system_error", "unsigned", "dead", "cut_off", "unknown", "escaped"]
)
async def test_c3_a_refund_happens_once_whatever_the_gateway_says_of_it(standing: World, kind: str) -> None:
    ann, number = await one_who_wants_it_back(standing)
    for method in (REFUND, REFUND_QUERY):
        await make_trouble(standing, f"alipay.gateway/{kind}", method=method, times=2)

    assert (await ann.ask_refund(number)).json()["status"] == "refunding"
    await come_to_an_end(standing)

    assert await ann.status(number) == "refunded"
    assert standing.rows("sandbox", GIVEN_BACK) == [(1, 108_00)]
    await require_all_well(standing)


async def test_c4_a_refused_refund_is_never_dropped(standing: World) -> None:
    ann, number = await one_who_wants_it_back(standing)
    await make_trouble(standing, "alipay.gateway/no_balance", method=REFUND)
    await ann.ask_refund(number)
    for _ in range(5):
        await standing.settle_down()
        standing.clock.pass_by(hours=4, minutes=30)
    assert await ann.status(number) == "refunding"
    [(status, trouble)] = standing.rows("mall", "SELECT status, trouble FROM refund")
    assert (status, trouble) == ("owed", "ACQ.SELLER_BALANCE_NOT_ENOUGH")

    await remove_troubles(standing)
    await come_to_an_end(standing)

    assert await ann.status(number) == "refunded"
    assert standing.rows("sandbox", GIVEN_BACK) == [(1, 108_00)]
    await require_all_well(standing)


async def test_c4_after_the_last_try_a_person_is_told(standing: World) -> None:
    ann, number = await one_who_wants_it_back(standing)
    await make_trouble(standing, "alipay.gateway/no_balance", method=REFUND)
    await ann.ask_refund(number)

    for _ in range(60):
        await standing.parts.mall.drain()
        standing.clock.pass_by(hours=27)

    assert standing.rows("mall", "SELECT status FROM refund") == [("stuck",)]
    assert standing.rows("mall", "SELECT kind FROM alarm") == [("refund_stuck",)]
    assert standing.rows("mall", "SELECT status FROM mall_order") == [("refunding",)]


async def test_asked_for_twice_at_one_moment_it_goes_back_once(standing: World) -> None:
    ann, number = await one_who_wants_it_back(standing)

    answers = await asyncio.gather(*(ann.ask_refund(number) for _ in range(3)))
    await come_to_an_end(standing)

    assert {answer.status_code for answer in answers} == {200}
    assert standing.rows("sandbox", GIVEN_BACK) == [(1, 108_00)]
    await require_all_well(standing)
