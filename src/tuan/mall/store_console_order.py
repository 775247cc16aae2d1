"""Orders as an operator finds them, and all that happened to one, in order."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal

from psycopg.rows import dict_row

from tuan.kernel.db import Connection, row_of
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.mall.order import Order, OrderKind, OrderStatus
from tuan.mall.store_order import OWN, order_of_row

MOMENTS_MAX: Final = 500

FOUND: Final = f"""
    SELECT * FROM mall_order
    WHERE (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(number)s::text IS NULL OR number = %(number)s)
        AND (%(buyer_id)s::text IS NULL OR {OWN})
        AND (%(team_id)s::text IS NULL OR team_id = %(team_id)s)
        AND (%(product_id)s::text IS NULL OR product_id = %(product_id)s)
        AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)"""
ORDERS: Final = Sorting[Order](
    columns={
        "created": Column("created_at", Kind.MOMENT, lambda order: order.created_at),
        "paid": Column("paid_at", Kind.MOMENT, lambda order: order.paid_at, may_be_empty=True),
        "payable": Column("payable_fen", Kind.NUMBER, lambda order: order.payable_fen),
    },
    key=("number",),
    key_of=lambda order: (order.number,),
)

# The database's own words come in its own order; ours are written a moment before what came of them.
TIMELINE: Final = """
    WITH notifies AS MATERIALIZED (
        SELECT * FROM notify_log
        WHERE payment_number = ANY(ARRAY(SELECT number FROM payment WHERE order_number = %(number)s))
    )
    SELECT at, what, about, amount_fen, detail, reason, by FROM (
        SELECT written_at AS at, 2 AS turn, 'order.' || to_status AS what, order_number AS about,
            NULL::bigint AS amount_fen, CASE to_status WHEN 'closed' THEN refusal_code END AS detail,
            NULL AS reason, NULL AS by
        FROM order_transition JOIN mall_order ON number = order_number WHERE order_number = %(number)s
        UNION ALL SELECT written_at, 3, what, about, amount_fen, detail, reason, NULL
            FROM order_step WHERE order_number = %(number)s
        UNION ALL SELECT received_at, 1, 'notify.judged', id, NULL, verdict, NULL, NULL FROM notifies
        UNION ALL SELECT at, 0, 'deed', about, NULL, action, reason, operator_name FROM deed
            WHERE about = ANY(ARRAY(SELECT 'order:' || %(number)s
                UNION ALL SELECT 'payment:' || number FROM payment WHERE order_number = %(number)s
                UNION ALL SELECT 'refund:' || number FROM refund WHERE order_number = %(number)s
                UNION ALL SELECT 'notify:' || id FROM notifies))
    ) AS told ORDER BY at, turn, about, what LIMIT %(limit)s"""

What = Literal[
    "order.created",
    "order.awaiting_payment",
    "order.paid",
    "order.ready",
    "order.fulfilled",
    "order.closed",
    "order.refunding",
    "order.refunded",
    "payment.opened",
    "payment.asked",
    "payment.received",
    "payment.closed",
    "notify.judged",
    "seat.settled",
    "delivery.made",
    "refund.asked",
    "refund.owed",
    "refund.failed",
    "refund.stuck",
    "refund.done",
    "deed",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderFilter:
    status: OrderStatus | None = None
    kind: OrderKind | None = None
    number: str | None = None
    buyer_id: str | None = None
    team_id: str | None = None
    product_id: str | None = None
    since: datetime | None = None  # When it was placed.
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """One thing that happened to an order, or to its money.

    `detail` is a word of ours: a verdict, a refusal's code, the gateway's trouble, a deed's action.
    """

    at: datetime
    what: What
    about: str | None
    amount_fen: int | None
    detail: str | None
    reason: str | None  # As a person wrote it.
    by: str | None  # The operator's name.


async def orders(connection: Connection, wanted: OrderFilter, turn: Turn, *, limit: int) -> Sequence[Order]:
    """`turn` is one of ORDERS."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(FOUND + turn.sql, asdict(wanted) | turn.values | {"limit": limit})
    return [order_of_row(row) for row in await cursor.fetchall()]


async def timeline(connection: Connection, number: str) -> Sequence[Happening]:
    async with connection.cursor(row_factory=row_of(Happening)) as cursor:
        await cursor.execute(TIMELINE, {"number": number, "limit": MOMENTS_MAX})
        return await cursor.fetchall()
