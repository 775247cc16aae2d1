"""A buyer wants their money back; the market gives seats back. Seat first, then money, and once."""

import asyncio
from typing import Any

import pytest
from mall_builders import API, Shopper, World

STATUS = "SELECT status FROM mall_order ORDER BY created_at, number"
REFUNDS = "SELECT amount_fen, reason, status FROM refund"
JOBS = "SELECT task_name FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"


async def a_paid_order(world: World, shopper: Shopper, **changes: Any) -> dict[str, Any]:
    order = await shopper.ordered(**changes)
    await world.pay(order)
    await world.service.drain()
    return await shopper.see(order["number"])


def seats(world: World) -> list[str]:
    return [seat["status"] for seat in world.market.seats.values()]


async def test_while_the_team_forms_the_buyer_gets_the_money_back(world: World, ann: Shopper) -> None:
    order = await a_paid_order(world, ann)
    assert (order["refundable"], order["cancellable"]) == (True, False)
    answer = await ann.ask_refund(order["number"])
    assert (answer.status_code, answer.json()["status"]) == (200, "refunding")
    assert seats(world) == ["refunded"]
    assert world.rows(REFUNDS) == [(108_00, "不想要了", "owed")]

    await world.settle_down()
    seen = await ann.see(order["number"])
    assert (seen["status"], seen["refundable"]) == ("refunded", False)
    assert [step["what"] for step in seen["timeline"]] == [
        "ordered",
        "paid",
        "refund_asked",
        "refund_begun",
        "refunded",
    ]
    assert seen["refunding_at"]
    assert seen["refunded_at"]
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert await world.findings() == []


async def test_asking_again_is_answered_alike_and_refunds_once(world: World, ann: Shopper) -> None:
    order = await a_paid_order(world, ann)
    answers = await asyncio.gather(*(ann.ask_refund(order["number"]) for _ in range(5)))
    await world.settle_down()
    last = await ann.ask_refund(order["number"])

    assert [answer.status_code for answer in [*answers, last]] == [200] * 6
    assert last.json()["status"] == "refunded"
    assert world.rows("SELECT count(*) FROM refund") == [(1,)]


async def test_once_the_team_has_formed_an_operator_is_needed(world: World, ann: Shopper) -> None:
    order = await a_paid_order(world, ann)
    world.market.teams_are = "formed"
    before = world.everything()
    answer = await ann.ask_refund(order["number"])

    assert (answer.status_code, answer.json()["code"]) == (409, "refund_needs_operator")
    assert (await ann.see(order["number"]))["refundable"] is False
    assert (world.everything(), seats(world)) == (before, ["settled"])


async def test_what_was_delivered_needs_an_operator(world: World, ann: Shopper) -> None:
    order = await ann.buy_alone()
    await world.pay(order)
    await world.service.drain()
    before = world.everything()
    answer = await ann.ask_refund(order["number"])

    assert (answer.status_code, answer.json()["code"]) == (409, "refund_needs_operator")
    assert world.everything() == before


async def test_what_was_not_paid_for_is_not_refunded(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    before = world.everything()
    answer = await ann.ask_refund(order["number"])

    assert (answer.status_code, answer.json()["code"]) == (409, "order_moved_on")
    assert (world.everything(), seats(world)) == (before, ["locked"])


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "a\0b"}, {"reason": "x" * 201}])
async def test_a_reason_is_needed_and_it_is_text(world: World, ann: Shopper, body: dict[str, str]) -> None:
    order = await a_paid_order(world, ann)
    before = world.everything()
    answer = await ann.browser.post(f"{API}/v1/orders/{order['number']}/refund", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert world.everything() == before


async def test_another_buyers_order_is_not_refunded(world: World, ann: Shopper, bob: Shopper) -> None:
    order = await a_paid_order(world, ann)
    before = world.everything()
    answer = await bob.ask_refund(order["number"])

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert world.everything() == before


async def test_the_market_away_refunds_nothing(world: World, ann: Shopper) -> None:
    order = await a_paid_order(world, ann)
    before = world.everything()
    world.network.away.add("market.test")
    answer = await ann.ask_refund(order["number"])

    assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")
    assert world.everything() == before


async def test_a_wish_the_market_does_not_answer_is_kept_and_nothing_is_shipped(
    world: World, ann: Shopper
) -> None:
    order = await a_paid_order(world, ann)
    world.market.refuses["release"] = (500, "internal_error")
    answer = await ann.ask_refund(order["number"])
    assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")
    assert world.rows(STATUS) == [("paid",)]

    await world.team_formed(order["team_id"], order["number"])
    assert world.rows(STATUS) == [("paid",)]
    world.market.refuses.clear()
    world.clock.pass_by(minutes=1)
    await world.settle_down()
    assert world.rows(STATUS) == [("refunded",)]
    assert world.rows("SELECT count(*) FROM delivery") == [(0,)]
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}


async def test_a_team_that_fails_pays_everybody_back_and_closes_the_rest(
    world: World, ann: Shopper, bob: Shopper
) -> None:
    hers = await a_paid_order(world, ann)
    his = await bob.ordered(team_id=hers["team_id"])
    for _ in range(3):
        told = await world.team_failed(hers["team_id"], paid=[hers["number"]], unpaid=[his["number"]])
        assert told.status_code == 204
    assert sorted(world.rows(JOBS)) == [("close",), ("refund",)]
    await world.settle_down()

    assert (await ann.see(hers["number"]))["status"] == "refunded"
    assert (await bob.see(his["number"]))["status"] == "closed"
    assert world.alipay.refunds == {f"{hers['number']}R": "108.00"}
    assert world.rows("SELECT count(*) FROM inbox") == [(1,)]
    assert await world.findings() == []


async def test_paid_for_a_failed_team_before_we_could_settle_is_paid_back(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.team_failed(order["team_id"], unpaid=[order["number"]])
    await world.settle_down()

    assert world.rows(STATUS) == [("refunded",)]
    assert [step for step, _ in world.market.asked if step == "settle"] == []


async def test_money_after_the_seat_was_released_goes_back(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.tell("seat.released", {"team_id": order["team_id"], "out_trade_no": order["number"]})
    await world.service.drain()
    assert world.rows(STATUS) == [("closed",)]

    assert await world.pay(order) == "success"
    await world.settle_down()
    assert world.rows(STATUS) == [("refunded",)]
    assert await world.findings() == []


async def test_a_released_seat_whose_order_was_paid_meanwhile_is_paid_back(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00")
    world.market.seats[order["number"]]["status"] = "released"
    await world.tell("seat.released", {"team_id": order["team_id"], "out_trade_no": order["number"]})
    await world.settle_down()

    assert world.rows(STATUS) == [("refunded",)]
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}


@pytest.mark.parametrize("delivered", [False, True])
async def test_a_refunded_seat_pays_its_buyer_back_delivered_or_not(
    world: World, ann: Shopper, delivered: bool
) -> None:
    order = await a_paid_order(world, ann)
    if delivered:
        await world.team_formed(order["team_id"], order["number"])
        await world.service.drain()
    event = {"team_id": order["team_id"], "out_trade_no": order["number"]}
    for id in ("wh-2", "wh-2", "wh-3"):
        assert (await world.tell("seat.refunded", event, id=id)).status_code == 204
    await world.settle_down()

    assert world.rows(STATUS) == [("refunded",)]
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert (
        world.rows(
            "SELECT account, sum(amount_fen)::int FROM ledger_entry GROUP BY 1 HAVING sum(amount_fen) <> 0"
        )
        == []
    )
    assert await world.findings() == []


@pytest.mark.parametrize("kind", ["another team", "failed after delivery"])
async def test_what_contradicts_our_own_books_moves_no_money_and_alarms(
    world: World, ann: Shopper, kind: str
) -> None:
    order = await a_paid_order(world, ann)
    team_id = order["team_id"] if kind == "failed after delivery" else "team-of-others"
    if kind == "failed after delivery":
        await world.team_formed(order["team_id"], order["number"])
        await world.service.drain()
    before = world.everything()
    await world.team_failed(team_id, paid=[order["number"]], id="wh-2")

    assert world.everything() == before
    assert world.rows("SELECT kind, about FROM alarm") == [("market_contradicts", order["number"])]


async def test_a_forged_event_gives_nothing_back(world: World, ann: Shopper) -> None:
    order = await a_paid_order(world, ann)
    before = world.everything()
    event = {"team_id": order["team_id"], "out_trade_no": order["number"]}
    answer = await world.tell("seat.refunded", event, secret="whsec_" + "A" * 32)

    assert (answer.status_code, answer.json()["code"]) == (401, "forged_webhook")
    assert world.everything() == before
    assert world.rows(JOBS) == []
