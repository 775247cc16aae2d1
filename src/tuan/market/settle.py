"""Record a payment against the seat it was for. The payment that fills a team forms it, once."""

from collections.abc import Sequence
from datetime import datetime

from tuan.kernel.errors import Refusal, each
from tuan.kernel.ids import new_id
from tuan.market.books import Books
from tuan.market.store import Store
from tuan.market.switch import Switchboard
from tuan.market.team import Payment, Seat, SeatStatus, Team, TeamStatus


async def settle_seats(
    store: Store, payments: Sequence[Payment], *, switches: Switchboard, now: datetime
) -> list[tuple[Seat, Team] | Refusal]:
    books = await store.hold_for_settling(payments)
    outcomes = each(payments, lambda payment: settle_seat(books, payment, switches=switches, now=now))
    await store.save_settled(books)
    if books.teams_formed:
        await store.owe_formed([{"event_id": new_id(), "team_id": team.id} for team in books.teams_formed])
    return outcomes


def settle_seat(books: Books, payment: Payment, *, switches: Switchboard, now: datetime) -> tuple[Seat, Team]:
    seat = books.seat(payment.order)
    team = books.team(seat.team_id)
    if seat.status is SeatStatus.SETTLED:
        return seat, team  # The caller asks until it hears us; the second time changes nothing.

    switches.require_unblocked(source=payment.source, channel=seat.channel)
    team.settle(seat, paid_at=payment.paid_at, now=now)
    books.change(team, seat)
    if team.status is TeamStatus.FORMED:
        books.teams_formed.append(team)
    return seat, team
