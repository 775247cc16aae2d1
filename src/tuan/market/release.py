"""Give a seat back: unpaid it is released, paid it is refunded. The caller moves the money."""

from collections.abc import Sequence
from datetime import datetime

from tuan.kernel.errors import Refusal, each
from tuan.market.books import Books
from tuan.market.store import Store
from tuan.market.store_given_back import seat_event
from tuan.market.team import GiveBack, Seat, Team


async def release_seats(
    store: Store, requests: Sequence[GiveBack], *, now: datetime
) -> list[tuple[Seat, Team] | Refusal]:
    books = await store.hold_for_settling(requests)
    outcomes = each(requests, lambda request: release_seat(books, request, now=now))
    events = [
        seat_event(seat, books.team(seat.team_id), reason="asked", now=now)
        for seat in books.seats_changed.values()
    ]
    await store.save_given_back(books, events)
    return outcomes


def release_seat(books: Books, request: GiveBack, *, now: datetime) -> tuple[Seat, Team]:
    seat = books.seat(request.order)
    team = books.team(seat.team_id)
    if seat.is_held:  # Asking again for what was given back changes nothing.
        team.give_back(seat, now=now)
        books.change(team, seat)
    return seat, team
