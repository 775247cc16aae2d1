"""Who is at the mall's console: the market says so, and for a while also when it cannot be asked."""

import httpx
import pytest
from mall_builders import World
from mall_console_builders import a_browser, a_session, code_of

from tuan.kernel.ids import fingerprint, new_secret
from tuan.mall.market_operators import REMEMBERED_MAX, Operators, SignInUnknown
from tuan.mall.operator import Operator, Role

OLGA = {
    "id": "olga",
    "name": "olga",
    "role": "operator",
    "permissions": ["look", "pay_back", "sell", "serve"],
}


async def test_whom_the_market_knows_is_signed_in_here(world: World, olga: httpx.AsyncClient) -> None:
    answer = await olga.get("/me")

    assert (answer.status_code, answer.json()) == (200, OLGA)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("cookie", ["x", "A" * 43, "x; tuan_session=1", "a b", "é" * 43, "A" * 10_000])
async def test_a_forged_cookie_is_nobody(world: World, cookie: str) -> None:
    async with a_browser(world) as browser:
        forged = f"tuan_operator={cookie}".encode()
        answer = await browser.get("/me", headers=[(b"cookie", forged)])

    assert code_of(answer) == (401, "not_signed_in")
    assert all(seen == f"tuan_operator={'A' * 43}" for seen in world.market.cookies_seen)


async def test_only_the_operators_own_cookies_are_handed_on_and_the_market_chooses(world: World) -> None:
    """Over https the market believes the name that is kept to its host, and no other."""
    secret, other = a_session(world, "viewer", name="vera"), "B" * 43
    async with a_browser(world) as browser:
        browser.cookies.update(
            {"tuan_session": "mine", "__Host-tuan_operator": other, "tuan_operator": secret, "theme": "dark"}
        )
        assert (await browser.get("/me")).json()["name"] == "vera"

    assert world.market.cookies_seen == [f"__Host-tuan_operator={other}; tuan_operator={secret}"]


async def test_an_answer_counts_for_five_seconds_and_is_then_asked_for_again(
    world: World, olga: httpx.AsyncClient
) -> None:
    await olga.get("/me")
    world.clock.pass_by(seconds=4.9)
    await olga.get("/me")
    assert len(world.market.cookies_seen) == 1

    world.market.operators.clear()  # Signed out, or dismissed.
    world.clock.pass_by(seconds=0.1)
    assert code_of(await olga.get("/me")) == (401, "not_signed_in")
    world.network.away.add("market.test")
    assert code_of(await olga.get("/me")) == (503, "sign_in_unknown")


async def test_another_role_counts_from_the_next_answer_on(world: World, olga: httpx.AsyncClient) -> None:
    await olga.get("/me")
    [secret] = world.market.operators
    world.market.operators[secret]["role"] = "viewer"
    world.clock.pass_by(seconds=5)

    assert (await olga.get("/me")).json() == OLGA | {"role": "viewer", "permissions": ["look"]}


async def test_while_the_market_is_away_its_last_answer_counts_for_five_minutes(
    world: World, olga: httpx.AsyncClient
) -> None:
    await olga.get("/me")
    world.network.away.add("market.test")
    world.clock.pass_by(minutes=4, seconds=59)
    assert (await olga.get("/me")).json() == OLGA

    world.clock.pass_by(seconds=1)
    refused = await olga.get("/me")
    assert code_of(refused) == (503, "sign_in_unknown")
    assert refused.headers["retry-after"] == "5"

    world.network.away.clear()
    assert (await olga.get("/me")).json() == OLGA


async def test_nobody_new_comes_in_while_the_market_is_away(world: World) -> None:
    world.network.away.add("market.test")
    async with a_browser(world, Role.ADMIN) as browser:
        assert code_of(await browser.get("/me")) == (503, "sign_in_unknown")


async def test_a_market_that_is_silent_is_asked_about_an_operator_once_in_five_seconds(world: World) -> None:
    asked = 0

    async def silent(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            return httpx.Response(200, json={"id": "1", "name": "olga", "role": "operator"})
        raise httpx.ReadTimeout("silent", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(silent)) as http:
        operators, cookies = Operators(http, url="http://market.test"), {"tuan_operator": new_secret()}
        for _ in range(4):
            await operators.who_is(cookies, now=world.clock())
            world.clock.pass_by(seconds=4)
    assert asked == 2  # At the start, after eight seconds, and not after twelve.


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"code": "internal_error"}),
        httpx.Response(429, json={"code": "too_many"}),
        httpx.Response(302, headers={"location": "http://elsewhere.test"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"id": "1", "name": "olga", "role": "owner"}),
    ],
    ids=["broken", "busy", "elsewhere", "no JSON", "a role we do not know"],
)
async def test_an_answer_that_is_none_lets_nobody_in(world: World, answer: httpx.Response) -> None:
    transport = httpx.MockTransport(lambda _: answer)
    async with httpx.AsyncClient(transport=transport) as http:
        operators = Operators(http, url="http://market.test")
        with pytest.raises(SignInUnknown):
            await operators.who_is({"tuan_operator": new_secret()}, now=world.clock())


async def test_what_is_remembered_is_bounded_and_holds_no_cookie(world: World) -> None:
    me = httpx.Response(200, json={"id": "1", "name": "olga", "role": "operator"})
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: me)) as http:
        operators = Operators(http, url="http://market.test")
        for n in range(REMEMBERED_MAX + 3):
            await operators.who_is({"tuan_operator": f"{n:043}"}, now=world.clock())

    kept = operators._known
    assert len(kept) == REMEMBERED_MAX
    assert next(iter(kept)) == fingerprint(f"tuan_operator={3:043}")
    assert kept.popitem()[1].operator == Operator(id="1", name="olga", role=Role.OPERATOR)


@pytest.mark.parametrize(
    "said",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}],
)
async def test_no_other_site_changes_anything_through_an_operators_browser(
    world: World, ada: httpx.AsyncClient, said: dict[str, str]
) -> None:
    answer = await ada.post("/products", json={}, headers=said)

    assert code_of(answer) == (403, "forbidden")
    assert world.market.cookies_seen == []
