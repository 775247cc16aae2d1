"""How the mall did, day by day in Beijing: what became of a day's orders, and where its money is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tuan.kernel.db import Connection, row_of

# Every day, also one on which nothing happened: money held is a level, and a chart wants it whole.
DAYS: Final = """
    WITH placed AS (
        SELECT (created_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS orders_placed,
            count(*) FILTER (WHERE EXISTS (
                SELECT FROM payment WHERE order_number = mall_order.number)) AS orders_payable,
            count(paid_at) AS orders_paid, count(fulfilled_at) AS orders_fulfilled,
            count(*) FILTER (WHERE status = 'closed') AS orders_closed,
            count(refunding_at) AS orders_refunded
        FROM mall_order WHERE created_at >= %(since)s AND created_at < %(until)s GROUP BY day
    ), booked AS (
        SELECT (booked_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
            sum(amount_fen) FILTER (
                WHERE account = 'gateway' AND posting LIKE 'payment %%') AS money_in_fen,
            -sum(amount_fen) FILTER (WHERE account = 'earned') AS earned_fen,
            -sum(amount_fen) FILTER (
                WHERE account = 'gateway' AND posting LIKE 'refund done %%') AS refunded_fen,
            -sum(amount_fen) FILTER (WHERE account = 'held') AS held_more_fen
        FROM ledger_entry WHERE booked_at >= %(since)s AND booked_at < %(until)s GROUP BY day
    ), held AS (
        SELECT coalesce(-sum(amount_fen), 0) AS before_fen FROM ledger_entry
        WHERE account = 'held' AND booked_at < %(since)s
    )
    SELECT day, coalesce(orders_placed, 0) AS orders_placed, coalesce(orders_payable, 0) AS orders_payable,
        coalesce(orders_paid, 0) AS orders_paid, coalesce(orders_fulfilled, 0) AS orders_fulfilled,
        coalesce(orders_closed, 0) AS orders_closed, coalesce(orders_refunded, 0) AS orders_refunded,
        coalesce(money_in_fen, 0)::bigint AS money_in_fen, coalesce(earned_fen, 0)::bigint AS earned_fen,
        coalesce(refunded_fen, 0)::bigint AS refunded_fen,
        (before_fen + coalesce(sum(held_more_fen) OVER (ORDER BY day), 0))::bigint AS held_fen
    FROM (SELECT generate_series(%(first)s::date, %(last)s::date, interval '1 day')::date AS day) AS every
        LEFT JOIN placed USING (day) LEFT JOIN booked USING (day) CROSS JOIN held
    ORDER BY day"""


@dataclass(frozen=True, kw_only=True, slots=True)
class MallDay:
    """Orders are those placed that day, counted by what became of them until now; money moved that day.

    `earned_fen` is what was delivered for, less what was paid back of it; `held_fen` is what buyers had
    paid for and waited for when the day ended.
    """

    day: date
    orders_placed: int
    orders_payable: int
    orders_paid: int
    orders_fulfilled: int
    orders_closed: int
    orders_refunded: int
    money_in_fen: int
    earned_fen: int
    refunded_fen: int
    held_fen: int


async def days(
    connection: Connection, *, first: date, last: date, since: datetime, until: datetime
) -> Sequence[MallDay]:
    """`since` is when the first day begins, `until` when the last one ends."""
    asked = {"first": first, "last": last, "since": since, "until": until}
    async with connection.cursor(row_factory=row_of(MallDay)) as cursor:
        await cursor.execute(DAYS, asked)
        return await cursor.fetchall()
