"""Shapes, codes, keys; and that what is documented is what is served."""

import json
from dataclasses import replace
from datetime import timedelta

import httpx
import psycopg
import pytest
from market_builders import API_KEY, CAMPAIGN, NOW, save_campaign
from market_processes import query

LOCK = {"buyer_id": "b1", "campaign_id": "summer", "goods_id": "tea", "channel": "app"}
QUOTE = {"buyer_id": "b1", "goods_id": "tea", "channel": "app"}
PAID = {"paid_at": NOW.isoformat()}
EVERYTHING = """
    SELECT count(*), (SELECT count(*) FROM seat), coalesce(sum(seats_taken), 0),
        coalesce(sum(seats_settled), 0), (SELECT count(*) FROM event) FROM team"""


async def test_a_quote_says_the_price_and_why(http: httpx.AsyncClient) -> None:
    quote = (await http.post("/v1/quotes", json=QUOTE)).json()

    assert (quote["list_fen"], quote["discount_fen"], quote["payable_fen"]) == (10000, 2000, 8000)
    assert (quote["campaign_id"], quote["seats_target"], quote["may_join"]) == ("summer", 5, True)
    assert [reason["code"] for reason in quote["reasons"]] == [
        "switches_open", "listing_found", "campaign_live", "audience_open", "discount_percent",
    ]  # fmt: skip


async def test_a_seat_is_locked_and_settled(http: httpx.AsyncClient) -> None:
    locked = await http.put("/v1/seats/T1", json=LOCK)
    again = await http.put("/v1/seats/T1", json=LOCK)
    settled = await http.put("/v1/seats/T1/settlement", json=PAID)
    found = await http.get("/v1/seats/T1")

    assert locked.status_code == 200
    assert again.json() == locked.json()
    seat = locked.json()
    assert (seat["status"], seat["list_fen"], seat["payable_fen"]) == ("locked", 10000, 8000)
    assert seat["team"] | {"closes_at": None} == {
        "status": "forming", "seats_target": 5, "seats_taken": 1, "seats_settled": 0, "closes_at": None,
    }  # fmt: skip
    assert settled.json()["status"] == "settled"
    assert settled.json()["team"]["seats_settled"] == 1
    assert found.json() == settled.json()


async def test_the_teams_that_need_the_fewest_come_first_and_full_or_closed_ones_not_at_all(
    http: httpx.AsyncClient, market_database: str
) -> None:
    teams = [
        (await http.put(f"/v1/seats/T{n}", json=LOCK | {"buyer_id": f"b{n}"})).json()["team_id"]
        for n in range(4)
    ]
    for n, team_id in [(10, teams[1]), *[(20 + n, teams[2]) for n in range(4)]]:
        await http.put(f"/v1/seats/T{n}", json=LOCK | {"buyer_id": f"b{n}", "team_id": team_id})
    with psycopg.connect(market_database) as connection:
        connection.execute(
            "UPDATE team SET opened_at = opened_at - interval '1 day',"
            " closes_at = closes_at - interval '1 day' WHERE id = %s",
            [teams[3]],
        )
        connection.execute("INSERT INTO source VALUES ('rival', 'rival', now())")
        connection.execute("INSERT INTO api_key VALUES (sha256('rival-key'), 'rival', now(), NULL)")

    shown = (await http.get("/v1/teams")).json()["teams"]
    first = (await http.get("/v1/teams?limit=1")).json()["teams"]
    theirs = (await http.get("/v1/teams", headers={"authorization": "Bearer rival-key"})).json()["teams"]

    assert [team["id"] for team in shown] == [teams[1], teams[0]]
    assert [member["buyer_id"] for member in shown[0]["members"]] == ["b1", "b10"]
    assert [team["id"] for team in first] == [teams[1]]
    assert theirs == []


async def test_a_team_is_shown_with_its_members_to_its_source_only(
    http: httpx.AsyncClient, market_database: str
) -> None:
    team_id = (await http.put("/v1/seats/T1", json=LOCK)).json()["team_id"]
    await http.put("/v1/seats/T2", json=LOCK | {"buyer_id": "b2", "team_id": team_id})
    with psycopg.connect(market_database) as connection:
        connection.execute("INSERT INTO source VALUES ('rival', 'rival', now())")
        connection.execute("INSERT INTO api_key VALUES (sha256('rival-key'), 'rival', now(), NULL)")

    ours = (await http.get(f"/v1/teams/{team_id}")).json()
    rival = {"authorization": "Bearer rival-key"}
    theirs = await http.get(f"/v1/teams/{team_id}", headers=rival)
    seat = await http.get("/v1/seats/T1", headers=rival)
    settled = await http.put("/v1/seats/T1/settlement", json=PAID, headers=rival)

    assert [(member["buyer_id"], member["opener"]) for member in ours["members"]] == [
        ("b1", True),
        ("b2", False),
    ]
    assert (theirs.status_code, seat.status_code, settled.status_code) == (404, 404, 404)
    assert query(market_database, EVERYTHING) == [(1, 2, 2, 0, 0)]


async def test_joinable_teams_begin_with_ones_own_and_skip_the_full(
    http: httpx.AsyncClient, market_database: str
) -> None:
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE terms SET seats_target = 2")
    teams = [
        (await http.put(f"/v1/seats/T{n}", json=LOCK | {"buyer_id": f"b{n}"})).json()["team_id"]
        for n in range(3)
    ]
    await http.put("/v1/seats/T9", json=LOCK | {"buyer_id": "b9", "team_id": teams[0]})

    asked = {"channel": "app", "buyer_id": "b2"}
    shown = (await http.get("/v1/goods/tea/teams", params=asked)).json()
    nothing = (await http.get("/v1/goods/coffee/teams", params=asked)).json()

    assert [team["id"] for team in shown["teams"]] == [teams[2], teams[1]]
    assert shown["statistics"] == {"teams_opened": 3, "teams_formed": 0, "buyers": 4}
    assert (nothing["campaign_id"], nothing["teams"]) == (None, [])


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("T2", LOCK, 409, "take_limit_reached"),
        ("T1", LOCK | {"buyer_id": "b2"}, 409, "order_number_reused"),
        ("T1", LOCK | {"goods_id": "coffee"}, 409, "order_number_reused"),
        ("T9/settlement", PAID, 404, "not_found"),
        ("T1/settlement", {"paid_at": (NOW + timedelta(hours=1)).isoformat()}, 422, "invalid_request"),
        ("T1/settlement", {"paid_at": "2026-01-01T00:00:00"}, 422, "invalid_request"),
        ("T1/settlement", {"paid_at": "0001-01-01T00:00:00+14:00"}, 422, "invalid_request"),
        ("T1/settlement", {}, 422, "invalid_request"),
        ("T3", LOCK | {"buyer_id": "b3", "team_id": "nowhere"}, 404, "not_found"),
        ("T3", LOCK | {"buyer_id": "b3", "goods_id": "coffee"}, 404, "no_listing"),
        ("T3", LOCK | {"buyer_id": "b3", "campaign_id": "winter"}, 409, "listing_changed"),
        ("T3", LOCK | {"buyer_id": "\0"}, 422, "invalid_request"),
        ("T3", LOCK | {"buyer_id": "\ud800"}, 422, "invalid_request"),
        ("T3", LOCK | {"buyer_id": "b" * 65}, 422, "invalid_request"),
        ("T3", LOCK | {"buyer_id": 3}, 422, "invalid_request"),
        ("T3", LOCK | {"buyer_id": ""}, 422, "invalid_request"),
        ("T3", LOCK | {"buyer_id": "b3", "payable_fen": 1}, 422, "invalid_request"),
        ("T3", [], 422, "invalid_request"),
        ("T3", None, 422, "invalid_request"),
        ("T" * 65, LOCK | {"buyer_id": "b3"}, 422, "invalid_request"),
        ("T%00", LOCK | {"buyer_id": "b3"}, 422, "invalid_request"),
        ("%F0%9F%98%80", LOCK | {"buyer_id": "b3"}, 422, "invalid_request"),
    ],
)
async def test_a_refusal_says_why_and_changes_nothing(
    http: httpx.AsyncClient, market_database: str, path: str, body: object, status: int, code: str
) -> None:
    await http.put("/v1/seats/T1", json=LOCK)
    content = json.dumps(body)

    answer = await http.put(f"/v1/seats/{path}", content=content)

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert query(market_database, EVERYTHING) == [(1, 1, 1, 0, 0)]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {API_KEY}", API_KEY, "Bearer \xff"])
async def test_without_a_valid_key_nobody_is_served(
    http: httpx.AsyncClient, market_database: str, header: str
) -> None:
    headers = {b"authorization": header.encode("latin-1")}
    answers = [
        await http.put("/v1/seats/T1", json=LOCK, headers=headers),
        await http.put("/v1/seats/T1/settlement", json=PAID, headers=headers),
        await http.post("/v1/quotes", json=QUOTE, headers=headers),
        await http.get("/v1/seats/T1", headers=headers),
        await http.get("/v1/teams/x", headers=headers),
        await http.get("/v1/goods/tea/teams?channel=app&buyer_id=b", headers=headers),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "unauthorized")}
    assert query(market_database, EVERYTHING) == [(0, 0, 0, 0, 0)]


async def test_a_campaign_that_ended_quotes_and_locks_no_more(
    http: httpx.AsyncClient, market_database: str
) -> None:
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE campaign SET status = 'ended'")

    answers = [await http.put("/v1/seats/T1", json=LOCK), await http.post("/v1/quotes", json=QUOTE)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "campaign_closed")
    ] * 2
    assert query(market_database, EVERYTHING) == [(0, 0, 0, 0, 0)]


async def test_a_body_over_the_limit_is_refused(http: httpx.AsyncClient, market_database: str) -> None:
    async def drip() -> object:
        for _ in range(70):
            yield b" " * 1024

    declared = await http.put("/v1/seats/T1", content=b" " * 65_537)
    lied = await http.put("/v1/seats/T1", content=drip())  # type: ignore[arg-type]

    assert [(answer.status_code, answer.json()["code"]) for answer in (declared, lied)] == [
        (413, "body_too_large")
    ] * 2
    assert query(market_database, EVERYTHING) == [(0, 0, 0, 0, 0)]


async def test_the_hot_routes_are_documented(http: httpx.AsyncClient) -> None:
    documented = (await http.get("/openapi.json")).json()

    put = documented["paths"]["/v1/seats/{out_trade_no}"]["put"]
    answer = put["responses"]["200"]["content"]["application/json"]["schema"]
    assert put["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("LockBody")
    assert answer["$ref"].endswith("SeatView")
    assert put["security"] == [{"HTTPBearer": []}]
    assert {"/v1/quotes", "/v1/seats/{out_trade_no}/settlement"} < documented["paths"].keys()


async def test_probes_and_pages(http: httpx.AsyncClient) -> None:
    await http.put("/v1/seats/T1", json=LOCK)
    answers = {path: await http.get(path) for path in ("/healthz", "/readyz", "/metrics", "/docs")}

    assert {answer.status_code for answer in answers.values()} == {200}
    assert (
        'tuan_requests_total{method="PUT",route="/v1/seats/{out_trade_no}",status="200"} 1.0'
        in answers["/metrics"].text
    )
    assert "https://" not in answers["/docs"].text


async def test_an_unmigrated_database_is_not_ready(spare_database: str) -> None:
    from tuan.market.app import build
    from tuan.market.config import MarketSettings

    service = build(MarketSettings(database_url=spare_database))
    async with service.opened():
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://market") as http:
            assert (await http.get("/healthz")).status_code == 200
            assert (await http.get("/readyz")).json()["code"] == "unreachable"


async def test_two_campaigns_of_two_sources_do_not_mix(http: httpx.AsyncClient, market_database: str) -> None:

    theirs = replace(
        CAMPAIGN,
        id="theirs",
        terms=replace(
            CAMPAIGN.terms,
            id="theirs-1",
            campaign_id="theirs",
            discount=replace(CAMPAIGN.terms.discount, id="d2"),
        ),
    )
    save_campaign(market_database, theirs, source="rival", key="rival-key")
    rival = {"authorization": "Bearer rival-key"}
    team_id = (await http.put("/v1/seats/T1", json=LOCK)).json()["team_id"]

    same_number = await http.put("/v1/seats/T1", json=LOCK | {"campaign_id": "theirs"}, headers=rival)
    foreign_team = await http.put(
        "/v1/seats/T2",
        json=LOCK | {"buyer_id": "b2", "campaign_id": "theirs", "team_id": team_id},
        headers=rival,
    )

    assert same_number.json()["team_id"] != team_id
    assert (foreign_team.status_code, foreign_team.json()["code"]) == (404, "not_found")
    assert query(market_database, EVERYTHING) == [(2, 2, 2, 0, 0)]
