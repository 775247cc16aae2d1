"""Seats that come back, teams that fail, and what is told of it. Hold the team first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tuan.kernel.db import Connection, row_of
from tuan.kernel.ids import new_id
from tuan.kernel.jobs import Jobs
from tuan.market.books import Books
from tuan.market.team import Seat, Team

DUE_TEAMS: Final = """
    SELECT id FROM team WHERE status = 'forming' AND closes_at <= %s ORDER BY closes_at LIMIT %s"""

# Everybody's sweeps look at the same stretch of time; the team's lock decides who acts.
TEAMS_OF_DUE_SEATS: Final = """
    SELECT DISTINCT team_id FROM seat
    WHERE hold_until > %s AND hold_until <= %s AND status = 'locked' ORDER BY team_id LIMIT %s"""

HOLD_TEAMS: Final = """
    SELECT id, campaign_id, terms_id, source, goods_id, opener_id, list_fen, status, seats_target,
        seats_taken, seats_settled, opened_at, closes_at, closed_at
    FROM team WHERE id = ANY(%s) ORDER BY id FOR UPDATE SKIP LOCKED"""

HELD_SEATS: Final = """
    SELECT source, out_trade_no, team_id, campaign_id, goods_id, channel, buyer_id, list_fen, discount_fen,
        payable_fen, locked_at, hold_until, status, paid_at, given_back_at
    FROM seat WHERE team_id = ANY(%s) AND given_back = ''"""

SAVE_TEAMS: Final = """
    UPDATE team SET status = new.status, seats_taken = new.seats_taken, seats_settled = new.seats_settled,
        closed_at = new.closed_at
    FROM json_to_recordset(%s) AS new (id text, status text, seats_taken int, seats_settled int,
        closed_at timestamptz)
    WHERE team.id = new.id"""

SAVE_SEATS: Final = """
    UPDATE seat SET status = new.status, given_back = new.out_trade_no, given_back_at = new.given_back_at
    FROM json_to_recordset(%s) AS new (source text, out_trade_no text, status text,
        given_back_at timestamptz)
    WHERE (seat.source, seat.out_trade_no) = (new.source, new.out_trade_no)"""

OWE_EVENTS: Final = """
    WITH happened AS (
        INSERT INTO event (id, source, kind, about, data, created_at)
        SELECT id, source, kind, about, data, created_at
        FROM json_to_recordset(%s) AS new (id text, source text, kind text, about text, data jsonb,
            created_at timestamptz)
        RETURNING id, source, data ->> 'team_id' AS team_id
    )
    INSERT INTO delivery (event_id, endpoint_id)
    SELECT happened.id, endpoint.id FROM happened
    JOIN endpoint ON endpoint.source = happened.source AND disabled_at IS NULL
        AND (format = 'standard' OR starts_with(url, 'amqp:'))
    RETURNING event_id, endpoint_id, (SELECT team_id FROM happened WHERE happened.id = event_id)"""

END_CAMPAIGNS: Final = "UPDATE campaign SET status = 'ended' WHERE status = 'live' AND ends_at <= %s"

ROWS = msgspec.json.Encoder()


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something a source should hear. Each kind happens to a team, or an order, once."""

    source: str
    kind: str
    about: str
    data: dict[str, Any]
    created_at: datetime
    id: str


async def due_teams(connection: Connection, *, closed_before: datetime, limit: int) -> list[str]:
    answer = await connection.execute(DUE_TEAMS, [closed_before, limit])
    return [team_id for (team_id,) in await answer.fetchall()]


async def teams_of_due_seats(
    connection: Connection, *, since: datetime, until: datetime, limit: int
) -> list[str]:
    answer = await connection.execute(TEAMS_OF_DUE_SEATS, [since, until, limit])
    return [team_id for (team_id,) in await answer.fetchall()]


async def hold_teams(connection: Connection, team_ids: Sequence[str]) -> Books:
    """Locks those nobody else holds, and reads the seats they hold by then."""
    async with connection.cursor(row_factory=row_of(Team)) as cursor:
        await cursor.execute(HOLD_TEAMS, [list(team_ids)])
        teams = {team.id: team for team in await cursor.fetchall()}
    async with connection.cursor(row_factory=row_of(Seat)) as cursor:
        await cursor.execute(HELD_SEATS, [list(teams)])
        seats = {seat.order: seat for seat in await cursor.fetchall()}
    return Books(teams=teams, seats=seats)


async def save_given_back(connection: Connection, books: Books) -> None:
    if books.teams_changed:
        await connection.execute(SAVE_TEAMS, [_json([*books.teams_changed.values()])])
    if books.seats_changed:
        rows = sorted(books.seats_changed.values(), key=lambda seat: seat.order)
        await connection.execute(SAVE_SEATS, [_json(rows)])


async def owe_events(connection: Connection, jobs: Jobs, events: Sequence[Event]) -> None:
    """Save each event with its deliveries, and the jobs that will carry them."""
    answer = await connection.execute(OWE_EVENTS, [_json(events)])
    await owe_deliveries(connection, jobs, await answer.fetchall())


async def owe_deliveries(connection: Connection, jobs: Jobs, rows: Sequence[tuple[str, str, str]]) -> None:
    await jobs.owe(connection, "deliver", delivery_payloads(rows))


def delivery_payloads(rows: Sequence[tuple[str, str, str]]) -> list[dict[str, object]]:
    """Rows of event, endpoint, team: one endpoint hears of one team in order."""
    return [
        {"event_id": event, "endpoint_id": endpoint, "lock": f"{endpoint} {team}"}
        for event, endpoint, team in rows
    ]


async def end_campaigns(connection: Connection, *, now: datetime) -> None:
    await connection.execute(END_CAMPAIGNS, [now])


def seat_event(seat: Seat, team: Team, *, reason: str, now: datetime) -> Event:
    """`seat.released` or `seat.refunded`, by what the seat has become."""
    return Event(
        id=new_id(),
        source=seat.source,
        kind=f"seat.{seat.status}",
        about=seat.out_trade_no,
        data={
            "out_trade_no": seat.out_trade_no,
            "team_id": seat.team_id,
            "campaign_id": seat.campaign_id,
            "goods_id": seat.goods_id,
            "team_status": team.status,
            "reason": reason,
        },
        created_at=now,
    )


def team_failed_event(team: Team, *, owed: Sequence[Seat], unpaid: Sequence[Seat], now: datetime) -> Event:
    """Names every order whose buyer is owed their money, and those that were never paid."""
    return Event(
        id=new_id(),
        source=team.source,
        kind="team.failed",
        about=team.id,
        data={
            "team_id": team.id,
            "campaign_id": team.campaign_id,
            "goods_id": team.goods_id,
            "failed_at": now,
            "out_trade_nos": [seat.out_trade_no for seat in owed],
            "released_out_trade_nos": [seat.out_trade_no for seat in unpaid],
        },
        created_at=now,
    )


def _json(rows: Sequence[object]) -> str:
    return ROWS.encode(rows).decode()
