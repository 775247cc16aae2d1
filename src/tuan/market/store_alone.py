"""Writing one lock that was decided by what we remember, where that still holds."""

from typing import Final

from tuan.kernel.db import Pool, transaction
from tuan.market.campaign import Listing
from tuan.market.store import SEAT_LOCKED, row
from tuan.market.team import Seat, Team

# In a statement of its own, before: what this lock guards is read after it.
HOLD_BUYER: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s || ' ' || %s, 0))"

IT_IS_SO: Final = """
    EXISTS (
        SELECT FROM listing JOIN campaign ON campaign.id = listing.campaign_id
        WHERE (source, channel, goods_id) = (%(source)s, %(channel)s, %(goods_id)s)
            AND (terms_id, list_fen, status, starts_at, ends_at)
                = (%(terms_id)s, %(list_fen)s, %(status)s, %(starts_at)s, %(ends_at)s))
    AND NOT EXISTS (SELECT FROM seat WHERE (campaign_id, buyer_id) = (%(campaign_id)s, %(buyer_id)s))
    AND NOT EXISTS (SELECT FROM seat WHERE (source, out_trade_no) = (%(source)s, %(out_trade_no)s))"""

JOIN: Final = f"""
    UPDATE team SET seats_taken = seats_taken + 1
    WHERE id = %(team_id)s AND status = 'forming' AND seats_taken < seats_target AND {IT_IS_SO}
    RETURNING seats_taken, seats_settled"""

OPEN: Final = f"""
    INSERT INTO team SELECT * FROM json_populate_record(NULL::team, %(team)s) WHERE {IT_IS_SO}
    RETURNING seats_taken, seats_settled"""

LOCK: Final = f"""
    WITH found AS (%s), locked AS (
        INSERT INTO seat {SEAT_LOCKED} FROM found, json_populate_record(NULL::seat, %%(seat)s)
    )
    SELECT seats_taken, seats_settled FROM found"""
LOCK_A_SEAT: Final = LOCK % JOIN
LOCK_THE_FIRST: Final = LOCK % OPEN


async def save_if_so(pool: Pool, seat: Seat, team: Team, listing: Listing, *, opens: bool) -> bool:
    """Whether the seat was locked, in one trip: `team` is new, or forms and has room; the goods are sold as
    `listing` says; and the buyer never had a seat in this campaign. Then `team` counts as the database does;
    else nothing was written.
    """
    campaign = listing.campaign
    known = {
        "source": seat.source,
        "channel": seat.channel,
        "goods_id": seat.goods_id,
        "campaign_id": campaign.id,
        "list_fen": listing.list_fen,
        "status": campaign.status,
        "starts_at": campaign.starts_at,
        "ends_at": campaign.ends_at,
        "terms_id": campaign.terms.id,
        "buyer_id": seat.buyer_id,
        "out_trade_no": seat.out_trade_no,
        "seat": row(seat),
    }
    team_known = {"team": row(team)} if opens else {"team_id": team.id}
    async with transaction(pool) as connection:
        await connection.execute(HOLD_BUYER, [campaign.id, seat.buyer_id])
        statement = LOCK_THE_FIRST if opens else LOCK_A_SEAT
        answer = await connection.execute(statement, known | team_known)
    if (counts := await answer.fetchone()) is None:
        return False
    team.seats_taken, team.seats_settled = counts
    return True
