"""Hold a seat for a buyer who is about to pay."""

from collections.abc import Sequence
from datetime import datetime

from tuan.kernel.errors import Refusal, each
from tuan.kernel.ids import new_id
from tuan.market.books import Books
from tuan.market.campaign import Listing
from tuan.market.store import Store
from tuan.market.team import AlreadyInTeam, Seat, SeatRequest, Team


async def lock_seats(
    store: Store, requests: Sequence[SeatRequest], *, now: datetime
) -> list[tuple[Seat, Team] | Refusal]:
    books = await store.hold_for_locking(requests)
    outcomes = each(requests, lambda request: lock_seat(books, request, now=now))
    await store.save_locked(books)
    return outcomes


def lock_seat(books: Books, request: SeatRequest, *, now: datetime) -> tuple[Seat, Team]:
    """One order, one seat: asking again returns the seat the first request got."""
    if seat := books.seats.get(request.order):
        return seat.answer(request), books.team(seat.team_id)

    listing = books.listing(request.listing)
    listing.require_campaign(request.campaign_id)
    teams_held = books.teams_held[request.buyer]
    if request.team_id in teams_held:
        raise AlreadyInTeam
    listing.campaign.admit(seats_held=len(teams_held), now=now)

    team = _team(books, request, listing, now=now)
    terms = books.terms[team.terms_id]
    price = terms.discount.price(team.list_fen)
    seat = team.lock(request, price=price, hold_until=terms.hold_until(now), now=now)
    books.add(team, seat)
    return seat, team


def _team(books: Books, request: SeatRequest, listing: Listing, *, now: datetime) -> Team:
    if request.team_id is not None:
        return books.team(request.team_id)
    team = listing.open_team(team_id=new_id(), request=request, now=now)
    books.open(team, listing.campaign.terms)
    return team
