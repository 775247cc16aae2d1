"""Every query of the hot path, and the order of its locks: buyers, teams, order numbers.

Each kind is taken in sorted order, so transactions wait for each other and never in a circle. Seats
have no lock of their own: whoever holds the team holds its seats. Under READ COMMITTED a statement
sees what was committed when it began, so what a lock guards is read by a later statement; only
FOR UPDATE itself returns the row as it is once locked.

A batch costs by its statements, so there are few: one to lock, one to look up, one to write. Rows
travel as JSON objects whose keys are the columns. What was asked is looked up LATERAL, key by key
in an index: OFFSET 0 keeps the planner from turning that around while a table looks small.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, LiteralString

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from tuan.kernel.db import Connection
from tuan.kernel.jobs import Jobs
from tuan.market.books import Books
from tuan.market.campaign import Listing, Terms
from tuan.market.store_given_back import Event, owe_deliveries, owe_events, save_given_back
from tuan.market.team import GiveBack, OrderKey, Payment, Seat, SeatRequest, Team

HOLD_BUYERS: Final = """
    SELECT count(pg_advisory_xact_lock(key)) FROM (
        SELECT hashtextextended(campaign_id || ' ' || buyer_id, 0) AS key
        FROM json_to_recordset(%s) AS asked (campaign_id text, buyer_id text)
        ORDER BY key
    ) AS keys"""

OPEN_FOR_LOCKING: Final = """
    WITH asked AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%s) AS asked (source text, channel text, out_trade_no text,
            campaign_id text, goods_id text, buyer_id text, team_id text)
    ), repeated AS MATERIALIZED (
        SELECT found.seat, found.team_id FROM asked, LATERAL (
            SELECT seat, team_id FROM seat
            WHERE (source, out_trade_no) = (asked.source, asked.out_trade_no) OFFSET 0
        ) AS found
    ), joined AS MATERIALIZED (
        SELECT team, terms_id FROM team WHERE id = ANY(ARRAY(SELECT team_id FROM asked))
        ORDER BY id FOR UPDATE
    ), listed AS MATERIALIZED (
        SELECT found.* FROM (SELECT DISTINCT source, channel, goods_id FROM asked) AS asked, LATERAL (
            SELECT listing, campaign, campaign.terms_id FROM listing
            JOIN campaign ON campaign.id = listing.campaign_id
            WHERE (source, channel, goods_id) = (asked.source, asked.channel, asked.goods_id) OFFSET 0
        ) AS found
    ), ruling AS MATERIALIZED (
        SELECT found.* FROM (
            SELECT terms_id FROM joined UNION SELECT terms_id FROM listed
        ) AS needed, LATERAL (
            SELECT terms, discount, terms.id, terms.segment_id AS audience, discount.segment_id AS discounted
            FROM terms JOIN discount ON discount.id = discount_id WHERE terms.id = needed.terms_id OFFSET 0
        ) AS found
    ), deciding AS (
        SELECT audience AS segment_id FROM ruling WHERE audience IS NOT NULL
        UNION SELECT discounted FROM ruling WHERE discounted IS NOT NULL
    )
    SELECT json_build_object(
        'teams', ARRAY(SELECT team FROM joined),
        'seats', ARRAY(SELECT seat FROM repeated),
        'teams_of_seats', ARRAY(
            SELECT team FROM team WHERE id = ANY(ARRAY(SELECT team_id FROM repeated))),
        'terms', ARRAY(SELECT to_jsonb(terms) || jsonb_build_object('discount', discount) FROM ruling),
        'listings', ARRAY(
            SELECT to_jsonb(listing) || jsonb_build_object('campaign',
                to_jsonb(campaign) || jsonb_build_object('terms',
                    to_jsonb(terms) || jsonb_build_object('discount', discount)))
            FROM listed JOIN ruling ON ruling.id = terms_id),
        'buyers', ARRAY(
            SELECT json_build_array(campaign_id, buyer_id, teams_held, locks_this_minute) FROM (
                SELECT DISTINCT campaign_id, buyer_id FROM asked
            ) AS asked, LATERAL (
                SELECT coalesce(array_agg(team_id) FILTER (WHERE status IN ('locked', 'settled')), '{}')
                        AS teams_held,
                    count(*) FILTER (WHERE locked_at > %s::timestamptz - interval '1 minute')
                        AS locks_this_minute,
                    count(*) AS seats
                FROM seat WHERE (campaign_id, buyer_id) = (asked.campaign_id, asked.buyer_id)
            ) AS found
            WHERE seats > 0),
        'memberships', ARRAY(
            SELECT json_build_array(segment_id, buyer_id) FROM segment_member
            WHERE segment_id = ANY(ARRAY(SELECT segment_id FROM deciding))
                AND buyer_id = ANY(ARRAY(SELECT buyer_id FROM asked)))
    )::text"""

HOLD_TEAMS_OF: Final = """
    SELECT json_build_object('teams', ARRAY(
        SELECT team FROM team WHERE id = ANY(ARRAY(
            SELECT team_id FROM json_to_recordset(%s) AS asked (source text, out_trade_no text),
                LATERAL (
                    SELECT team_id FROM seat
                    WHERE (source, out_trade_no) = (asked.source, asked.out_trade_no) OFFSET 0
                ) AS found))
        ORDER BY id FOR UPDATE))::text"""

SEATS: Final = """
    SELECT json_build_object('seats', ARRAY(
        SELECT found.seat FROM json_to_recordset(%s) AS asked (source text, out_trade_no text),
            LATERAL (
                SELECT seat FROM seat
                WHERE (source, out_trade_no) = (asked.source, asked.out_trade_no) OFFSET 0
            ) AS found))::text"""

SEAT_LOCKED: Final = """
    (source, out_trade_no, team_id, campaign_id, goods_id, channel, buyer_id, status,
        list_fen, discount_fen, payable_fen, locked_at, hold_until)
    SELECT source, out_trade_no, team_id, campaign_id, goods_id, channel, buyer_id, status,
        list_fen, discount_fen, payable_fen, locked_at, hold_until"""

SAVE_LOCKED: Final = f"""
    WITH opened AS (
        INSERT INTO team SELECT * FROM json_populate_recordset(NULL::team, %s)
    ), changed AS (
        UPDATE team SET seats_taken = new.seats_taken
        FROM json_to_recordset(%s) AS new (id text, seats_taken int) WHERE team.id = new.id
    )
    INSERT INTO seat {SEAT_LOCKED}
    FROM json_populate_recordset(NULL::seat, %s)"""

SAVE_SETTLED: Final = """
    WITH changed AS (
        UPDATE team SET status = new.status, seats_settled = new.seats_settled, closed_at = new.closed_at
        FROM json_to_recordset(%s) AS new (id text, status text, seats_settled int, closed_at timestamptz)
        WHERE team.id = new.id
    )
    UPDATE seat SET status = new.status, paid_at = new.paid_at
    FROM json_to_recordset(%s) AS new (source text, out_trade_no text, status text, paid_at timestamptz)
    WHERE (seat.source, seat.out_trade_no) = (new.source, new.out_trade_no)"""

OWE_FORMED: Final = """
    WITH happened AS (
        INSERT INTO event (id, source, kind, about, data, created_at)
        SELECT formed.event_id, team.source, 'team.formed', team.id, jsonb_build_object(
            'team_id', team.id, 'campaign_id', team.campaign_id, 'goods_id', team.goods_id,
            'formed_at', team.closed_at,
            'out_trade_nos', (
                SELECT jsonb_agg(out_trade_no ORDER BY paid_at, out_trade_no) FROM seat
                WHERE team_id = team.id AND status = 'settled')), team.closed_at
        FROM json_to_recordset(%s) AS formed (event_id text, team_id text)
        JOIN team ON team.id = formed.team_id
        RETURNING id, source, about
    )
    INSERT INTO delivery (event_id, endpoint_id)
    SELECT happened.id, endpoint.id FROM happened
    JOIN endpoint ON endpoint.source = happened.source AND disabled_at IS NULL
    RETURNING event_id, endpoint_id, (SELECT about FROM happened WHERE happened.id = event_id)"""


@dataclass(kw_only=True, slots=True)
class Found:
    """What a statement answers: some rows of each kind."""

    teams: list[Team] = field(default_factory=list)
    seats: list[Seat] = field(default_factory=list)
    teams_of_seats: list[Team] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    buyers: list[tuple[str, str, list[str], int]] = field(default_factory=list)
    memberships: list[tuple[str, str]] = field(default_factory=list)


FOUND = msgspec.json.Decoder(Found)
ROWS = msgspec.json.Encoder()


class Store:
    """Reads are sent together and then awaited; writes are sent, and the commit awaits them."""

    def __init__(self, connection: Connection, jobs: Jobs) -> None:
        self._connection = connection
        self._jobs = jobs

    async def hold_for_locking(self, requests: Sequence[SeatRequest], *, now: datetime) -> Books:
        asked = _json(requests)
        await self._send(HOLD_BUYERS, asked)
        found = await _found(await self._send(OPEN_FOR_LOCKING, asked, now.isoformat()))
        return Books(
            teams={team.id: team for team in [*found.teams_of_seats, *found.teams]},
            seats={seat.order: seat for seat in found.seats},
            terms={terms.id: terms for terms in found.terms},
            listings={listing.key: listing for listing in found.listings},
            teams_held=defaultdict(list, {(row[0], row[1]): row[2] for row in found.buyers}),
            locks_this_minute=Counter({(row[0], row[1]): row[3] for row in found.buyers}),
            memberships=frozenset(found.memberships),
        )

    async def hold_for_settling(self, payments: Sequence[Payment | GiveBack]) -> Books:
        asked = _json(payments)
        teams = await self._send(HOLD_TEAMS_OF, asked)
        seats = await self._send(SEATS, asked)
        return Books(
            teams={team.id: team for team in (await _found(teams)).teams},
            seats={seat.order: seat for seat in (await _found(seats)).seats},
        )

    async def save_locked(self, books: Books) -> None:
        if books.seats_locked:
            opened, changed = _json(books.teams_opened.values()), _json(books.teams_changed.values())
            await self._send(SAVE_LOCKED, opened, changed, _by_number(books.seats_locked))

    async def save_settled(self, books: Books) -> None:
        if books.seats_changed:
            changed = _json(books.teams_changed.values())
            await self._send(SAVE_SETTLED, changed, _by_number(books.seats_changed))

    async def owe_formed(self, events: Sequence[dict[str, str]]) -> None:
        """Save each event with its deliveries, and the jobs that will carry them."""
        rows = await (await self._send(OWE_FORMED, _json(events))).fetchall()
        await owe_deliveries(self._connection, self._jobs, rows)

    async def save_given_back(self, books: Books, events: Sequence[Event]) -> None:
        if books.seats_changed:
            await save_given_back(self._connection, books)
            await owe_events(self._connection, self._jobs, events)

    async def _send(self, query: LiteralString, *rows: str) -> AsyncCursor[TupleRow]:
        return await self._connection.execute(query, rows)


async def _found(answer: AsyncCursor[TupleRow]) -> Found:
    [row] = await answer.fetchall()
    return FOUND.decode(row[0])


def row(one: object) -> str:
    """What a statement takes as a row's JSON."""
    return ROWS.encode(one).decode()


def _by_number(seats: dict[OrderKey, Seat]) -> str:
    rows = sorted(seats.values(), key=lambda seat: seat.order)
    return _json(rows)


def _json(rows: Iterable[object]) -> str:
    return row(list(rows))
