"""Hypothesis walks a team through any life: seats taken, paid late or twice, and never one too many."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from market_builders import NOW, TERMS, a_request, a_team

from tuan.kernel.errors import Refusal
from tuan.market.team import Seat, SeatStatus, Team, TeamStatus

PRICE = TERMS.discount.price(100_00)
moments = st.integers(0, 30).map(lambda minutes: NOW + timedelta(minutes=minutes))


class TeamLife(RuleBasedStateMachine):
    seats = Bundle("seats")
    team: Team

    @initialize(seats_target=st.integers(1, 4))
    def open(self, seats_target: int) -> None:
        self.team = a_team(seats_target=seats_target)
        self.held: list[Seat] = []
        self.times_formed = 0

    @rule(target=seats, n=st.integers(0, 99), now=moments)
    def lock(self, n: int, now: datetime) -> Seat | None:
        free = self.team.seats_taken < self.team.seats_target
        open_then = self.team.status is TeamStatus.FORMING and now < self.team.closes_at
        try:
            seat = self.team.lock(a_request(n), price=PRICE, hold_until=TERMS.hold_until(now), now=now)
        except Refusal as refusal:
            assert refusal.code == ("team_full" if open_then else "team_closed")
            assert not (free and open_then)
            return None
        assert free
        assert open_then
        self.held.append(seat)
        return seat

    @rule(seat=seats, paid_at=moments)
    def settle(self, seat: Seat | None, paid_at: datetime) -> None:
        if seat is None:
            return
        before = (replace(self.team), seat.status)
        try:
            self.team.settle(seat, paid_at=paid_at, now=paid_at)
        except Refusal as refusal:
            assert refusal.code in ("seat_gone", "team_closed")
            assert (replace(self.team), seat.status) == before
            return
        self.times_formed += self.team.status is TeamStatus.FORMED

    @invariant()
    def counts_are_what_the_seats_say(self) -> None:
        settled = sum(seat.status is SeatStatus.SETTLED for seat in self.held)
        assert (self.team.seats_taken, self.team.seats_settled) == (len(self.held), settled)
        assert 0 <= settled <= len(self.held) <= self.team.seats_target

    @invariant()
    def formed_means_every_seat_is_paid_and_happens_once(self) -> None:
        formed = self.team.seats_settled == self.team.seats_target
        assert (self.team.status is TeamStatus.FORMED) == formed == bool(self.times_formed)
        assert self.times_formed <= 1
        assert (self.team.status is TeamStatus.FORMING) == (self.team.closed_at is None)


test_a_team_lives_by_its_rules = TeamLife.TestCase
