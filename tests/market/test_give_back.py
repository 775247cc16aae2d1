"""A seat comes back: by request in every state, once, and never to be sold twice."""

from datetime import timedelta

import httpx
import psycopg
import pytest
from market_builders import NOW
from market_processes import query

from tuan.kernel.clock import utc_now
from tuan.kernel.service import Service

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
PAID = {"paid_at": NOW.isoformat()}
TEAM = "SELECT status, seats_taken, seats_settled FROM team"
EVENTS = "SELECT kind, about FROM event ORDER BY kind, about"


@pytest.fixture
async def team(http: httpx.AsyncClient, market_database: str) -> str:
    """Of two: T1 has locked and paid, T2 has locked."""
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE terms SET seats_target = 2")
    team_id = (await lock(http, 1)).json()["team_id"]
    await http.put("/v1/seats/T1/settlement", json=PAID)
    await lock(http, 2, team_id=team_id)
    return str(team_id)


async def lock(
    http: httpx.AsyncClient, n: int, *, team_id: str | None = None, buyer: str = ""
) -> httpx.Response:
    body = LOCK | {"buyer_id": buyer or f"b{n}", "team_id": team_id}
    return await http.put(f"/v1/seats/T{n}", json=body)


async def give_back(http: httpx.AsyncClient, n: int) -> tuple[int, str, str]:
    answer = await http.put(f"/v1/seats/T{n}/release", json={})
    seat = answer.json()
    return answer.status_code, seat.get("status"), seat.get("team", {}).get("status")


async def test_an_unpaid_seat_in_a_forming_team_is_free_again(
    http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    assert await give_back(http, 2) == (200, "released", "forming")
    assert query(market_database, TEAM) == [("forming", 1, 1)]
    assert query(market_database, EVENTS) == [("seat.released", "T2")]

    again = await lock(http, 3, team_id=team)
    assert again.json()["team"]["seats_taken"] == 2


async def test_a_paid_seat_in_a_forming_team_is_free_again_and_its_money_owed(
    http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    assert await give_back(http, 1) == (200, "refunded", "forming")
    assert query(market_database, TEAM) == [("forming", 1, 0)]
    assert query(market_database, EVENTS) == [("seat.refunded", "T1")]

    assert (await lock(http, 3, team_id=team)).status_code == 200


async def test_a_formed_team_stays_formed_and_its_seat_is_not_sold_again(
    http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    await http.put("/v1/seats/T2/settlement", json=PAID)

    assert await give_back(http, 1) == (200, "refunded", "formed")

    assert query(market_database, TEAM) == [("formed", 2, 2)]
    assert query(market_database, EVENTS) == [("seat.refunded", "T1"), ("team.formed", team)]
    assert (await lock(http, 3, team_id=team)).json()["code"] == "team_closed"


@pytest.mark.parametrize("n", [1, 2])
async def test_asking_again_gets_the_same_answer_and_changes_nothing(
    http: httpx.AsyncClient, team: str, market_database: str, n: int
) -> None:
    first = await http.put(f"/v1/seats/T{n}/release", json={})
    before = query(market_database, TEAM), query(market_database, EVENTS)

    again = await http.put(f"/v1/seats/T{n}/release", json={})

    assert again.json() == first.json()
    assert (query(market_database, TEAM), query(market_database, EVENTS)) == before


async def test_a_seat_given_back_cannot_be_paid_for_or_locked_again_under_its_number(
    http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    await give_back(http, 2)

    paid = await http.put("/v1/seats/T2/settlement", json=PAID)
    locked = await lock(http, 2, team_id=team)

    assert (paid.status_code, paid.json()["code"]) == (409, "seat_gone")
    assert locked.json()["status"] == "released"  # The number answers for the seat it had.
    assert query(market_database, TEAM) == [("forming", 1, 1)]


async def test_what_was_given_back_does_not_count_against_the_take_limit(
    http: httpx.AsyncClient, team: str
) -> None:
    assert (await lock(http, 3, buyer="b2")).json()["code"] == "take_limit_reached"
    await give_back(http, 2)
    assert (await lock(http, 4, buyer="b2", team_id=team)).status_code == 200


async def test_an_unknown_number_and_another_sources_are_not_found(
    http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    with psycopg.connect(market_database) as connection:
        connection.execute("INSERT INTO source VALUES ('rival', 'rival', now())")
        connection.execute("INSERT INTO api_key VALUES (sha256('rival-key'), 'rival', now(), NULL)")

    unknown = await http.put("/v1/seats/T9/release", json={})
    rival = await http.put("/v1/seats/T1/release", json={}, headers={"authorization": "Bearer rival-key"})

    assert (unknown.status_code, rival.status_code) == (404, 404)
    assert (query(market_database, TEAM), query(market_database, EVENTS)) == ([("forming", 2, 1)], [])


async def test_a_hold_that_ends_frees_its_seat_and_the_caller_is_told(
    market: Service, http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE seat SET hold_until = now() - interval '1 second'")

    await market.drain()
    await market.drain()

    assert query(market_database, TEAM) == [("forming", 1, 1)]  # Who has paid keeps their seat.
    assert query(market_database, "SELECT out_trade_no, status FROM seat ORDER BY 1") == [
        ("T1", "settled"), ("T2", "released"),
    ]  # fmt: skip
    assert query(market_database, "SELECT kind, data ->> 'reason' FROM event") == [
        ("seat.released", "expired")
    ]


async def test_a_hold_that_has_not_ended_stays(
    market: Service, http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    await market.drain()

    assert query(market_database, TEAM) == [("forming", 2, 1)]


def close(url: str, *, ago: timedelta) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE team SET opened_at = now() - interval '1 day', closes_at = now() - %s::interval", [ago]
        )


async def test_a_team_that_does_not_fill_fails_and_everything_is_owed_back(
    market: Service, http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    close(market_database, ago=timedelta(minutes=6))

    await market.drain()
    await market.drain()

    assert query(market_database, TEAM) == [("failed", 2, 1)]
    assert query(market_database, "SELECT out_trade_no, status FROM seat ORDER BY 1") == [
        ("T1", "refunded"), ("T2", "released"),
    ]  # fmt: skip
    [(kind, about, owed, unpaid)] = query(
        market_database,
        "SELECT kind, about, data -> 'out_trade_nos', data -> 'released_out_trade_nos' FROM event",
    )
    assert (kind, about, owed, unpaid) == ("team.failed", team, ["T1"], ["T2"])
    assert await give_back(http, 1) == (200, "refunded", "failed")
    paid = await http.put("/v1/seats/T2/settlement", json=PAID)
    assert paid.json()["code"] == "seat_gone"


async def test_within_the_grace_a_payment_made_in_time_still_forms_the_team(
    market: Service, http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    close(market_database, ago=timedelta(minutes=1))
    in_time = {"paid_at": (utc_now() - timedelta(minutes=10)).isoformat()}
    too_late = {"paid_at": utc_now().isoformat()}

    await market.drain()
    joined = await lock(http, 3, team_id=team)
    late = await http.put("/v1/seats/T2/settlement", json=too_late)
    settled = await http.put("/v1/seats/T2/settlement", json=in_time)

    assert joined.json()["code"] == "team_closed"
    assert late.json()["code"] == "team_closed"
    assert settled.json()["team"]["status"] == "formed"
    assert query(market_database, EVENTS) == [("team.formed", team)]


async def test_a_sweep_that_slept_for_hours_catches_up_at_once(
    market: Service, http: httpx.AsyncClient, market_database: str
) -> None:
    for n in range(230):
        await lock(http, n)
    close(market_database, ago=timedelta(hours=9))

    await market.drain()

    assert query(market_database, "SELECT status, count(*) FROM team GROUP BY 1") == [("failed", 230)]
    assert query(market_database, "SELECT status, count(*) FROM seat GROUP BY 1") == [("released", 230)]
    assert query(market_database, "SELECT kind, count(*) FROM event GROUP BY 1") == [("team.failed", 230)]


async def test_a_campaign_ends_by_time_and_its_teams_live_on(
    market: Service, http: httpx.AsyncClient, team: str, market_database: str
) -> None:
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE campaign SET ends_at = now()")

    await market.drain()
    settled = await http.put("/v1/seats/T2/settlement", json=PAID)

    assert query(market_database, "SELECT status FROM campaign") == [("ended",)]
    assert settled.json()["team"]["status"] == "formed"
