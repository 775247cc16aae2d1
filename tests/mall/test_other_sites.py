"""K6: whatever another site makes a browser send changes nothing, on any route there is."""

from typing import Any

import pytest
from mall_builders import API, TEA, Shopper, World
from mall_openapi import CHANGES, OPERATIONS, WITH_BODY, Operation
from tables import all_there_is

from tuan.mall.visitor import Cookies

EVIL = "http://evil.test"
HOSTILE: list[dict[str, str]] = [
    {"sec-fetch-site": "cross-site", "origin": EVIL},
    {"sec-fetch-site": "cross-site"},  # Without an Origin: no reason to believe it.
    {"sec-fetch-site": "same-site"},
    {"origin": EVIL},
    {"origin": "null"},
    {"origin": "http://["},
    {"origin": "https://shop.test:8443"},
    {"sec-fetch-site": "same-origin", "origin": "http://shop.test.evil.test"},
]
OURS: list[dict[str, str]] = [
    {},
    {"sec-fetch-site": "same-origin", "origin": "http://shop.test"},
    {"sec-fetch-site": "none"},
    {"origin": "http://127.0.0.1:8080", "host": "127.0.0.1:8080"},
]
# What a plain form, or a script that asks nobody's leave, can send.
PLAIN: dict[str, dict[str, Any]] = {
    "text": {"content": b'{"reason": "x"}', "headers": {"content-type": "text/plain"}},
    "no type": {"content": b'{"reason": "x"}'},
    "form": {"data": {"reason": "x", "ticket_id": "L1", "product_id": "9890002", "kind": "alone"}},
    "file": {"files": {"reason": b"x"}},
}


async def ids_of(world: World, ann: Shopper) -> dict[str, str]:
    """Of things that are Ann's, so that only the guard stands between another site and them."""
    order = await ann.ordered()
    ticket = (await ann.browser.post(f"{API}/v1/login/tickets")).json()
    return {
        "number": order["number"],
        "team_id": order["team_id"],
        "ticket_id": ticket["id"],
        "product_id": TEA,
    }


@pytest.mark.parametrize("operation", CHANGES, ids=str)
async def test_another_site_changes_nothing(world: World, ann: Shopper, operation: Operation) -> None:
    ids = await ids_of(world, ann)
    before = all_there_is(world.database)
    answers = [await operation.ask(ann.browser, ids, headers=headers) for headers in HOSTILE]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "forbidden")] * len(HOSTILE)
    assert all_there_is(world.database) == before


@pytest.mark.parametrize("headers", OURS, ids=str)
async def test_our_own_pages_and_programs_may(world: World, ann: Shopper, headers: dict[str, str]) -> None:
    answer = await ann.browser.post(f"{API}/v1/login/tickets", headers=headers)

    assert answer.status_code == 201


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
async def test_what_a_form_can_send_is_no_body_of_ours(
    world: World, ann: Shopper, operation: Operation, kind: str
) -> None:
    ids = await ids_of(world, ann)
    before = all_there_is(world.database)
    answer = await operation.ask(ann.browser, ids, **PLAIN[kind])

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert all_there_is(world.database) == before


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if not one.changes], ids=str)
async def test_looking_changes_nothing(world: World, ann: Shopper, operation: Operation) -> None:
    """A page of another site may well make a browser look."""
    ids = await ids_of(world, ann)
    before = all_there_is(world.database)
    answer = await operation.ask(ann.browser, ids, headers=HOSTILE[0])

    assert answer.status_code == 200
    assert all_there_is(world.database) == before


@pytest.mark.parametrize("public_url", ["http://shop.test", "https://shop.test"])
def test_every_cookie_stays_at_home(public_url: str) -> None:
    """There are two, and one function writes them: see test_sessions for what a browser gets."""
    names = {name for name in vars(Cookies(public_url)).values() if isinstance(name, str)}

    assert {name.removeprefix("__Host-") for name in names} == {"tuan_session", "tuan_login"}
    assert all(name.startswith("__Host-") for name in names) is public_url.startswith("https:")


@pytest.mark.parametrize("host", ["evil.test", "shop.test:80@evil.test"])
async def test_coming_back_from_the_cashier_leads_to_our_shop_and_nowhere_else(
    world: World, ann: Shopper, host: str
) -> None:
    """K15."""
    order = await ann.ordered()
    query = {"return_url": EVIL, "next": EVIL, "redirect_uri": f"//{host}"}
    async with world.browser(host=host, **{"x-forwarded-host": host}) as browser:
        answers = [
            await browser.get(f"{API}/return/alipay/{number}", params=query)
            for number in (order["number"], "261123NOBODYSNUMBER0", "..%2f..%2fevil.test")
        ]

    assert [one.headers.get("location") for one in answers] == [
        f"http://shop.test/orders/{order['number']}",
        "http://shop.test/orders",
        None,
    ]
