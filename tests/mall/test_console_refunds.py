"""An operator pays an order back, wherever it stands: the seat and the money, each once, and all of it."""

from typing import Any

import httpx
import pytest
from mall_builders import Shopper, World
from mall_console_builders import WHY, code_of, deeds


async def paid(world: World, ann: Shopper) -> dict[str, Any]:
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()
    return order


async def delivered(world: World, ann: Shopper) -> dict[str, Any]:
    order = await paid(world, ann)
    await world.team_formed(order["team_id"], order["number"])
    await world.service.drain()
    assert world.rows("SELECT status FROM mall_order") == [("fulfilled",)]
    return order


async def pay_back(console: httpx.AsyncClient, order: dict[str, Any]) -> httpx.Response:
    return await console.post(f"/orders/{order['number']}/refund", json=WHY)


async def test_before_its_team_forms_the_seat_goes_back_first(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await paid(world, ann)
    answer = await pay_back(olga, order)
    assert (answer.status_code, answer.json()["request"]) == (200, None)
    assert answer.json()["order"]["refund_asked_at"] is not None
    assert world.alipay.refunds == {}

    world.market.refuses["release"] = 503, "overloaded"
    await world.service.drain()
    assert world.rows("SELECT status FROM mall_order") == [("paid",)]

    world.market.refuses.clear()
    await world.settle_down()
    assert world.market.seats[order["number"]]["status"] == "refunded"
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert world.rows("SELECT status FROM mall_order") == [("refunded",)]
    assert await world.findings() == []


async def test_after_delivery_the_money_goes_back_and_then_the_seat(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await delivered(world, ann)
    world.market.refuses["release"] = 503, "overloaded"
    answer = await pay_back(olga, order)
    assert answer.json()["order"]["status"] == "refunding"
    await world.service.drain()
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}

    world.market.refuses.clear()
    await world.settle_down()
    assert world.market.seats[order["number"]]["status"] == "refunded"
    assert await world.findings() == []


async def test_an_order_that_is_ready_is_paid_back_and_not_delivered(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await paid(world, ann)
    await world.team_formed(order["team_id"], order["number"])
    await pay_back(olga, order)
    await world.settle_down()

    assert world.rows("SELECT status, fulfilled_at FROM mall_order") == [("refunded", None)]
    assert world.rows("SELECT count(*) FROM delivery") == [(0,)]


async def test_who_bought_alone_is_paid_back_without_a_seat(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.buy_alone()
    await world.pay(order)
    await world.service.drain()
    await pay_back(olga, order)
    await world.settle_down()

    assert world.rows("SELECT status FROM mall_order") == [("refunded",)]
    assert "release" not in {step for step, _ in world.market.asked}
    assert await world.findings() == []


@pytest.mark.parametrize("stands", [paid, delivered])
async def test_paying_back_again_changes_nothing(
    world: World, ann: Shopper, olga: httpx.AsyncClient, oleg: httpx.AsyncClient, stands: Any
) -> None:
    order = await stands(world, ann)
    for console in (olga, oleg, olga):
        assert (await pay_back(console, order)).status_code == 200
    await world.settle_down()
    assert (await pay_back(oleg, order)).json()["order"]["status"] == "refunded"

    assert world.rows("SELECT count(*), sum(amount_fen)::int FROM refund") == [(1, 108_00)]
    assert deeds(world) == [("olga", "order.paid_back", f"order:{order['number']}", WHY["reason"])]


async def test_what_the_operator_wrote_is_not_told_to_the_gateway(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    await pay_back(olga, await delivered(world, ann))
    await world.service.drain()

    [asked] = [content for method, content in world.alipay.asked if method == "alipay.trade.refund"]
    assert asked["refund_reason"] == "商家退款，全额退回"


async def test_what_was_never_paid_for_is_not_paid_back(
    world: World, ann: Shopper, bob: Shopper, olga: httpx.AsyncClient
) -> None:
    waiting, closed = await ann.ordered(), await bob.ordered()
    await bob.cancel(closed["number"])
    before = world.everything()

    for order in (waiting, closed):
        assert code_of(await pay_back(olga, order)) == (409, "order_moved_on")
    assert (world.everything(), deeds(world)) == (before, [])


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}, WHY | {"fen": 1}]
)
async def test_paying_back_needs_a_reason_and_nothing_else(
    world: World, ann: Shopper, olga: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    order = await paid(world, ann)
    before = world.everything()

    assert code_of(await olga.post(f"/orders/{order['number']}/refund", json=body)) == (
        422,
        "invalid_request",
    )
    assert (world.everything(), deeds(world)) == (before, [])


async def test_refunds_are_found_and_a_stuck_one_is_tried_again(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await delivered(world, ann)
    world.alipay.refund_refused = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    await pay_back(olga, order)
    await world.service.drain()
    [refund] = (await olga.get("/refunds?status=owed&gateway=alipay")).json()["items"]
    assert (refund["tries"], refund["trouble"]) == (1, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    assert (await olga.get("/refunds?status=done")).json() == {"items": [], "next_cursor": None}

    world.alipay.refund_refused = None
    answer = await olga.post(f"/refunds/{refund['number']}/retry", json=WHY)
    assert (answer.status_code, answer.json()["tries"]) == (200, 0)
    await world.service.drain()
    assert world.alipay.refunds == {refund["number"]: "108.00"}
    assert deeds(world)[1:] == [("olga", "refund.retried", f"refund:{refund['number']}", WHY["reason"])]

    again = await olga.post(f"/refunds/{refund['number']}/retry", json=WHY)
    assert code_of(again) == (409, "refund_made")
    assert code_of(await olga.post("/refunds/none/retry", json=WHY)) == (404, "not_found")
    assert len(deeds(world)) == 2
