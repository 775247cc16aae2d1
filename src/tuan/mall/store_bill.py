"""What our books say of what a bill names, and what bills have confirmed."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Final

from psycopg.types.json import Jsonb

from tuan.kernel.db import Connection, row_of
from tuan.mall.bill import BillLine, MovementKind
from tuan.mall.reconciliation import Movement

BILLED_DAYS: Final = """
    SELECT day FROM reconciliation WHERE gateway = %(gateway)s AND status = 'done'
        AND day BETWEEN %(day)s::date - 1 AND %(day)s::date + 1"""

# What the bill names, under our number or the gateway's; and what happened around the day, unless the
# run of another day has spoken about it.
MOVEMENTS: Final = """
    WITH paid AS (
        SELECT 'payment' AS kind, payment.number, payment.number AS payment_number, order_number,
            gateway_trade_no, received_fen AS amount_fen, payment.paid_at AS at,
            'payment ' || payment.number AS posting, 1 AS sign,
            EXISTS (SELECT FROM refund WHERE payment_number = payment.number)
                OR (payment.status = 'paid' AND mall_order.status IN ('paid', 'ready', 'fulfilled'))
                AS is_accounted_for,
            payment.number = ANY(%(payments)s) OR gateway_trade_no = ANY(%(trades)s) AS is_named
        FROM payment JOIN mall_order ON mall_order.number = order_number
        WHERE gateway = %(gateway)s AND (payment.number = ANY(%(payments)s)
            OR gateway_trade_no = ANY(%(trades)s)
            OR (payment.paid_at >= %(since)s AND payment.paid_at < %(until)s))
    ), refunded AS (
        SELECT 'refund' AS kind, refund.number, payment_number, refund.order_number, gateway_trade_no,
            CASE refund.status WHEN 'done' THEN refund.amount_fen END AS amount_fen, done_at AS at,
            'refund done ' || refund.number AS posting, -1 AS sign, true AS is_accounted_for,
            refund.number = ANY(%(refunds)s) OR gateway_trade_no = ANY(%(refunded_trades)s) AS is_named
        FROM refund JOIN payment ON payment.number = payment_number
        WHERE refund.gateway = %(gateway)s AND (refund.number = ANY(%(refunds)s)
            OR gateway_trade_no = ANY(%(refunded_trades)s)
            OR (done_at >= %(since)s AND done_at < %(until)s))
    )
    SELECT one.kind, one.number, payment_number, order_number, one.gateway_trade_no, one.amount_fen,
        coalesce(sign * (SELECT entry.amount_fen FROM ledger_entry AS entry
            WHERE entry.posting = one.posting AND account = 'gateway'), 0) AS ledger_fen,
        at, bill_line.day AS billed_on, fee_fen, is_accounted_for
    FROM (SELECT * FROM paid UNION ALL SELECT * FROM refunded) AS one
    LEFT JOIN bill_line ON (bill_line.gateway, bill_line.kind, bill_line.number)
        = (%(gateway)s, one.kind, one.number)
    WHERE is_named OR NOT EXISTS (SELECT FROM reconciliation_break AS told
        WHERE told.gateway = %(gateway)s AND told.about = one.number AND told.day <> %(day)s)"""

CONFIRM: Final = """
    INSERT INTO bill_line (gateway, kind, number, day, gateway_trade_no, amount_fen, fee_fen, billed_at,
        confirmed_at)
    SELECT %(gateway)s, kind, number, %(day)s, gateway_trade_no, amount_fen, fee_fen, at, %(now)s
    FROM jsonb_to_recordset(%(lines)s) AS new (kind text, number text, gateway_trade_no text,
        amount_fen bigint, fee_fen bigint, at timestamptz)
    ON CONFLICT DO NOTHING RETURNING kind, number"""


async def billed_days(connection: Connection, *, gateway: str, around: date) -> set[date]:
    """Which of this day and its neighbours have been held against their bill."""
    answer = await connection.execute(BILLED_DAYS, {"gateway": gateway, "day": around})
    return {day for (day,) in await answer.fetchall()}


async def movements(
    connection: Connection,
    lines: Sequence[BillLine],
    *,
    gateway: str,
    day: date,
    since: datetime,
    until: datetime,
) -> list[Movement]:
    """What the lines name, and what happened between two moments; all at one."""
    payments = [line for line in lines if line.kind is MovementKind.PAYMENT]
    refunds = [line for line in lines if line.kind is MovementKind.REFUND]
    values = {
        "gateway": gateway,
        "day": day,
        "since": since,
        "until": until,
        "payments": [line.number for line in payments],
        "trades": [line.gateway_trade_no for line in payments],
        "refunds": [line.number for line in refunds],
        "refunded_trades": [line.gateway_trade_no for line in refunds],
    }
    async with connection.cursor(row_factory=row_of(Movement)) as cursor:
        await cursor.execute(MOVEMENTS, values)
        return await cursor.fetchall()


async def confirm(
    connection: Connection, lines: Sequence[BillLine], *, gateway: str, day: date, now: datetime
) -> set[tuple[MovementKind, str]]:
    """Those that no bill had confirmed before, by kind and number."""
    told = [asdict(line) | {"number": line.number, "at": line.at.isoformat()} for line in lines]
    values = {"gateway": gateway, "day": day, "lines": Jsonb(told), "now": now}
    answer = await connection.execute(CONFIRM, values)
    return {(MovementKind(kind), number) for kind, number in await answer.fetchall()}
