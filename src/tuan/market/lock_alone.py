"""Hold a seat for a buyer who comes alone, by what we remember.

A lock asks what the rules need, decides, and writes: two trips to PostgreSQL. Here it is decided at once, as
if the team and its campaign were as we last saw them, and the buyer new to them; and written in one trip,
where that is so. Nobody is refused by memory: what is not so, or would be refused, is locked the long way.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from tuan.kernel.db import Pool
from tuan.kernel.errors import Refusal
from tuan.market.books import Books
from tuan.market.campaign import Listing
from tuan.market.catalog import Catalog
from tuan.market.lock import lock_seat
from tuan.market.store_alone import save_if_so
from tuan.market.switch import Switchboard
from tuan.market.team import Seat, SeatRequest, Team

TEAMS_MAX: Final = 20_000


class TeamMemory:
    """Teams as they were when a seat in them was last locked here."""

    def __init__(self) -> None:
        self._teams: dict[str, Team] = {}

    def keep(self, teams: Iterable[Team]) -> None:
        if len(self._teams) > TEAMS_MAX:
            self._teams.clear()
        self._teams.update((team.id, team) for team in teams)

    def forget(self, team_id: str) -> None:
        self._teams.pop(team_id, None)

    def books(self, request: SeatRequest, listing: Listing) -> Books | None:
        """To decide this request from, if we know enough: not of segments, nor of terms of the past."""
        if listing.segment_ids:
            return None
        terms = listing.campaign.terms
        books = Books(teams={}, seats={}, terms={terms.id: terms}, listings={listing.key: listing})
        if request.team_id is not None:
            team = self._teams.get(request.team_id)
            if team is None or team.terms_id != terms.id:
                return None
            books.teams[team.id] = replace(team)
        return books


async def lock_alone(
    pool: Pool,
    catalog: Catalog,
    memory: TeamMemory,
    request: SeatRequest,
    *,
    switches: Switchboard,
    now: datetime,
) -> tuple[Seat, Team] | None:
    """None, where it has to be the long way."""
    listing = await catalog.listing(request.listing)
    books = listing and memory.books(request, listing)
    if not listing or not books:
        return None
    try:
        seat, team = lock_seat(books, request, switches=switches, now=now)
    except Refusal:
        return None
    if await save_if_so(pool, seat, team, listing, opens=request.team_id is None):
        memory.keep([team])
        return seat, team
    memory.forget(team.id)
    return None
