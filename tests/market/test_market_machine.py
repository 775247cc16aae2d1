"""Hypothesis lives in a market: opens, joins, pays late and twice, gives back, lets time pass.

A model that does one thing at a time says what the real API must answer, and what must then stand in
the database. Its clock is the market's clock.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from market_builders import API_KEY, CAMPAIGN, NOW, TERMS, save_campaign

from conftest import emptied
from tuan.kernel.audit import audit
from tuan.market.app import build
from tuan.market.config import MarketSettings
from tuan.market.store_audit import RULES

TARGET, TAKE_LIMIT, GRACE = 2, 2, timedelta(minutes=5)
TEAM_LASTS, HOLD_LASTS = timedelta(minutes=TERMS.team_minutes), timedelta(minutes=TERMS.hold_minutes)
LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
REACHED: Counter[str] = Counter()
REFUSALS = {"already_in_team", "take_limit_reached", "team_full", "team_closed", "seat_gone"}
EVERY_END = REFUSALS | {"locked", "settled", "formed", "failed", "expired", "released", "refunded"}
EVERY_END |= {"refunded after forming", "owed by a failed team"}

pick = st.integers(0, 10_000)


@dataclass
class ModelSeat:
    number: str
    buyer: str
    team: "ModelTeam"
    hold_until: datetime
    status: str = "locked"

    @property
    def is_held(self) -> bool:
        return self.status in ("locked", "settled")


@dataclass
class ModelTeam:
    id: str
    closes_at: datetime
    status: str = "forming"
    seats: list[ModelSeat] = field(default_factory=list)

    def count(self, *statuses: str) -> int:
        return sum(seat.status in statuses for seat in self.seats)

    def takes_payments(self, at: datetime) -> bool:
        return self.status == "forming" and at < self.closes_at


class MarketLife(RuleBasedStateMachine):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = emptied(url)
        self.now = NOW
        self.teams: list[ModelTeam] = []
        self.seats: list[ModelSeat] = []
        self.newcomers = 0
        terms = replace(CAMPAIGN.terms, seats_target=TARGET, take_limit=TAKE_LIMIT)
        save_campaign(url, replace(CAMPAIGN, terms=terms, ends_at=NOW + timedelta(days=365)))
        self.look = psycopg.connect(url, autocommit=True)
        self.runner = asyncio.Runner()
        self.runner.run(self.open_doors())

    async def open_doors(self) -> None:
        self.stack = AsyncExitStack()
        market = MarketSettings(database_url=self.url, grace_minutes=int(GRACE.total_seconds() // 60))
        self.market = build(market, clock=lambda: self.now)
        await self.stack.enter_async_context(self.market.opened())
        headers = {"authorization": f"Bearer {API_KEY}"}
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.market.app), base_url="http://market", headers=headers
        )
        self.http = await self.stack.enter_async_context(http)

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.look.close()
        safety = [rule for rule in RULES if not rule.needs_time]
        assert audit(self.url, safety, overdue=self.now) == []

    def put(self, path: str, body: object) -> tuple[str, dict[str, object]]:
        """The code of the refusal, or "" and the seat."""
        answer = self.runner.run(self.http.put(f"/v1/seats/{path}", json=body))
        assert answer.status_code < 500, answer.text
        content = answer.json()
        return content.get("code", ""), content

    def chosen_seat(self, n: int) -> ModelSeat:
        return self.seats[n % len(self.seats)]

    def expected_refusal(self, buyer: str, team: ModelTeam | None) -> str:
        held = [seat for seat in self.seats if seat.buyer == buyer and seat.is_held]
        if team and any(seat.team is team for seat in held):
            return "already_in_team"
        if len(held) >= TAKE_LIMIT:
            return "take_limit_reached"
        if team and not team.takes_payments(self.now):
            return "team_closed"
        if team and team.count("locked", "settled") == TARGET:
            return "team_full"
        return ""

    @initialize()
    def two_teams_of_one_and_a_buyer_who_paid_and_left(self) -> None:
        for buyer in (1, 2, 3):
            self.lock(buyer, None)
        self.lock(1, 0)
        self.settle(2, 0)
        self.give_back(2)

    @rule(buyer=st.integers(1, 9), team=st.one_of(pick, pick, st.none()))
    def lock(self, buyer: int, team: int | None) -> None:
        joins = self.teams[team % len(self.teams)] if self.teams and team is not None else None
        number = f"T{len(self.seats) + 1}"
        body = LOCK | {"buyer_id": f"b{buyer}", "team_id": joins.id if joins else None}
        expected = self.expected_refusal(f"b{buyer}", joins)

        code, seat = self.put(number, body)

        assert code == expected
        REACHED[code or "locked"] += 1
        if not code:
            if joins is None:
                joins = ModelTeam(str(seat["team_id"]), self.now + TEAM_LASTS)
                self.teams.append(joins)
            assert seat["team_id"] == joins.id
            taken = ModelSeat(number, f"b{buyer}", joins, self.now + HOLD_LASTS)
            joins.seats.append(taken)
            self.seats.append(taken)

    @rule(n=pick)
    def a_team_fills_and_forms(self, n: int) -> None:
        forming = [team for team in self.teams if team.takes_payments(self.now)]
        if not forming:
            return
        team = forming[n % len(forming)]
        while team.count("locked", "settled") < TARGET:
            self.newcomers += 1
            self.lock(100 + self.newcomers, self.teams.index(team))
        self.lock(99, self.teams.index(team))
        for seat in team.seats:
            self.settle(self.seats.index(seat), 0)

    @rule(n=pick)
    @precondition(lambda self: self.seats)
    def lock_again(self, n: int) -> None:
        seat = self.chosen_seat(n)
        code, answer = self.put(seat.number, LOCK | {"buyer_id": seat.buyer})
        assert (code, answer["status"], answer["team_id"]) == ("", seat.status, seat.team.id)

    @rule(n=pick, paid_ago=st.integers(0, 20))
    @precondition(lambda self: self.seats)
    def settle(self, n: int, paid_ago: int) -> None:
        seat = self.chosen_seat(n)
        paid_at = self.now - timedelta(minutes=paid_ago)
        match seat.status:
            case "settled":
                expected = ""
            case "locked":
                expected = "" if seat.team.takes_payments(paid_at) else "team_closed"
            case _:
                expected = "seat_gone"

        code, _ = self.put(f"{seat.number}/settlement", {"paid_at": paid_at.isoformat()})

        assert code == expected
        REACHED[code or "settled"] += 1
        if not code and seat.status == "locked":
            seat.status = "settled"
            if seat.team.count("settled") == TARGET:
                seat.team.status = "formed"
                REACHED["formed"] += 1

    @rule(n=pick)
    @precondition(lambda self: self.seats)
    def give_back(self, n: int) -> None:
        seat = self.chosen_seat(n)
        if seat.is_held:
            seat.status = {"locked": "released", "settled": "refunded"}[seat.status]
            REACHED[seat.status if seat.team.status == "forming" else "refunded after forming"] += 1
        code, answer = self.put(f"{seat.number}/release", {})
        assert (code, answer["status"]) == ("", seat.status)

    @rule(minutes=st.integers(1, 12))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        self.runner.run(self.market.drain())
        for team in self.teams:
            if team.status == "forming" and self.now >= team.closes_at + GRACE:
                team.status = "failed"
                REACHED["failed"] += 1
                for seat in team.seats:
                    REACHED["owed by a failed team"] += seat.status == "settled"
                    seat.status = {"locked": "released", "settled": "refunded"}.get(seat.status, seat.status)
        for seat in self.seats:
            if seat.status == "locked" and self.now >= seat.hold_until:
                seat.status = "released"
                REACHED["expired"] += 1

    @rule(n=pick)
    def a_hold_runs_out(self, n: int) -> None:
        self.newcomers += 1
        self.lock(100 + self.newcomers, None)
        self.time_passes(TERMS.hold_minutes)
        self.sweep()

    @rule()
    def a_buyer_wants_too_much_and_leaves(self) -> None:
        self.newcomers += 1
        for _ in range(TAKE_LIMIT + 1):
            self.lock(100 + self.newcomers, None)
        self.lock(100 + self.newcomers, len(self.teams) - 1)
        self.give_back(len(self.seats) - 1)

    @rule(n=pick)
    def a_team_forms_and_a_buyer_leaves(self, n: int) -> None:
        self.a_team_fills_and_forms(n)
        self.give_back(next((k for k, seat in enumerate(self.seats) if seat.team.status == "formed"), n))

    @rule()
    def a_team_runs_out_of_time(self) -> None:
        """With one who has paid, in time; or too late, for the market."""
        self.newcomers += 1
        self.lock(100 + self.newcomers, None)
        self.settle(len(self.seats) - 1, 0)
        self.time_passes(TERMS.team_minutes + int(GRACE.total_seconds() // 60))
        self.sweep()

    @invariant()
    def the_tables_say_what_the_model_says(self) -> None:
        seats: dict[str, str] = dict(self.look.execute("SELECT out_trade_no, status FROM seat").fetchall())
        assert seats == {seat.number: seat.status for seat in self.seats}
        teams: dict[str, str] = dict(self.look.execute("SELECT id, status FROM team").fetchall())
        assert teams == {team.id: team.status for team in self.teams}


def live(url: str, *, examples: int, derandomize: bool) -> None:
    REACHED.clear()
    run_state_machine_as_test(
        lambda: MarketLife(url),  # type: ignore[arg-type]
        settings=settings(
            max_examples=examples,
            stateful_step_count=100,
            deadline=None,
            derandomize=derandomize,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert {*REACHED} == EVERY_END


def test_a_market_answers_as_its_model_does(
    databases: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    """The same lives every time."""
    live(databases["market"], examples=8, derandomize=True)
    record_property("a market's life came to", dict(sorted(REACHED.items())))


@pytest.mark.drill
def test_a_market_answers_as_its_model_does_whatever_happens(
    databases: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    """Other lives every time."""
    live(databases["market"], examples=400, derandomize=False)
    record_property("a market's life came to", dict(sorted(REACHED.items())))
