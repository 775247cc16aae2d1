"""An operator signs in once, at the market, and is at home in both consoles; over http and over https."""

from collections.abc import AsyncIterator

import httpx
import pytest
from story_world import Room

from tuan.keyring import Keyring
from tuan.up import build_parts, load_demo, opened, whole

MARKET, MALL = "/api/market/console/v1", "/api/mall/v1/console"


@pytest.fixture(params=["http://tuan.test", "https://tuan.test"])
async def browser(
    request: pytest.FixtureRequest,
    market_database: str,
    mall_database: str,
    sandbox_database: str,
    keyring: Keyring,
) -> AsyncIterator[httpx.AsyncClient]:
    url: str = request.param
    databases = {"market": market_database, "mall": mall_database, "sandbox": sandbox_database}
    await load_demo(url, databases, keyring)
    room = Room()
    parts = build_parts(url, databases, keyring, transport=room)
    room.inside = httpx.ASGITransport(whole(parts))
    async with (
        opened(list(parts.by_prefix.values())),
        httpx.AsyncClient(transport=room, base_url=url) as browser,
    ):
        yield browser


async def test_one_sign_in_opens_both_consoles(browser: httpx.AsyncClient, keyring: Keyring) -> None:
    assert (await browser.get(f"{MALL}/me")).status_code == 401

    body = {"name": "admin", "password": keyring.operator_password}
    signed_in = await browser.post(f"{MARKET}/sessions", json=body)
    assert signed_in.status_code == 201, signed_in.text
    here = (await browser.get(f"{MALL}/me")).json()
    assert {name: here[name] for name in ("id", "name", "role")} == {
        name: signed_in.json()[name] for name in ("id", "name", "role")
    }
    assert here["permissions"] == ["account", "look", "pay_back", "sell", "serve"]

    shelved = await browser.put(f"{MALL}/products/9890001/shelf", json={"is_on_shelf": False})
    assert shelved.status_code == 200
    deeds = (await browser.get(f"{MALL}/deeds")).json()["items"]
    assert [deed["operator_id"] for deed in deeds] == [here["id"]]


async def test_a_secret_under_the_name_of_the_other_scheme_is_nobody(
    browser: httpx.AsyncClient, keyring: Keyring
) -> None:
    body = {"name": "admin", "password": keyring.operator_password}
    await browser.post(f"{MARKET}/sessions", json=body)
    [(name, secret)] = browser.cookies.items()
    browser.cookies.clear()
    other = {"tuan_operator": "__Host-tuan_operator", "__Host-tuan_operator": "tuan_operator"}[name]

    answer = await browser.get(f"{MALL}/me", headers={"cookie": f"{other}={secret}"})
    assert answer.status_code == 401
    answer = await browser.get(f"{MALL}/me", headers={"cookie": f"{name}={secret}"})
    assert answer.status_code == 200
