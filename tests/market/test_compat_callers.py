"""Who may speak on the original's paths, and where they are told what became of their teams."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from market_builders import API_KEY
from market_original import CONFIG, LOCK, TOLD_AT, WHAT, OldMall, an_old_mall
from market_processes import query

EVERYTHING = "SELECT (SELECT count(*) FROM team), (SELECT count(*) FROM seat), (SELECT count(*) FROM event)"


@pytest.fixture
async def mall(market_database: str) -> AsyncIterator[OldMall]:
    async with an_old_mall(market_database) as mall:
        yield mall


async def test_a_page_may_ask_from_anywhere_and_only_the_index(mall: OldMall) -> None:
    preflight = {
        "origin": "http://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }

    index = await mall.http.options(CONFIG, headers=preflight)
    trade = await mall.http.options(LOCK, headers=preflight)
    asked = WHAT | {"userId": "buyer-0001", "goodsId": "none"}
    refused = await mall.http.post(CONFIG, json=asked, headers={"origin": "http://shop.example"})

    assert (index.status_code, index.headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-origin" not in trade.headers
    assert (refused.json()["code"], refused.headers["access-control-allow-origin"]) == ("E0002", "*")


@pytest.mark.parametrize(
    "changes",
    [
        {"notifyUrl": "http://169.254.169.254/latest"},
        {"notifyUrl": f"{TOLD_AT}/"},
        {"notifyUrl": "http://rival.test/told"},
        {"notifyUrl": "暂无"},
        {"notifyConfigVO": {"notifyType": "HTTP", "notifyUrl": "http://elsewhere.test/"}},
        {"notifyConfigVO": {"notifyType": "HTTP"}},
        {"notifyConfigVO": {"notifyType": "MQ", "notifyMQ": "topic.team_success"}},
    ],
)
async def test_nobody_is_told_where_their_source_is_not_registered(
    mall: OldMall, changes: dict[str, Any]
) -> None:
    mall.change("INSERT INTO source VALUES ('s02', 's02', now())")
    mall.change(
        "INSERT INTO endpoint (id, source, url, format, secret, created_at)"
        " VALUES ('rival', 's02', 'http://rival.test/told', 'original', 'whsec_', now())"
    )

    assert (await mall.lock(1, **changes))["code"] == "0002"
    assert query(mall.url, EVERYTHING) == [(0, 0, 0)]


async def test_the_later_form_of_the_callback_address_will_do_until_the_endpoint_is_disabled(
    mall: OldMall,
) -> None:
    later: dict[str, Any] = {
        "notifyUrl": None,
        "notifyConfigVO": {"notifyType": "HTTP", "notifyUrl": TOLD_AT},
    }

    told = await mall.lock(1, **later)
    mall.change("UPDATE endpoint SET disabled_at = now()")
    untold = await mall.lock(2, **later)

    assert (told["code"], untold["code"]) == ("0000", "0002")
    assert mall.counts() == [("forming", 1, 0)]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {API_KEY}", "Bearer key-of-s02"])
async def test_only_the_key_of_a_source_speaks_for_it(mall: OldMall, header: str) -> None:
    mall.change("INSERT INTO source VALUES ('s02', 's02', now())")
    mall.change("INSERT INTO api_key VALUES (sha256('key-of-s02'), 's02', now(), NULL)")
    await mall.lock(1)
    mall.http.headers["authorization"] = header

    answers = [await mall.lock(2), await mall.settle(1), await mall.refund(1)]

    assert [answer["code"] for answer in answers] == ["0002"] * 3
    assert mall.counts() == [("forming", 1, 0)]


@pytest.mark.parametrize(
    ("address", "headers", "code"),
    [
        ("10.1.2.3", {}, "0000"),
        ("::ffff:10.1.2.3", {}, "0000"),
        ("10.2.0.1", {}, "0002"),
        ("10.2.0.1", {"x-forwarded-for": "10.1.2.3"}, "0002"),
        ("10.1.2.3", {"origin": "http://evil.example"}, "0002"),
        ("10.1.2.3", {"authorization": "Bearer wrong"}, "0002"),
        ("unix", {}, "0002"),
    ],
)
async def test_a_trusted_address_needs_no_key_unless_a_browser_calls_from_it(
    market_database: str, address: str, headers: dict[str, str], code: str
) -> None:
    async with an_old_mall(market_database, trusted_callers=["10.1.0.0/16"]) as mall:
        transport = httpx.ASGITransport(mall.market.app, client=(address, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://market", headers=headers) as http:
            mall.http = http
            assert (await mall.lock(1))["code"] == code
        assert len(mall.counts()) == (code == "0000")


async def test_a_team_is_found_by_the_number_the_page_shows_and_by_its_own_source(mall: OldMall) -> None:
    number = (await mall.lock(1))["data"]["teamId"]
    mall.change("INSERT INTO source VALUES ('s02', 's02', now())")
    mall.change("INSERT INTO api_key VALUES (sha256('key-of-s02'), 's02', now(), NULL)")
    rival = {"authorization": "Bearer key-of-s02"}

    found = await mall.http.get(f"/v1/teams/by-number/{number}")
    theirs = await mall.http.get(f"/v1/teams/by-number/{number}", headers=rival)
    unknown = await mall.http.get("/v1/teams/by-number/99999999")

    [(team_id,)] = query(mall.url, "SELECT id FROM team")
    assert (found.json()["id"], found.json()["seats_taken"]) == (team_id, 1)
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert (theirs.json()["code"], unknown.json()["code"]) == ("not_found", "not_found")
