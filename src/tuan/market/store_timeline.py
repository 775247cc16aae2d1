"""Teams as an operator finds them, and what happened to one, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tuan.kernel.db import Connection, row_of
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.market.store_team import TeamRow
from tuan.market.team import Seat, TeamStatus

TEAM_COLUMNS: Final = """
    id, campaign_id, goods_id, source, status, seats_target, seats_taken, seats_settled, opener_id,
    opened_at, closes_at, closed_at"""
CHOSEN: Final = """
    (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(campaign_id)s::text IS NULL OR campaign_id = %(campaign_id)s)
        AND (%(source)s::text IS NULL OR source = %(source)s)
        AND (%(goods_id)s::text IS NULL OR goods_id = %(goods_id)s)"""
FOUND: Final = f"SELECT {TEAM_COLUMNS} FROM team WHERE {CHOSEN}"
CLOSING_SOON: Final = f"{FOUND} AND status = 'forming' AND closes_at <= %(closes_before)s"
TEAMS: Final = Sorting[TeamRow](
    columns={
        # A team's id begins with the moment it was opened at.
        "opened": Column("id", Kind.TEXT, lambda team: team.id),
        "closes": Column("closes_at", Kind.MOMENT, lambda team: team.closes_at),
        "paid": Column("seats_settled", Kind.NUMBER, lambda team: team.seats_settled),
    },
    key=("id",),
    key_of=lambda team: (team.id,),
)

SEAT_COLUMNS: Final = """
    source, out_trade_no, team_id, campaign_id, goods_id, channel, buyer_id, list_fen, discount_fen,
    payable_fen, locked_at, hold_until, status, paid_at, given_back_at"""
SEATS_OF_TEAM: Final = f"SELECT {SEAT_COLUMNS} FROM seat WHERE team_id = %s ORDER BY locked_at, out_trade_no"
# An order number is its source's own; asking source by source, each is found in the index.
SEATS_BY_NUMBER: Final = f"""
    SELECT {SEAT_COLUMNS} FROM source, LATERAL (
        SELECT * FROM seat WHERE (seat.source, out_trade_no) = (source.id, %s) OFFSET 0
    ) AS seat ORDER BY source"""

# What happened at the same moment is told in the order in which it came about.
TIMELINE: Final = """
    WITH this AS MATERIALIZED (
        SELECT * FROM team WHERE id = %(team_id)s
    ), seats AS MATERIALIZED (
        SELECT * FROM seat WHERE team_id = %(team_id)s
    ), events AS MATERIALIZED (
        SELECT event.* FROM event, this WHERE event.source = this.source AND (
            (kind IN ('team.formed', 'team.failed') AND about = this.id)
            OR (kind IN ('seat.released', 'seat.refunded')
                AND about = ANY(ARRAY(SELECT out_trade_no FROM seats))))
    )
    SELECT at, what, out_trade_no, buyer_id, event_id, endpoint_id, status_code FROM (
        SELECT opened_at AS at, 0 AS turn, 'team.opened' AS what, NULL AS out_trade_no, opener_id AS buyer_id,
            NULL AS event_id, NULL AS endpoint_id, NULL::integer AS status_code FROM this
        UNION ALL SELECT locked_at, 1, 'seat.locked', out_trade_no, buyer_id, NULL, NULL, NULL FROM seats
        -- A gateway tells the second; nobody paid before there was a seat.
        UNION ALL SELECT greatest(paid_at, locked_at), 2, 'seat.settled', out_trade_no, buyer_id, NULL, NULL,
            NULL FROM seats WHERE paid_at IS NOT NULL
        UNION ALL SELECT closed_at, 3, 'team.' || status, NULL, NULL, NULL, NULL, NULL FROM this
            WHERE closed_at IS NOT NULL
        UNION ALL SELECT given_back_at, 4, 'seat.' || status, out_trade_no, buyer_id, NULL, NULL, NULL
            FROM seats WHERE given_back_at IS NOT NULL
        UNION ALL SELECT created_at, 5, 'webhook.owed', NULL, NULL, events.id, endpoint_id, NULL
            FROM events JOIN delivery ON event_id = events.id
        UNION ALL SELECT at, 6, 'webhook.sent', NULL, NULL, event_id, endpoint_id, status_code
            FROM events JOIN attempt ON event_id = events.id
    ) AS told ORDER BY at, turn, out_trade_no, event_id, endpoint_id"""

What = Literal[
    "team.opened",
    "seat.locked",
    "seat.settled",
    "team.formed",
    "team.failed",
    "seat.released",
    "seat.refunded",
    "webhook.owed",
    "webhook.sent",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One thing that happened to a team. `status_code`: what an endpoint answered; None if nothing came."""

    at: datetime
    what: What
    out_trade_no: str | None
    buyer_id: str | None
    event_id: str | None
    endpoint_id: str | None
    status_code: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamFilter:
    status: TeamStatus | None = None
    campaign_id: str | None = None
    source: str | None = None
    goods_id: str | None = None
    closes_before: datetime | None = None  # Only those that form.


async def teams(connection: Connection, wanted: TeamFilter, turn: Turn, *, limit: int) -> Sequence[TeamRow]:
    """`turn` is one of TEAMS."""
    asked = {
        "status": wanted.status,
        "campaign_id": wanted.campaign_id,
        "source": wanted.source,
        "goods_id": wanted.goods_id,
        "closes_before": wanted.closes_before,
        "limit": limit,
        **turn.values,
    }
    async with connection.cursor(row_factory=row_of(TeamRow)) as cursor:
        await cursor.execute((CLOSING_SOON if wanted.closes_before else FOUND) + turn.sql, asked)
        return await cursor.fetchall()


async def seats_of_team(connection: Connection, team_id: str) -> Sequence[Seat]:
    """All there ever were, those given back too."""
    async with connection.cursor(row_factory=row_of(Seat)) as cursor:
        await cursor.execute(SEATS_OF_TEAM, [team_id])
        return await cursor.fetchall()


async def seats_by_number(connection: Connection, out_trade_no: str) -> Sequence[Seat]:
    """One for each source that used this order number."""
    async with connection.cursor(row_factory=row_of(Seat)) as cursor:
        await cursor.execute(SEATS_BY_NUMBER, [out_trade_no])
        return await cursor.fetchall()


async def timeline(connection: Connection, team_id: str) -> Sequence[Moment]:
    async with connection.cursor(row_factory=row_of(Moment)) as cursor:
        await cursor.execute(TIMELINE, {"team_id": team_id})
        return await cursor.fetchall()
