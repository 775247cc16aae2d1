"""How campaigns did, day by day in Beijing: what was quoted, what opened, and what came to its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import msgspec

from tuan.kernel.db import Connection, row_of

# A team counts as opened on one day and as formed, or failed, on the day that was decided.
DAYS: Final = """
    WITH opened AS (
        SELECT campaign_id, (opened_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS teams_opened,
            sum(locked)::bigint AS seats_locked, sum(paid)::bigint AS seats_paid,
            coalesce(sum(paid) FILTER (WHERE status = 'formed'), 0)::bigint AS seats_formed
        FROM team, LATERAL (
            SELECT count(*) AS locked, count(paid_at) AS paid FROM seat WHERE team_id = team.id
        ) AS seats
        WHERE opened_at >= %(since)s AND opened_at < %(until)s
            AND (%(campaign_id)s::text IS NULL OR campaign_id = %(campaign_id)s)
        GROUP BY campaign_id, day
    ), decided AS (
        SELECT id, campaign_id, (closed_at AT TIME ZONE 'Asia/Shanghai')::date AS day, status,
            extract(epoch FROM closed_at - opened_at) AS seconds, coalesce(revenue_fen, 0) AS revenue_fen,
            coalesce(saved_fen, 0) AS saved_fen
        FROM team LEFT JOIN LATERAL (
            SELECT sum(payable_fen) AS revenue_fen, sum(discount_fen) AS saved_fen FROM seat
            WHERE team.status = 'formed' AND team_id = team.id AND seat.status = 'settled'
        ) AS money ON true
        WHERE closed_at >= %(since)s AND closed_at < %(until)s
            AND (%(campaign_id)s::text IS NULL OR campaign_id = %(campaign_id)s)
    ), closed AS (
        SELECT campaign_id, day,
            count(*) FILTER (WHERE status = 'formed') AS teams_formed,
            count(*) FILTER (WHERE status = 'failed') AS teams_failed,
            round(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)
                FILTER (WHERE status = 'formed'))::bigint AS median_seconds_to_form,
            sum(revenue_fen)::bigint AS revenue_fen, sum(saved_fen)::bigint AS saved_fen
        FROM decided GROUP BY campaign_id, day
    ), quoted AS (
        SELECT campaign_id, day, quotes FROM quote_count
        WHERE day >= (%(since)s AT TIME ZONE 'Asia/Shanghai')::date
            AND day < (%(until)s AT TIME ZONE 'Asia/Shanghai')::date
            AND (%(campaign_id)s::text IS NULL OR campaign_id = %(campaign_id)s)
    )
    SELECT day, campaign_id, campaign.name AS campaign_name, coalesce(quotes, 0) AS quotes,
        coalesce(teams_opened, 0) AS teams_opened,
        coalesce(teams_formed, 0) AS teams_formed, coalesce(teams_failed, 0) AS teams_failed,
        coalesce(seats_locked, 0) AS seats_locked, coalesce(seats_paid, 0) AS seats_paid,
        coalesce(seats_formed, 0) AS seats_formed,
        median_seconds_to_form, coalesce(revenue_fen, 0) AS revenue_fen, coalesce(saved_fen, 0) AS saved_fen
    FROM opened FULL JOIN closed USING (campaign_id, day) FULL JOIN quoted USING (campaign_id, day)
    JOIN campaign ON campaign.id = campaign_id
    ORDER BY day, campaign_id"""

# In the order of their names, so that two processes never wait for each other in a circle.
ADD_QUOTES: Final = """
    INSERT INTO quote_count (campaign_id, day, quotes)
    SELECT key, %s, value::bigint FROM json_each_text(%s) ORDER BY key COLLATE "C"
    ON CONFLICT (campaign_id, day) DO UPDATE SET quotes = quote_count.quotes + excluded.quotes"""

NOW: Final = """
    SELECT * FROM (
        SELECT count(*) AS teams_forming, count(*) FILTER (WHERE closes_at <= %(soon)s) AS teams_closing_soon,
            coalesce(sum(seats_taken - seats_settled), 0)::bigint AS seats_held
        FROM team WHERE status = 'forming'
    ) AS forming, (
        SELECT count(*) FILTER (WHERE status = 'pending') AS webhooks_pending,
            min(created_at) FILTER (WHERE status = 'pending') AS webhooks_waiting_since,
            count(*) FILTER (WHERE status = 'dead') AS webhooks_dead
        FROM delivery JOIN event ON event.id = event_id WHERE status <> 'delivered'
    ) AS owed"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """Money is that of seats settled in teams that formed that day; one refunded since counts no more.

    Seats are those of the teams opened that day: taken, paid for, and paid for in teams that formed.
    """

    day: date
    campaign_id: str
    campaign_name: str
    quotes: int
    teams_opened: int
    teams_formed: int
    teams_failed: int
    seats_locked: int
    seats_paid: int
    seats_formed: int
    median_seconds_to_form: int | None
    revenue_fen: int
    saved_fen: int

    @property
    def fill_rate_bp(self) -> int | None:
        """Of the teams whose end came that day, how many had filled; None if none ended."""
        decided = self.teams_formed + self.teams_failed
        return self.teams_formed * 10_000 // decided if decided else None


async def days(
    connection: Connection, *, campaign_id: str | None, since: datetime, until: datetime
) -> Sequence[Day]:
    async with connection.cursor(row_factory=row_of(Day)) as cursor:
        await cursor.execute(DAYS, {"campaign_id": campaign_id, "since": since, "until": until})
        return await cursor.fetchall()


async def add_quotes(connection: Connection, counts: Mapping[str, int], *, day: date) -> None:
    await connection.execute(ADD_QUOTES, [day, msgspec.json.encode(counts).decode()])


@dataclass(frozen=True, kw_only=True, slots=True)
class Now:
    """What is open at this moment. `seats_held`: taken and not paid for. Webhooks are deliveries owed."""

    teams_forming: int
    teams_closing_soon: int
    seats_held: int
    webhooks_pending: int
    webhooks_waiting_since: datetime | None
    webhooks_dead: int


async def at_this_moment(connection: Connection, *, soon: datetime) -> Now:
    """`soon`: the moment before which a team counts as closing soon."""
    async with connection.cursor(row_factory=row_of(Now)) as cursor:
        await cursor.execute(NOW, {"soon": soon})
        [now] = await cursor.fetchall()
    return now
