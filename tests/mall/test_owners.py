"""K7, K8, K9: what is whose, which fields are anybody's to send, and who sets the price."""

from typing import Any

import pytest
from mall_builders import API, GROUP, TEA, Shopper, World
from mall_openapi import OPERATIONS, WITH_BODY, Operation
from tables import all_there_is

PUBLIC = {
    "GET /v1/settings",
    "GET /v1/products",
    "GET /v1/products/{product_id}",
    "GET /v1/teams",
    "GET /v1/teams/{team_id}",
    "POST /v1/login/tickets",
    "POST /v1/sessions/guest",
    "DELETE /v1/sessions/current",
}
TICKETS = {"GET /v1/login/tickets/{ticket_id}", "POST /v1/sessions"}  # Known by another cookie.
PRIVATE = [one for one in OPERATIONS if str(one) not in PUBLIC]
OWNED = [one for one in OPERATIONS if one.names & {"number", "ticket_id"}]
FORBIDDEN_FIELDS: dict[str, Any] = {
    "buyer_id": "somebody", "user_id": "somebody", "openid": "o-mallory", "is_admin": True, "role": "admin",
    "status": "paid", "payable_fen": 1, "list_fen": 1, "discount_fen": 99_99, "price": 1, "amount": "0.01",
    "pay_amount": 1, "seats_target": 1, "quantity": -1, "paid_at": "2026-11-23T04:00:00Z", "number": "X" * 20,
    "__proto__": {},
}  # fmt: skip


async def ids_of(shopper: Shopper) -> dict[str, str]:
    order = await shopper.ordered()
    ticket = (await shopper.browser.post(f"{API}/v1/login/tickets")).json()
    return {"number": order["number"], "ticket_id": ticket["id"], "team_id": "t", "product_id": "p"}


@pytest.mark.parametrize("operation", PRIVATE, ids=str)
async def test_a_stranger_gets_nothing_that_is_a_buyers(
    world: World, ann: Shopper, operation: Operation
) -> None:
    """Whatever is added to the API is private until it is listed above."""
    ids = await ids_of(ann)
    before = all_there_is(world.database)
    async with world.browser() as stranger, world.browser(cookie="tuan_session=guess") as guesser:
        answers = [await operation.ask(browser, ids) for browser in (stranger, guesser)]

    expected = (404, "not_found") if str(operation) in TICKETS else (401, "not_signed_in")
    assert [(one.status_code, one.json()["code"]) for one in answers] == [expected] * 2
    assert all_there_is(world.database) == before


@pytest.mark.parametrize("operation", OWNED, ids=str)
async def test_what_is_anothers_is_as_if_it_did_not_exist(
    world: World, ann: Shopper, bob: Shopper, operation: Operation
) -> None:
    """404 in the same words, and the same headers, as for what nobody has: no hint."""
    hers = await ids_of(ann)
    await bob.browser.post(f"{API}/v1/login/tickets")
    nobodys = {"number": "261123ABCDEFGHJKMNPQ", "ticket_id": "L" + "0" * 32}
    before, asked = all_there_is(world.database), list(world.market.asked)
    theirs, unknown = await operation.ask(bob.browser, hers), await operation.ask(bob.browser, nobodys)
    asked_for_bob = world.market.asked[len(asked) :]
    own = await operation.ask(ann.browser, hers)

    assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found")
    assert theirs.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}
    assert set(theirs.headers) == set(unknown.headers)
    assert own.status_code != 404, "the id was not Ann's at all"
    if not operation.changes:
        assert all_there_is(world.database) == before
    assert asked_for_bob == []


@pytest.mark.parametrize("operation", OWNED, ids=str)
async def test_trying_what_is_anothers_changes_nothing(
    world: World, ann: Shopper, bob: Shopper, operation: Operation
) -> None:
    hers = await ids_of(ann)
    before, asked = all_there_is(world.database), list(world.market.asked)
    await operation.ask(bob.browser, hers)

    assert all_there_is(world.database) == before
    assert (world.market.asked, world.alipay.asked) == (asked, [])


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
async def test_no_field_is_taken_that_was_not_asked_for(
    world: World, ann: Shopper, operation: Operation
) -> None:
    ids = await ids_of(ann)
    before = all_there_is(world.database)
    answers = {
        name: await operation.ask(ann.browser, ids, json={**(operation.body or {}), name: value})
        for name, value in FORBIDDEN_FIELDS.items()
    }

    assert {name: one.status_code for name, one in answers.items()} == dict.fromkeys(FORBIDDEN_FIELDS, 422)
    assert {one.json()["code"] for one in answers.values()} == {"invalid_request"}
    assert all_there_is(world.database) == before


async def test_the_price_is_the_markets_whatever_a_browser_says(world: World, ann: Shopper) -> None:
    prices = {"payable_fen": "1", "price": "1", "discount_fen": "12799"}
    answer = await ann.browser.post(
        f"{API}/v1/orders",
        json=GROUP,
        params=prices,
        headers={"idempotency-key": "press-01", "x-price": "1"},
    )

    assert (answer.status_code, answer.json()["payable_fen"]) == (201, 108_00)
    assert world.rows("SELECT payable_fen FROM mall_order") == [(108_00,)]


async def test_nobody_looks_through_another_by_naming_them(world: World, ann: Shopper, bob: Shopper) -> None:
    await ann.ordered()
    naming = {"buyer_id": ann.id, "user_id": ann.id}
    seen = await bob.browser.get(f"{API}/v1/orders", params=naming, headers={"x-user-id": ann.id})

    assert seen.json()["items"] == []


async def test_no_answer_tells_another_buyers_id(world: World, ann: Shopper, bob: Shopper) -> None:
    """K13: what is public about a team are masked names; ids are too long to be counted through."""
    order = await ann.ordered()
    await world.pay(order)
    answers = [
        await bob.browser.get(f"{API}{path}")
        for path in (f"/v1/teams/{order['team_id']}", f"/v1/products/{TEA}", "/v1/products")
    ]

    assert [one.status_code for one in answers] == [200] * 3
    for one in answers:
        assert ann.id not in one.text
        assert order["number"] not in one.text.replace(order["team_id"], "")
        assert "o-ann" not in one.text
    [member] = answers[0].json()["team"]["members"]
    assert member["nickname"].endswith("***")
