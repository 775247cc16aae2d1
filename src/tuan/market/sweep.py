"""Time passes: holds expire, teams fail at their deadline, campaigns end.

Any number of sweeps may run at once. Each takes the team's lock, as everybody does, and decides by what
it reads then; a team somebody else holds is left to the next sweep.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import Refusal
from tuan.kernel.jobs import Jobs
from tuan.market import store_given_back as store
from tuan.market.books import Books
from tuan.market.team import SeatStatus

TEAMS_AT_ONCE = 100
SWEEP_EVERY_SECONDS = 1.0
# Holds that were being written while we swept are behind us; so each sweep looks back this far.
LOOK_BACK = timedelta(minutes=10)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
log = structlog.get_logger()


@dataclass(kw_only=True)
class Sweep:
    pool: Pool
    jobs: Jobs
    clock: Clock
    grace: timedelta  # For payments made before a team's deadline that we have yet to hear of.
    _swept_until: datetime = field(default=BEGINNING, init=False)

    async def keep_sweeping(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.sweep()
            except Refusal as refusal:
                log.warning("sweep_cut_short", reason=refusal.code)
            await asyncio.sleep(SWEEP_EVERY_SECONDS)

    async def sweep(self) -> None:
        """Everything that is due now, however long nobody looked."""
        now = self.clock()
        while await self._fail_teams(now):
            pass
        while await self._release_seats(now):
            pass
        self._swept_until = now
        async with transaction(self.pool) as connection:
            await store.end_campaigns(connection, now=now)

    async def _fail_teams(self, now: datetime) -> bool:
        """Whether there may be more."""
        async with transaction(self.pool) as connection:
            due = await store.due_teams(connection, closed_before=now - self.grace, limit=TEAMS_AT_ONCE)
            books = await store.hold_teams(connection, due)
            events = [
                event for team_id in books.teams for event in fail_team(books, team_id, now, self.grace)
            ]
            await store.save_given_back(connection, books)
            await store.owe_events(connection, self.jobs, events)
        return len(due) == TEAMS_AT_ONCE and bool(events)

    async def _release_seats(self, now: datetime) -> bool:
        """Whether there may be more."""
        async with transaction(self.pool) as connection:
            due = await store.teams_of_due_seats(
                connection, since=self._swept_until - LOOK_BACK, until=now, limit=TEAMS_AT_ONCE
            )
            books = await store.hold_teams(connection, due)
            events = release_due_seats(books, now)
            await store.save_given_back(connection, books)
            await store.owe_events(connection, self.jobs, events)
        return len(due) == TEAMS_AT_ONCE and bool(events)


def fail_team(books: Books, team_id: str, now: datetime, grace: timedelta) -> list[store.Event]:
    """Nothing, if it has formed meanwhile."""
    team = books.team(team_id)
    if not team.is_due_to_fail(now=now, grace=grace):
        return []

    seats = sorted(
        (seat for seat in books.seats.values() if seat.team_id == team_id), key=lambda seat: seat.order
    )
    owed = [seat for seat in seats if seat.status is SeatStatus.SETTLED]
    unpaid = [seat for seat in seats if seat.status is SeatStatus.LOCKED]
    team.fail(now=now)
    for seat in seats:
        team.give_back(seat, now=now)
        books.change(team, seat)
    books.teams_changed[team.id] = team
    return [store.team_failed_event(team, owed=owed, unpaid=unpaid, now=now)]


def release_due_seats(books: Books, now: datetime) -> list[store.Event]:
    events = []
    for seat in books.seats.values():
        if seat.is_due(now=now):
            team = books.team(seat.team_id)
            team.give_back(seat, now=now)
            books.change(team, seat)
            events.append(store.seat_event(seat, team, reason="expired", now=now))
    return events
