"""What one transaction holds: the rows it has locked, and among them those it will write.

The store opens the books and saves them. In between the flows decide, request by request, so each
request sees what the ones before it did, as if it had come a moment later.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tuan.kernel.errors import NotFound
from tuan.market.campaign import Listing, NoListing, Terms
from tuan.market.team import BuyerKey, ListingKey, OrderKey, Seat, Team


@dataclass(kw_only=True, slots=True)
class Books:
    teams: dict[str, Team]
    seats: dict[OrderKey, Seat]
    terms: dict[str, Terms] = field(default_factory=dict)
    listings: dict[ListingKey, Listing] = field(default_factory=dict)
    teams_held: defaultdict[BuyerKey, list[str]] = field(default_factory=lambda: defaultdict(list))
    locks_this_minute: Counter[BuyerKey] = field(default_factory=Counter)
    memberships: frozenset[tuple[str, str]] = frozenset()  # segment, buyer

    teams_opened: dict[str, Team] = field(default_factory=dict)
    teams_changed: dict[str, Team] = field(default_factory=dict)
    seats_locked: dict[OrderKey, Seat] = field(default_factory=dict)
    seats_changed: dict[OrderKey, Seat] = field(default_factory=dict)
    teams_formed: list[Team] = field(default_factory=list)

    def team(self, team_id: str) -> Team:
        if team := self.teams.get(team_id):
            return team
        raise NotFound("There is no such team.")

    def seat(self, order: OrderKey) -> Seat:
        if seat := self.seats.get(order):
            return seat
        raise NotFound("No seat was ever locked under this order number.")

    def listing(self, key: ListingKey) -> Listing:
        if listing := self.listings.get(key):
            return listing
        raise NoListing

    def is_in(self, segment_id: str | None, buyer_id: str) -> bool:
        """Nobody is outside of no segment; nobody is in one that is empty."""
        return segment_id is None or (segment_id, buyer_id) in self.memberships

    def open(self, team: Team, terms: Terms) -> None:
        self.teams[team.id] = self.teams_opened[team.id] = team
        self.terms[terms.id] = terms

    def add(self, team: Team, seat: Seat) -> None:
        self.seats[seat.order] = self.seats_locked[seat.order] = seat
        self.teams_held[seat.buyer].append(team.id)
        self.locks_this_minute[seat.buyer] += 1
        if team.id not in self.teams_opened:
            self.teams_changed[team.id] = team

    def change(self, team: Team, seat: Seat) -> None:
        self.teams_changed[team.id] = team
        self.seats_changed[seat.order] = seat
