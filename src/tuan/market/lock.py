"""Hold a seat for a buyer who is about to pay."""

from collections.abc import Sequence
from datetime import datetime

from tuan.kernel.errors import Refusal, each
from tuan.kernel.ids import new_id
from tuan.market.books import Books
from tuan.market.campaign import Terms
from tuan.market.store import Store
from tuan.market.switch import Switchboard
from tuan.market.team import AlreadyInTeam, Seat, SeatRequest, Team


async def lock_seats(
    store: Store, requests: Sequence[SeatRequest], *, switches: Switchboard, now: datetime
) -> list[tuple[Seat, Team] | Refusal]:
    books = await store.hold_for_locking(requests, now=now)
    outcomes = each(requests, lambda request: lock_seat(books, request, switches=switches, now=now))
    await store.save_locked(books)
    return outcomes


def lock_seat(
    books: Books, request: SeatRequest, *, switches: Switchboard, now: datetime
) -> tuple[Seat, Team]:
    """One order, one seat: asking again returns the seat the first request got."""
    if seat := books.seats.get(request.order):
        return seat.answer(request), books.team(seat.team_id)

    switches.admit(source=request.source, channel=request.channel, buyer_id=request.buyer_id)
    switches.require_patience(locks_this_minute=books.locks_this_minute[request.buyer])
    listing = books.listing(request.listing)
    listing.require_campaign(request.campaign_id)
    teams_held = books.teams_held[request.buyer]
    if request.team_id in teams_held:
        raise AlreadyInTeam
    listing.campaign.admit(seats_held=len(teams_held), now=now)

    if request.team_id is None:
        team, terms = listing.open_team(team_id=new_id(), request=request, now=now), listing.campaign.terms
    else:
        team = books.team(request.team_id)
        terms = books.terms[team.terms_id]

    seat = _take_seat(books, team, terms, request, now=now)
    if request.team_id is None:
        books.open(team, terms)
    books.add(team, seat)
    return seat, team


def _take_seat(books: Books, team: Team, terms: Terms, request: SeatRequest, *, now: datetime) -> Seat:
    """Under the terms the team opened with, for whoever they are for."""
    terms.require_audience(in_audience=books.is_in(terms.segment_id, request.buyer_id))
    in_segment = books.is_in(terms.discount.segment_id, request.buyer_id)
    price = terms.discount.price(team.list_fen, in_segment=in_segment)
    return team.lock(request, price=price, hold_until=terms.hold_until(now), now=now)
