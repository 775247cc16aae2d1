"""Reading teams: one with its members, those a buyer can join, and how a campaign is doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tuan.kernel.db import Connection, row_of
from tuan.market.team import OrderKey, Seat, SeatStatus, TeamStatus

TEAM_COLUMNS: Final = """
    id, campaign_id, goods_id, source, status, seats_target, seats_taken, seats_settled, opener_id,
    opened_at, closes_at, closed_at"""

TEAM: Final = f"SELECT {TEAM_COLUMNS} FROM team WHERE id = %s"

# Those about to close first; of a campaign with thousands of teams we look at the next two hundred.
JOINABLE: Final = f"""
    WITH own AS (
        SELECT DISTINCT team_id FROM seat
        WHERE (campaign_id, buyer_id) = (%(campaign_id)s, %(buyer_id)s) AND status IN ('locked', 'settled')
    ), next AS (
        SELECT * FROM team WHERE campaign_id = %(campaign_id)s AND status = 'forming' AND closes_at > %(now)s
            AND source = %(source)s AND goods_id = %(goods_id)s
            AND seats_taken < seats_target AND seats_taken > 0
        ORDER BY closes_at LIMIT 200
    ), mine AS (
        SELECT * FROM team WHERE id IN (SELECT team_id FROM own)
            AND status = 'forming' AND closes_at > %(now)s AND goods_id = %(goods_id)s
    )
    SELECT {TEAM_COLUMNS} FROM (SELECT * FROM mine UNION SELECT * FROM next) AS team
    ORDER BY id IN (SELECT team_id FROM own) DESC, seats_target - seats_taken, closes_at LIMIT %(limit)s"""

FILLING: Final = f"""
    WITH next AS (
        SELECT * FROM team WHERE status = 'forming' AND closes_at > %(now)s AND source = %(source)s
            AND seats_taken < seats_target AND seats_taken > 0
        ORDER BY closes_at LIMIT 200
    )
    SELECT {TEAM_COLUMNS} FROM next ORDER BY seats_target - seats_taken, closes_at LIMIT %(limit)s"""

MEMBERS: Final = """
    SELECT team_id, buyer_id, out_trade_no, status FROM seat
    WHERE team_id = ANY(%s) AND status IN ('locked', 'settled') ORDER BY locked_at, out_trade_no"""

STATISTICS: Final = """
    SELECT count(*) AS teams_opened, count(*) FILTER (WHERE status = 'formed') AS teams_formed,
        coalesce(sum(seats_taken), 0)::bigint AS buyers
    FROM team WHERE campaign_id = %s"""

SEAT: Final = """
    SELECT source, out_trade_no, team_id, campaign_id, goods_id, channel, buyer_id, list_fen,
        discount_fen, payable_fen, locked_at, hold_until, status, paid_at
    FROM seat WHERE (source, out_trade_no) = (%s, %s)"""

PROGRESS: Final = """
    SELECT id, status, seats_target, seats_taken, seats_settled, closes_at FROM team WHERE id = ANY(%s)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """As much of a team as anybody may see."""

    id: str
    status: TeamStatus
    seats_target: int
    seats_taken: int
    seats_settled: int
    closes_at: datetime

    @property
    def version(self) -> str:
        return f"{self.id}.{self.status}.{self.seats_taken}.{self.seats_settled}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamRow(Progress):
    campaign_id: str
    goods_id: str
    source: str
    opener_id: str
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    team_id: str
    buyer_id: str
    out_trade_no: str
    status: SeatStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    teams_opened: int = 0
    teams_formed: int = 0
    buyers: int = 0


async def seat_of(connection: Connection, order: OrderKey) -> Seat | None:
    async with connection.cursor(row_factory=row_of(Seat)) as cursor:
        await cursor.execute(SEAT, order)
        return await cursor.fetchone()


async def team_of(connection: Connection, team_id: str) -> TeamRow | None:
    async with connection.cursor(row_factory=row_of(TeamRow)) as cursor:
        await cursor.execute(TEAM, [team_id])
        return await cursor.fetchone()


async def joinable_teams(
    connection: Connection,
    *,
    source: str,
    campaign_id: str,
    goods_id: str,
    buyer_id: str,
    now: datetime,
    limit: int,
) -> list[TeamRow]:
    """The buyer's own first, then those that need the fewest, then those that close soonest."""
    asked = {
        "source": source,
        "campaign_id": campaign_id,
        "goods_id": goods_id,
        "buyer_id": buyer_id,
        "now": now,
        "limit": limit,
    }
    async with connection.cursor(row_factory=row_of(TeamRow)) as cursor:
        await cursor.execute(JOINABLE, asked)
        return await cursor.fetchall()


async def filling_teams(connection: Connection, *, source: str, now: datetime, limit: int) -> list[TeamRow]:
    """Of all goods: those that need the fewest first, then those that close soonest."""
    async with connection.cursor(row_factory=row_of(TeamRow)) as cursor:
        await cursor.execute(FILLING, {"source": source, "now": now, "limit": limit})
        return await cursor.fetchall()


async def members_of(connection: Connection, team_ids: Sequence[str]) -> list[Member]:
    async with connection.cursor(row_factory=row_of(Member)) as cursor:
        await cursor.execute(MEMBERS, [list(team_ids)])
        return await cursor.fetchall()


async def statistics_of(connection: Connection, campaign_id: str) -> Statistics:
    async with connection.cursor(row_factory=row_of(Statistics)) as cursor:
        await cursor.execute(STATISTICS, [campaign_id])
        return await cursor.fetchone() or Statistics()


async def progress_of(connection: Connection, team_ids: Sequence[str]) -> list[Progress]:
    async with connection.cursor(row_factory=row_of(Progress)) as cursor:
        await cursor.execute(PROGRESS, [list(team_ids)])
        return await cursor.fetchall()
