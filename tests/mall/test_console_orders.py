"""An operator finds any order, sees all that happened to it and why, and closes one nobody pays for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from mall_builders import NOW, TEA, Shopper, Wall, World, a_shopper, a_world
from mall_console_builders import WHY, a_browser, code_of, deeds

from tuan.mall.operator import Role


class Running(Wall):
    """The real time, for what the database writes down by its own clock."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
async def living(mall_database: str) -> AsyncIterator[World]:
    """Where the mall's clock and the database's are the same."""
    async with a_world(mall_database, clock=Running()) as world:
        yield world


async def numbers(console: httpx.AsyncClient, query: str = "") -> list[str]:
    answer = await console.get(f"/orders?{query}")
    assert answer.status_code == 200, answer.text
    return [order["number"] for order in answer.json()["items"]]


async def story(console: httpx.AsyncClient, number: str) -> dict[str, Any]:
    answer = await console.get(f"/orders/{number}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_orders_are_found_by_each_of_their_traits(
    world: World, ann: Shopper, bob: Shopper, olga: httpx.AsyncClient
) -> None:
    first = (await ann.ordered())["number"]
    world.clock.pass_by(minutes=1)
    second = (await bob.buy_alone())["number"]
    world.clock.pass_by(minutes=1)
    world.market.list_fen = 100_00
    third = (await bob.ordered(product_id="9890001"))["number"]
    await bob.cancel(third)
    later = (NOW + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert await numbers(olga) == [third, second, first]
    assert await numbers(olga, "status=closed") == [third]
    assert await numbers(olga, "kind=alone") == [second]
    assert await numbers(olga, f"number={first}") == [first]
    assert await numbers(olga, f"buyer_id={bob.id}") == [third, second]
    assert await numbers(olga, f"team_id=team-{first}") == [first]
    assert await numbers(olga, f"product_id={TEA}") == [second, first]
    assert await numbers(olga, f"since={later}") == [third, second]
    assert await numbers(olga, f"until={later}") == [first]
    assert await numbers(olga, f"buyer_id={bob.id}&status=closed&kind=alone") == []


async def test_a_page_holds_what_it_is_asked_to_and_the_next_begins_after_it(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    placed = []
    for n in range(5):
        placed.append((await ann.buy_alone())["number"])
        world.clock.pass_by(seconds=n % 2)  # Some were placed at the same moment.
    found, cursor, pages = [], "", 0
    while cursor is not None:
        page = (await olga.get(f"/orders?limit=2{cursor and f'&cursor={cursor}'}")).json()
        found += [order["number"] for order in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1

    assert (sorted(found), pages) == (sorted(placed), 3)


@pytest.mark.parametrize(
    "query",
    ["limit=101", "limit=0", "cursor=x", "cursor=1.", "since=2026-01-01", "status=lost", "number=a%20b"],
)
async def test_a_senseless_question_is_refused(world: World, olga: httpx.AsyncClient, query: str) -> None:
    assert code_of(await olga.get(f"/orders?{query}")) == (422, "invalid_request")


async def test_the_story_of_an_order_tells_everything_in_order(living: World) -> None:
    async with (
        a_shopper(living, "o-ann") as ann,
        a_browser(living, Role.OPERATOR, name="olga") as olga,
    ):
        order = await ann.ordered()
        number, team = order["number"], order["team_id"]
        living.alipay.pay(number, "1.00")
        await living.pay(order, sign="forged")
        await living.pay(order)
        await living.service.drain()
        await living.team_formed(team, number)
        await living.service.drain()
        await olga.post(f"/orders/{number}/refund", json=WHY)
        living.alipay.refund_refused = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
        await living.service.drain()
        living.alipay.refund_refused = None
        await olga.post(f"/refunds/{number}R/retry", json={"reason": "已充值"})
        await living.service.drain()
        told = await story(olga, number)

    assert told["order"]["status"] == "refunded"
    assert told["order"]["buyer_nickname"] != ""
    assert [payment["status"] for payment in told["payments"]] == ["paid"]
    assert [(refund["number"], refund["status"]) for refund in told["refunds"]] == [(f"{number}R", "done")]
    assert told["delivered_at"] is not None
    assert [(one["what"], one["detail"]) for one in told["timeline"]] == [
        ("order.created", None),
        ("order.awaiting_payment", None),
        ("payment.opened", "alipay"),
        ("notify.judged", "paid"),
        ("payment.received", "notify"),
        ("order.paid", None),
        ("seat.settled", None),
        ("order.ready", None),
        ("order.fulfilled", None),
        ("delivery.made", None),
        ("deed", "order.paid_back"),
        ("order.refunding", None),
        ("refund.owed", None),
        ("refund.failed", "ACQ.SELLER_BALANCE_NOT_ENOUGH"),
        ("deed", "refund.retried"),
        ("order.refunded", None),
        ("refund.done", None),
    ]
    [deed] = [one for one in told["timeline"] if one["detail"] == "order.paid_back"]
    assert (deed["by"], deed["reason"], deed["about"]) == ("olga", WHY["reason"], f"order:{number}")
    received = next(one for one in told["timeline"] if one["what"] == "payment.received")
    assert (received["about"], received["amount_fen"]) == (number, 108_00)


async def test_the_story_tells_when_the_gateway_was_asked_and_why_an_order_closed(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    number = (await ann.ordered())["number"]
    world.clock.pass_by(seconds=6)
    await world.service.drain()
    world.market.refuses["lock"] = 409, "team_full"
    await ann.order(team_id="team-9", key="press-02")
    [refused] = world.rows("SELECT number FROM mall_order WHERE status = 'closed'")

    steps = [one["what"] for one in (await story(olga, number))["timeline"]]
    assert steps.count("payment.asked") == 1
    [closed] = [one for one in (await story(olga, refused[0]))["timeline"] if one["what"] == "order.closed"]
    assert closed["detail"] == "team_full"


async def test_an_unknown_order_is_not_found(world: World, olga: httpx.AsyncClient) -> None:
    answers = [
        await olga.get("/orders/none"),
        await olga.post("/orders/none/cancellation", json=WHY),
        await olga.post("/orders/none/refund", json=WHY),
    ]

    assert {code_of(answer) for answer in answers} == {(404, "not_found")}
    assert deeds(world) == []


async def test_an_unpaid_order_is_closed_by_hand_once(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    for _ in range(2):
        answer = await olga.post(f"/orders/{order['number']}/cancellation", json=WHY)
        assert (answer.status_code, answer.json()["status"]) == (200, "closed")

    assert world.market.seats[order["number"]]["status"] == "released"
    assert deeds(world) == [("olga", "order.close_asked", f"order:{order['number']}", WHY["reason"])]


async def test_a_paid_order_is_not_closed(world: World, ann: Shopper, olga: httpx.AsyncClient) -> None:
    order = await ann.ordered()
    await world.pay(order)
    before = world.everything()
    answer = await olga.post(f"/orders/{order['number']}/cancellation", json=WHY)

    assert code_of(answer) == (409, "already_paid")
    assert (world.everything(), deeds(world)) == (before, [])


async def test_closing_while_the_gateway_is_away_leaves_the_order_open_and_the_wish_on_record(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    world.network.away.add("alipay.test")
    before = world.everything()
    answer = await olga.post(f"/orders/{order['number']}/cancellation", json=WHY)

    assert code_of(answer) == (503, "unreachable")
    assert world.everything() == before
    assert [action for _, action, _, _ in deeds(world)] == ["order.close_asked"]
