"""A large refund takes two operators: one asks, another agrees; and the money goes back once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from mall_builders import Shopper, World, a_world
from mall_console_builders import WHY, code_of, deeds, until_they_wait, warmed

SURE = {"reason": "已核实"}
REQUESTS = "SELECT status, asked_by, decided_by FROM refund_request ORDER BY id"


@pytest.fixture
async def world(mall_database: str) -> AsyncIterator[World]:
    """Where 100 yuan are a large refund, and every order costs 108."""
    async with a_world(mall_database, refund_limit_fen=100_00) as world:
        yield world
        assert await world.findings(only_always=True) == []


@pytest.fixture
async def order(world: World, ann: Shopper) -> dict[str, Any]:
    placed = await ann.ordered()
    await world.pay(placed)
    await world.service.drain()
    return placed


async def asked(console: httpx.AsyncClient, order: dict[str, Any]) -> dict[str, Any]:
    answer = await console.post(f"/orders/{order['number']}/refund", json=WHY)
    assert answer.status_code == 202, answer.text
    request: dict[str, Any] = answer.json()["request"]
    return request


async def approve(console: httpx.AsyncClient, request: dict[str, Any]) -> httpx.Response:
    return await console.put(f"/refund-requests/{request['id']}/approval", json=SURE)


async def refuse(console: httpx.AsyncClient, request: dict[str, Any]) -> httpx.Response:
    return await console.put(f"/refund-requests/{request['id']}/refusal", json=SURE)


async def test_a_large_refund_waits_until_another_operator_agrees(
    world: World, order: dict[str, Any], olga: httpx.AsyncClient, oleg: httpx.AsyncClient
) -> None:
    before = world.everything()
    request = await asked(olga, order)
    assert (request["status"], request["amount_fen"], request["asked_by"]) == ("waiting", 108_00, "olga")
    await world.settle_down()
    assert world.everything() == before

    answer = await approve(oleg, request)
    assert (answer.status_code, answer.json()["status"]) == (200, "approved")
    await world.settle_down()
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert world.rows("SELECT status FROM mall_order") == [("refunded",)]
    assert await world.findings() == []
    assert deeds(world) == [
        ("olga", "refund.asked_for", f"order:{order['number']}", WHY["reason"]),
        ("oleg", "refund.approved", f"order:{order['number']}", SURE["reason"]),
    ]


async def test_asking_again_returns_the_request_that_waits_and_agrees_to_nothing(
    world: World, order: dict[str, Any], olga: httpx.AsyncClient, oleg: httpx.AsyncClient
) -> None:
    request = await asked(olga, order)
    assert await asked(olga, order) == request
    assert await asked(oleg, order) == request

    assert world.rows(REQUESTS) == [("waiting", "olga", None)]
    assert len(deeds(world)) == 1


async def test_nobody_decides_about_their_own_request(
    world: World, order: dict[str, Any], olga: httpx.AsyncClient
) -> None:
    request = await asked(olga, order)
    before = world.everything()

    assert code_of(await approve(olga, request)) == (403, "second_operator_needed")
    assert code_of(await refuse(olga, request)) == (403, "second_operator_needed")
    assert (world.everything(), world.rows(REQUESTS)) == (before, [("waiting", "olga", None)])
    assert len(deeds(world)) == 1


async def test_a_decision_repeated_changes_nothing_and_the_other_one_is_refused(
    world: World,
    order: dict[str, Any],
    olga: httpx.AsyncClient,
    oleg: httpx.AsyncClient,
    ada: httpx.AsyncClient,
) -> None:
    request = await asked(olga, order)
    decided = await approve(oleg, request)
    await world.settle_down()
    before = world.everything()

    assert (await approve(oleg, request)).json() == decided.json()
    assert (await approve(ada, request)).json() == decided.json()
    assert code_of(await refuse(ada, request)) == (409, "refund_request_decided")
    assert (world.everything(), world.rows(REQUESTS)) == (before, [("approved", "olga", "oleg")])
    assert len(deeds(world)) == 2


async def test_what_was_refused_can_be_asked_for_anew(
    world: World, order: dict[str, Any], olga: httpx.AsyncClient, oleg: httpx.AsyncClient
) -> None:
    request = await asked(olga, order)
    before = world.everything()
    assert (await refuse(oleg, request)).json()["status"] == "refused"
    assert code_of(await approve(oleg, request)) == (409, "refund_request_decided")
    await world.settle_down()
    assert world.everything() == before

    again = await asked(oleg, order)
    assert again["id"] != request["id"]
    assert (await approve(olga, again)).status_code == 200
    assert world.rows(REQUESTS) == [("refused", "olga", "oleg"), ("approved", "oleg", "olga")]


async def test_a_request_expires_after_three_days(
    world: World, order: dict[str, Any], olga: httpx.AsyncClient, oleg: httpx.AsyncClient
) -> None:
    request = await asked(olga, order)
    world.clock.pass_by(days=3)
    before = world.everything()
    assert code_of(await approve(oleg, request)) == (409, "refund_request_expired")
    assert code_of(await refuse(oleg, request)) == (409, "refund_request_expired")
    assert world.everything() == before
    expired = (await oleg.get("/refund-requests?status=expired")).json()["items"]
    assert [one["id"] for one in expired] == [request["id"]]
    assert (await oleg.get("/refund-requests?status=waiting")).json()["items"] == []

    again = await asked(oleg, order)
    assert (await approve(olga, again)).status_code == 200
    assert world.rows(REQUESTS) == [("expired", "olga", None), ("approved", "oleg", "olga")]


async def test_a_request_is_not_approved_once_the_money_goes_back_anyway(
    world: World, order: dict[str, Any], olga: httpx.AsyncClient, oleg: httpx.AsyncClient
) -> None:
    request = await asked(olga, order)
    await world.team_failed(order["team_id"], paid=[order["number"]])
    before = world.everything()

    assert code_of(await approve(oleg, request)) == (409, "order_moved_on")
    assert (world.everything(), world.rows(REQUESTS)) == (before, [("waiting", "olga", None)])
    await world.settle_down()
    assert world.rows("SELECT count(*) FROM refund") == [(1,)]


async def test_a_request_is_not_approved_once_the_buyer_has_asked_for_the_money(
    world: World, ann: Shopper, order: dict[str, Any], olga: httpx.AsyncClient, oleg: httpx.AsyncClient
) -> None:
    """Or the money would go back before the seat, which is still to be given back."""
    request = await asked(olga, order)
    world.market.refuses["release"] = 503, "overloaded"
    assert code_of(await ann.ask_refund(order["number"])) == (503, "unreachable")
    before = world.everything()

    assert code_of(await approve(oleg, request)) == (409, "order_moved_on")
    assert (world.everything(), world.rows(REQUESTS)) == (before, [("waiting", "olga", None)])


async def test_two_who_agree_at_the_same_moment_pay_back_once(
    world: World,
    order: dict[str, Any],
    olga: httpx.AsyncClient,
    oleg: httpx.AsyncClient,
    ada: httpx.AsyncClient,
) -> None:
    """Both have read the request as waiting when the order comes free."""
    request = await asked(olga, order)
    await warmed(oleg, ada)
    with psycopg.connect(world.database) as holder:
        holder.execute("SELECT FROM mall_order FOR UPDATE")
        approvals = [asyncio.create_task(approve(console, request)) for console in (oleg, ada)]
        await until_they_wait(world, how_many=2)
    answers = await asyncio.gather(*approvals)
    await world.settle_down()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert world.rows("SELECT count(*), sum(amount_fen)::int FROM refund") == [(1, 108_00)]
    assert [action for _, action, _, _ in deeds(world)] == ["refund.asked_for", "refund.approved"]


async def test_two_who_ask_at_the_same_moment_ask_once(
    world: World, order: dict[str, Any], olga: httpx.AsyncClient, oleg: httpx.AsyncClient
) -> None:
    await warmed(olga, oleg)
    with psycopg.connect(world.database) as holder:
        holder.execute("SELECT FROM mall_order FOR UPDATE")
        asking = [asyncio.create_task(asked(console, order)) for console in (olga, oleg)]
        await until_they_wait(world, how_many=2)
    first, second = await asyncio.gather(*asking)

    assert first == second
    assert world.rows("SELECT count(*) FROM refund_request") == [(1,)]


async def test_an_unknown_request_is_not_found(
    world: World, order: dict[str, Any], oleg: httpx.AsyncClient
) -> None:
    answers = [
        await oleg.get("/refund-requests/none"),
        await approve(oleg, {"id": "none"}),
        await refuse(oleg, {"id": "none"}),
    ]
    assert {code_of(answer) for answer in answers} == {(404, "not_found")}
