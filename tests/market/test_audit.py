"""Each audit finds the corruption planted for it, and nothing in a market that was only used."""

from datetime import timedelta

import httpx
import psycopg
import pytest
from market_builders import NOW

from tuan.kernel.audit import audit
from tuan.kernel.clock import utc_now
from tuan.kernel.service import Service
from tuan.market.store_audit import RULES

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}

PLANTED = {
    "team_counts": "UPDATE team SET seats_taken = seats_taken + 1 WHERE status = 'forming'",
    "team_bounds": "UPDATE team SET seats_settled = -1, seats_taken = 0 WHERE status = 'failed'",
    "team_status": "UPDATE team SET closed_at = NULL WHERE status = 'formed'",
    "held_in_closed_team": "UPDATE team SET status = 'failed', closed_at = now() WHERE status = 'forming'",
    "one_seat_per_buyer_and_team": "UPDATE seat SET buyer_id = 'b1', team_id = 'x', status = 'settled'",
    "take_limit": "UPDATE seat SET buyer_id = 'b1' WHERE status IN ('settled', 'locked')",
    "order_number": "UPDATE seat SET out_trade_no = 'T1'",
    "price": "UPDATE seat SET payable_fen = payable_fen - 1 WHERE out_trade_no = 'T1'",
    "seat_matches_team": "UPDATE seat SET goods_id = 'coffee' WHERE out_trade_no = 'T1'",
    "time_order": "UPDATE seat SET paid_at = now() + interval '9 years' WHERE status = 'settled'",
    "one_event_per_outcome": "DELETE FROM event WHERE kind = 'team.formed'",
    "formed_names_its_seats": """UPDATE event SET data = data || '{"out_trade_nos": []}'""",
    "event_for_every_return": "DELETE FROM event WHERE kind = 'seat.released'",
    "team_stuck_forming": "UPDATE team SET closes_at = now() - interval '2 hours' WHERE status = 'forming'",
    "hold_not_released": "UPDATE seat SET hold_until = now() - interval '2 hours' WHERE status = 'locked'",
    "delivery_owed": "DELETE FROM procrastinate_jobs",
}


@pytest.fixture
async def lived_in(market: Service, http: httpx.AsyncClient, market_database: str) -> str:
    """A formed team with a seat refunded after, a failed one, and a forming one that lost a seat."""
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE terms SET seats_target = 2")
        connection.execute(
            "INSERT INTO endpoint VALUES ('e1', 'mall', 'https://mall.test/', 'whsec_YQ==', now())"
        )
    teams: dict[str, str] = {}
    for n, team in (
        (1, "formed"),
        (2, "formed"),
        (3, "failed"),
        (4, "failed"),
        (5, "forming"),
        (6, "forming"),
    ):
        body = LOCK | {"buyer_id": f"b{n}", "team_id": teams.get(team)}
        teams[team] = (await http.put(f"/v1/seats/T{n}", json=body)).json()["team_id"]
    for n in (1, 2, 3):
        await http.put(f"/v1/seats/T{n}/settlement", json={"paid_at": NOW.isoformat()})
    for n in (2, 6):
        await http.put(f"/v1/seats/T{n}/release", json={})
    with psycopg.connect(market_database) as connection:
        connection.execute(
            "UPDATE seat SET locked_at = locked_at - interval '1 day', paid_at = paid_at - interval '1 day'"
            " WHERE team_id = %s", [teams["failed"]],
        )  # fmt: skip
        connection.execute(
            "UPDATE team SET opened_at = now() - interval '1 day', closes_at = now() - interval '1 hour'"
            " WHERE id = %s", [teams["failed"]],
        )  # fmt: skip
    await market.drain()
    return market_database


def found(url: str) -> set[str]:
    return {finding.rule.name for finding in audit(url, RULES, overdue=utc_now() - timedelta(minutes=6))}


async def test_a_market_that_was_only_used_breaks_no_rule(lived_in: str) -> None:
    assert found(lived_in) == set()


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
async def test_a_planted_corruption_is_found(lived_in: str, rule: str, market_database: str) -> None:
    """In copies of the tables without their constraints, which would refuse most of these."""
    with psycopg.connect(market_database) as connection:
        connection.execute("CREATE SCHEMA aside")
    try:
        with psycopg.connect(market_database) as connection:
            for table in ("team", "seat", "event", "delivery"):
                connection.execute(f"CREATE TABLE aside.{table} AS TABLE public.{table}".encode())
        aside = (
            f"{market_database}{'&' if '?' in market_database else '?'}options=-csearch_path%3Daside,public"
        )
        with psycopg.connect(aside) as connection:
            if rule == "delivery_owed":
                connection.execute("UPDATE delivery SET status = 'pending'")
            connection.execute(PLANTED[rule].encode())

        assert rule in found(aside)
    finally:
        with psycopg.connect(market_database) as connection:
            connection.execute("DROP SCHEMA aside CASCADE")
