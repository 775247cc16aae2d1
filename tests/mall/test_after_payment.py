"""After the money: settled in the market, delivered when the team forms, or paid back to the fen."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from mall_builders import API, Shopper, World

from tuan.kernel.db import build_pool
from tuan.kernel.jobs import Jobs
from tuan.mall.market_client import MarketClient
from tuan.mall.settle import settle

STATUSES = "SELECT status FROM mall_order ORDER BY created_at, number"
DELIVERIES = "SELECT order_number, length(code) FROM delivery"
TODO = "SELECT task_name, status::text, attempts FROM procrastinate_jobs WHERE status = 'todo'"


async def test_two_buy_together_and_both_are_delivered(world: World, ann: Shopper, bob: Shopper) -> None:
    hers = await ann.ordered()
    his = await bob.ordered(team_id=hers["team_id"])
    for order in (hers, his):
        await world.pay(order)
    await world.service.drain()
    answer = await world.team_formed(hers["team_id"], hers["number"], his["number"])
    await world.service.drain()
    seen = await ann.see(hers["number"])

    assert answer.status_code == 204
    assert [seat["status"] for seat in world.market.seats.values()] == ["settled", "settled"]
    assert [seat["paid_at"] for seat in world.market.seats.values()] == ["2026-11-23T04:00:00+00:00"] * 2
    assert world.rows(STATUSES) == [("fulfilled",)] * 2
    assert sorted(world.rows(DELIVERIES)) == sorted([(hers["number"], 12), (his["number"], 12)])
    assert seen["delivery"]["code"]
    assert seen["fulfilled_at"] == seen["ready_at"] == "2026-11-23T04:00:00Z"
    assert world.rows(TODO) == []


async def test_who_buys_alone_is_delivered_at_once(world: World, ann: Shopper) -> None:
    order = await ann.buy_alone()
    await world.pay(order)
    await world.service.drain()

    assert world.rows(STATUSES) == [("fulfilled",)]
    assert world.rows(DELIVERIES) == [(order["number"], 12)]
    assert [step for step, _ in world.market.asked] == []


async def test_who_is_no_longer_signed_in_when_the_money_comes_is_delivered(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    assert (await ann.browser.delete(f"{API}/v1/sessions/current")).status_code == 204
    assert world.rows("SELECT count(*) FROM session") == [(0,)]

    assert await world.pay(order) == "success"
    await world.service.drain()
    await world.team_formed(order["team_id"], order["number"])
    await world.service.drain()
    assert world.rows(STATUSES) == [("fulfilled",)]


async def test_while_the_market_is_away_the_settlement_stays_owed(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    world.network.away.add("market.test")
    await world.service.drain()

    assert world.rows(STATUSES) == [("paid",)]
    assert world.rows(TODO) == [("settle", "todo", 1)]

    world.network.away.clear()
    world.make_jobs_due()
    await world.service.drain()
    assert world.rows("SELECT settled_at IS NOT NULL FROM mall_order") == [(True,)]
    assert world.rows(TODO) == []


async def test_a_lost_answer_to_a_settlement_is_asked_for_again(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    world.network.answers_lost["market.test"] = 1
    await world.service.drain()
    world.make_jobs_due()
    await world.service.drain()

    assert [step for step, _ in world.market.asked if step == "settle"] == ["settle"] * 2
    assert world.rows("SELECT status, settled_at IS NOT NULL FROM mall_order") == [("paid", True)]


@pytest.mark.parametrize("refusal", [(409, "seat_gone"), (409, "team_closed"), (404, "not_found")])
async def test_paid_too_late_is_paid_back(world: World, ann: Shopper, refusal: tuple[int, str]) -> None:
    order = await ann.ordered()
    world.market.refuses["settle"] = refusal
    await world.pay(order)
    await world.service.drain()

    assert world.rows(STATUSES) == [("refunded",)]
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert world.rows("SELECT status, amount_fen FROM refund") == [("done", 108_00)]
    assert world.rows(DELIVERIES) == []


async def test_two_settlements_at_once_owe_one_refund(world: World, ann: Shopper, mall_database: str) -> None:
    order = await ann.ordered()
    await world.pay(order)
    world.market.refuses["settle"] = (409, "seat_gone")
    world.market.together = asyncio.Barrier(2)
    async with (
        build_pool(mall_database, size=2) as pool,
        httpx.AsyncClient(transport=world.network) as http,
    ):
        market = MarketClient(http, url="http://market.test", api_key="market-key", channel="c01")
        jobs, now = Jobs(mall_database), world.clock.now
        both = (settle(pool, jobs, market, order_number=order["number"], now=now) for _ in range(2))
        await asyncio.gather(*both)

    assert world.rows(STATUSES) == [("refunding",)]
    assert world.rows("SELECT count(*) FROM refund") == [(1,)]


async def test_a_refusal_we_do_not_know_gives_nothing_back(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.market.refuses["settle"] = (422, "invalid_request")
    await world.pay(order)
    await world.service.drain()

    assert world.rows(STATUSES) == [("paid",)]
    assert world.rows(TODO) == [("settle", "todo", 1)]
    assert world.rows("SELECT count(*) FROM refund") == [(0,)]


async def test_a_refund_is_asked_for_under_one_number_until_alipay_has_made_it(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    world.market.refuses["settle"] = (409, "seat_gone")
    world.alipay.fund_change = "pending"
    await world.pay(order)
    await world.service.drain()
    assert world.rows(STATUSES) == [("refunding",)]
    assert world.rows(TODO) == [("refund", "todo", 1)]

    world.alipay.fund_change = "N"
    world.make_jobs_due()
    await world.service.drain()
    asked = [content["out_request_no"] for method, content in world.alipay.asked if method.endswith("refund")]
    assert asked == [f"{order['number']}R"] * 2
    assert world.rows(STATUSES) == [("refunded",)]


async def test_alipay_away_leaves_the_refund_owed(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.market.refuses["settle"] = (409, "seat_gone")
    world.network.away.add("alipay.test")
    await world.pay(order)
    await world.service.drain()

    assert world.rows("SELECT status FROM refund") == [("owed",)]
    assert world.rows(TODO) == [("refund", "todo", 1)]


async def test_the_team_may_form_before_we_wrote_down_our_own_settlement(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.team_formed(order["team_id"], order["number"])
    await world.service.drain()

    assert world.rows(STATUSES) == [("fulfilled",)]
    assert world.rows(TODO) == []


async def test_a_webhook_told_again_is_answered_alike_and_does_nothing(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    answers = [await world.team_formed(order["team_id"], order["number"]) for _ in range(3)]
    jobs = world.rows("SELECT task_name FROM procrastinate_jobs ORDER BY id")
    another = await world.team_formed(order["team_id"], order["number"], id="wh-2")
    await world.service.drain()

    assert [answer.status_code for answer in [*answers, another]] == [204] * 4
    assert jobs == [("settle",), ("fulfil",)]
    assert world.rows(DELIVERIES) == [(order["number"], 12)]
    assert world.rows("SELECT count(*) FROM inbox") == [(2,)]


async def test_the_same_webhook_ten_times_at_once_ships_once(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    answers = await asyncio.gather(*(world.team_formed(order["team_id"], order["number"]) for _ in range(10)))
    await world.service.drain()

    assert [answer.status_code for answer in answers] == [204] * 10
    assert world.rows(DELIVERIES) == [(order["number"], 12)]


@pytest.mark.parametrize("trouble", ["another secret", "another body", "too old", "too new"])
async def test_a_forged_webhook_ships_nothing(world: World, ann: Shopper, trouble: str) -> None:
    order = await ann.ordered()
    await world.pay(order)
    before = world.everything()
    forgeries: dict[str, dict[str, Any]] = {
        "another secret": {"secret": "whsec_" + "A" * 32},
        "another body": {"body": b'{"type":"team.formed","data":{"team_id":"t","out_trade_nos":[]}}'},
        "too old": {"at": world.clock.now - timedelta(seconds=301)},
        "too new": {"at": world.clock.now + timedelta(seconds=310)},
    }
    answer = await world.team_formed(order["team_id"], order["number"], **forgeries[trouble])

    assert (answer.status_code, answer.json()["code"]) == (401, "forged_webhook")
    assert world.everything() == before
    assert world.rows("SELECT count(*) FROM inbox") == [(0,)]


async def test_only_paid_orders_of_that_team_are_shipped(world: World, ann: Shopper, bob: Shopper) -> None:
    paid, unpaid = await ann.ordered(), await bob.ordered()
    elsewhere = await ann.ordered(team_id="team-of-others")
    for order in (paid, elsewhere):
        await world.pay(order)
    await world.service.drain()
    answer = await world.team_formed(
        paid["team_id"], unpaid["number"], paid["number"], elsewhere["number"], "261123AAAAAAAAAAAAAA"
    )
    await world.service.drain()

    assert answer.status_code == 204
    assert sorted(world.rows("SELECT number, status FROM mall_order")) == sorted([
        (paid["number"], "fulfilled"),
        (unpaid["number"], "awaiting_payment"),
        (elsewhere["number"], "paid"),
    ])  # fmt: skip
    assert world.rows(DELIVERIES) == [(paid["number"], 12)]


async def test_fulfilling_twice_delivers_once(world: World, ann: Shopper) -> None:
    order = await ann.buy_alone()
    await world.pay(order)
    await world.service.drain()
    [before] = world.rows("SELECT code, delivered_at FROM delivery")
    with_another_job = (
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
        " SELECT 'default', 'fulfil', jsonb_build_object('order_number', number) FROM mall_order RETURNING 1"
    )
    assert world.rows(with_another_job) == [(1,)]
    await world.service.drain()

    assert world.rows("SELECT code, delivered_at FROM delivery") == [before]
    assert world.rows(TODO) == []
