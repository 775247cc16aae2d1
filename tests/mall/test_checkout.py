"""Placing an order: one press, one order, one seat, one payment, whatever gets lost on the way."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from mall_builders import API, TEA, Shopper, World

SUMMARY = """
    SELECT (SELECT count(*) FROM mall_order), (SELECT count(*) FROM payment),
        (SELECT status FROM mall_order), (SELECT refusal_code FROM mall_order)"""


async def test_a_group_order_costs_what_the_market_says(world: World, ann: Shopper) -> None:
    order = await ann.ordered()

    assert (order["list_fen"], order["discount_fen"], order["payable_fen"]) == (128_00, 20_00, 108_00)
    assert order["status"] == "awaiting_payment"
    assert order["team_id"] == f"team-{order['number']}"
    assert order["team"] is None
    assert (await ann.see(order["number"]))["team"]["mine"] is True
    assert order["pay_url"] == f"{API}/v1/orders/{order['number']}/pay"
    assert len(order["number"]) == 20
    assert order["number"].startswith("261123")
    assert world.rows("SELECT number, amount_fen, status FROM payment") == [(order["number"], 108_00, "open")]


async def test_buying_alone_costs_the_list_price_and_asks_nobody(world: World, ann: Shopper) -> None:
    order = await ann.buy_alone()

    assert (order["payable_fen"], order["discount_fen"], order["team"]) == (128_00, 0, None)
    assert world.market.asked == []


async def test_the_cashier_closes_before_the_market_frees_the_seat(world: World, ann: Shopper) -> None:
    world.market.hold = timedelta(minutes=10)
    order = await ann.ordered()

    assert order["pay_until"] == "2026-11-23T04:09:30Z"


async def test_the_same_press_is_the_same_order(world: World, ann: Shopper) -> None:
    first = await ann.ordered(key="press-01")
    again = await ann.order(key="press-01")

    assert again.status_code == 201
    assert again.json() == first
    assert world.rows(SUMMARY) == [(1, 1, "awaiting_payment", None)]
    assert [step for step, _ in world.market.asked if step == "lock"] == ["lock"]


async def test_one_key_cannot_place_two_different_orders(world: World, ann: Shopper) -> None:
    await ann.ordered(key="press-01")
    before = world.everything()
    again = await ann.order(key="press-01", team_id="team-9")

    assert (again.status_code, again.json()["code"]) == (409, "idempotency_key_reused")
    assert world.everything() == before


async def test_two_buyers_may_choose_the_same_key(world: World, ann: Shopper, bob: Shopper) -> None:
    hers, his = await ann.ordered(key="press-01"), await bob.ordered(key="press-01")

    assert hers["number"] != his["number"]


@pytest.mark.parametrize("key", ["", "short", "with space", "x" * 65])
async def test_a_press_must_carry_a_proper_key(world: World, ann: Shopper, key: str) -> None:
    answer = await ann.browser.post(
        f"{API}/v1/orders",
        json={"product_id": TEA, "kind": "alone"},
        headers={"idempotency-key": key} if key else {},
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert world.rows("SELECT * FROM mall_order") == []


@pytest.mark.parametrize(
    "change",
    [
        {"campaign_id": None},
        {"kind": "alone"},
        {"kind": "free"},
        {"payable_fen": 1},
        {"buyer_id": "somebody"},
        {"product_id": "x\0y"},
    ],
)
async def test_what_makes_no_sense_is_refused(world: World, ann: Shopper, change: dict[str, Any]) -> None:
    answer = await ann.order(**change)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert world.rows("SELECT * FROM mall_order") == []


async def test_what_is_not_sold_cannot_be_ordered(world: World, ann: Shopper) -> None:
    answer = await ann.order(product_id="none")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert world.rows("SELECT * FROM mall_order") == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "team_full"),
        (409, "take_limit_reached"),
        (404, "not_found"),
        (403, "audience_restricted"),
        (403, "outside_rollout"),
    ],
)
async def test_a_refusal_of_the_market_is_what_the_buyer_hears_each_time(
    world: World, ann: Shopper, status: int, code: str
) -> None:
    world.market.refuses["lock"] = (status, code)
    first = await ann.order(key="press-01")
    world.market.refuses.clear()
    again = await ann.order(key="press-01")

    assert (first.status_code, first.json()["code"]) == (status, code)
    assert first.json()["detail"] == f"The market says {code}."
    assert (again.status_code, again.json()["code"]) == (status, code)
    assert world.rows(SUMMARY) == [(1, 0, "closed", code)]
    assert world.market.seats == {}


@pytest.mark.parametrize(
    "trouble",
    [
        (401, "unauthorized"),
        (403, "source_blocked"),
        (429, "too_many_requests"),
        (503, "overloaded"),
        (503, "downgraded"),
        (500, "internal_error"),
    ],
)
async def test_trouble_in_the_market_refuses_nobody(
    world: World, ann: Shopper, trouble: tuple[int, str]
) -> None:
    world.market.refuses["lock"] = trouble
    first = await ann.order(key="press-01")
    world.market.refuses.clear()
    again = await ann.order(key="press-01")

    assert (first.status_code, first.json()["code"]) == (503, "unreachable")
    assert again.json()["status"] == "awaiting_payment"
    assert world.rows(SUMMARY) == [(1, 1, "awaiting_payment", None)]


async def test_pressing_again_after_a_lost_answer_finds_the_same_seat(world: World, ann: Shopper) -> None:
    world.network.answers_lost["market.test"] = 1
    first = await ann.order(key="press-01")
    number = world.rows("SELECT number, status FROM mall_order")[0]
    again = await ann.ordered(key="press-01")

    assert (first.status_code, first.json()["code"]) == (503, "unreachable")
    assert number == (again["number"], "created")
    assert [seat["out_trade_no"] for seat in world.market.seats.values()] == [again["number"]]
    assert world.rows(SUMMARY) == [(1, 1, "awaiting_payment", None)]


async def test_a_price_the_buyer_was_not_shown_is_refused(world: World, ann: Shopper) -> None:
    world.market.list_fen = 138_00
    answer = await ann.order()

    assert (answer.status_code, answer.json()["code"]) == (409, "price_changed")
    assert world.rows(SUMMARY) == [(1, 0, "closed", "price_changed")]


@pytest.mark.parametrize(
    "lie", [{"payable_fen": 0, "discount_fen": 128_00}, {"payable_fen": 1_00}, {"discount_fen": -1}]
)
async def test_a_price_that_does_not_add_up_is_refused(
    world: World, ann: Shopper, lie: dict[str, int]
) -> None:
    world.network.answers_lost["market.test"] = 1
    await ann.order(key="press-01")
    for seat in world.market.seats.values():
        seat.update(lie)
    answer = await ann.order(key="press-01")

    assert (answer.status_code, answer.json()["code"]) == (409, "price_changed")
    assert world.rows(SUMMARY) == [(1, 0, "closed", "price_changed")]


@pytest.mark.parametrize(("status", "minutes"), [("released", 0), ("locked", 19)])
async def test_a_seat_held_for_an_order_forgotten_too_long_is_gone(
    world: World, ann: Shopper, status: str, minutes: int
) -> None:
    world.network.answers_lost["market.test"] = 1
    await ann.order(key="press-01")
    for seat in world.market.seats.values():
        seat["status"] = status
    world.clock.pass_by(minutes=minutes)
    answer = await ann.order(key="press-01")

    assert (answer.status_code, answer.json()["code"]) == (409, "hold_ended")
    assert world.rows(SUMMARY) == [(1, 0, "closed", "hold_ended")]


async def test_a_press_sent_twice_at_once_is_one_order(world: World, ann: Shopper) -> None:
    world.market.together = asyncio.Barrier(2)
    answers = await asyncio.gather(*(ann.order(key="press-01") for _ in range(2)))

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert world.rows(SUMMARY) == [(1, 1, "awaiting_payment", None)]


async def test_a_refusal_that_comes_after_the_same_press_got_its_seat_changes_nothing(
    world: World, ann: Shopper
) -> None:
    world.market.refuses["lock"] = (409, "team_full")
    world.market.refusal_held = asyncio.Barrier(2)
    refused = asyncio.create_task(ann.order(key="press-01"))
    await world.market.refusal_held.wait()
    seated = await ann.order(key="press-01")
    await world.market.refusal_held.wait()

    assert (seated.status_code, (await refused).json()) == (201, seated.json())
    assert world.rows(SUMMARY) == [(1, 1, "awaiting_payment", None)]


async def test_orders_are_listed_newest_first_page_by_page(world: World, ann: Shopper, bob: Shopper) -> None:
    numbers = []
    for _ in range(3):
        numbers.append((await ann.ordered())["number"])
        world.clock.pass_by(seconds=1)
    await bob.ordered()

    first = (await ann.browser.get(f"{API}/v1/orders?limit=2")).json()
    rest = (await ann.browser.get(f"{API}/v1/orders?limit=2&cursor={first['next_cursor']}")).json()

    assert [order["number"] for order in first["items"] + rest["items"]] == numbers[::-1]
    assert rest["next_cursor"] is None


async def test_orders_are_listed_by_their_status(world: World, ann: Shopper) -> None:
    placed = []
    for _ in range(3):
        placed.append(await ann.buy_alone())
        world.clock.pass_by(seconds=1)
    paid, waiting, closed = placed
    await world.pay(paid)
    await ann.cancel(closed["number"])

    async def listed(query: str) -> list[str]:
        page = (await ann.browser.get(f"{API}/v1/orders{query}")).json()
        return [order["number"] for order in page["items"]]

    assert await listed("") == [closed["number"], waiting["number"], paid["number"]]
    assert await listed("?status=awaiting_payment") == [waiting["number"]]
    assert await listed("?status=paid&status=closed") == [closed["number"], paid["number"]]
    assert await listed("?status=refunded") == []
    assert (await ann.browser.get(f"{API}/v1/orders?status=lost")).status_code == 422


async def test_a_cursor_of_our_own_making_is_refused(ann: Shopper) -> None:
    answer = await ann.browser.get(f"{API}/v1/orders?cursor=yesterday")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("path", ["", "/pay"])
async def test_another_buyers_order_does_not_exist(ann: Shopper, bob: Shopper, path: str) -> None:
    order = await ann.ordered()
    answer = await bob.browser.get(f"{API}/v1/orders/{order['number']}{path}")
    unknown = await bob.browser.get(f"{API}/v1/orders/261123AAAAAAAAAAAAAA{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}


async def test_the_request_id_goes_along_to_the_market(world: World, ann: Shopper) -> None:
    await ann.browser.get(f"{API}/v1/products/{TEA}", headers={"x-request-id": "a-request-of-ann"})

    assert world.market.request_ids == ["a-request-of-ann"] * 2
