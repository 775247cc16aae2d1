"""What must hold in the mall's tables, each as a query that finds what breaks it.

Those of the first kind hold at every instant, in one snapshot; those of the second once there was time,
until `since`, to do what was owed. The clocks of several machines may be `apart`. Days up to `due` have had
their time to be reconciled, and what happened `around` midnight may stand in either day's bill.
"""

from collections.abc import Mapping
from typing import Final, LiteralString

from tuan.kernel.db import Connection

# To be said first, before the snapshot is taken.
SNAPSHOT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

# Each payment and refund that moved money at a gateway.
MOVEMENTS: LiteralString = """
    SELECT gateway, 'payment' AS kind, number, gateway_trade_no, received_fen AS amount_fen, paid_at AS at
    FROM payment WHERE paid_at IS NOT NULL
    UNION ALL
    SELECT refund.gateway, 'refund', refund.number, gateway_trade_no, refund.amount_fen, done_at
    FROM refund JOIN payment ON payment.number = payment_number WHERE refund.status = 'done'"""

ALWAYS: Final[dict[str, LiteralString]] = {
    "a09_order_numbers_unique": """
        SELECT number FROM mall_order GROUP BY number HAVING count(*) > 1
        UNION ALL
        SELECT min(number) FROM mall_order GROUP BY buyer_id, idempotency_key HAVING count(*) > 1""",
    # An order from which money was taken, and not all given back, is one that somebody waits for or has.
    "a12_money_kept_is_wanted": """
        SELECT payment.number FROM payment
        LEFT JOIN refund ON payment_number = payment.number
        JOIN mall_order ON mall_order.number = payment.order_number
        WHERE payment.paid_at IS NOT NULL AND payment.received_fen > coalesce(refund.amount_fen, 0)
            AND mall_order.status NOT IN ('paid', 'ready', 'fulfilled')""",
    "a13_money_kept_is_the_price": """
        SELECT mall_order.number FROM mall_order JOIN payment ON payment.order_number = mall_order.number
        LEFT JOIN refund ON payment_number = payment.number WHERE payment.paid_at IS NOT NULL
        GROUP BY mall_order.number, payable_fen
        HAVING sum(received_fen - coalesce(refund.amount_fen, 0)) NOT IN (0, payable_fen)""",
    "a14_refunds_within_payment": """
        SELECT payment.number FROM payment JOIN refund ON payment_number = payment.number
        GROUP BY payment.number, payment.received_fen
        HAVING sum(refund.amount_fen) > coalesce(payment.received_fen, 0)""",
    "a15_refund_numbers_unique": """
        SELECT number FROM refund GROUP BY gateway, number HAVING count(*) > 1""",
    "a16_gateway_trades_unique": """
        SELECT min(number) FROM payment WHERE gateway_trade_no IS NOT NULL
        GROUP BY gateway, gateway_trade_no HAVING count(*) > 1""",
    "a18_delivered_once_and_paid_for": """
        SELECT order_number FROM delivery GROUP BY order_number HAVING count(*) > 1
        UNION ALL
        SELECT order_number FROM delivery JOIN mall_order ON number = order_number WHERE fulfilled_at IS NULL
        UNION ALL
        SELECT order_number FROM delivery WHERE NOT EXISTS (SELECT FROM payment
            WHERE payment.order_number = delivery.order_number AND status = 'paid')
        UNION ALL
        SELECT number FROM mall_order WHERE fulfilled_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM delivery WHERE order_number = number)""",
    "a19_postings_balance": """
        SELECT posting FROM ledger_entry GROUP BY posting HAVING sum(amount_fen) <> 0 OR count(*) <> 2""",
    "a20_ledger_tells_the_facts": """
        WITH facts AS (
            SELECT 'payment ' || number AS posting, 'gateway' AS account, received_fen AS amount_fen
            FROM payment WHERE paid_at IS NOT NULL
            UNION ALL
            SELECT 'delivery ' || order_number, 'earned', -payable_fen
            FROM delivery JOIN mall_order ON number = order_number
            UNION ALL
            SELECT 'refund owed ' || number, 'refund_owed', -amount_fen FROM refund
            UNION ALL
            SELECT 'refund done ' || number, 'gateway', -amount_fen FROM refund WHERE status = 'done'
            UNION ALL
            SELECT 'fee ' || kind || ' ' || number, 'gateway_fee', fee_fen FROM bill_line WHERE fee_fen <> 0
        ), booked AS (
            SELECT posting, account, amount_fen FROM ledger_entry
            WHERE account = CASE split_part(posting, ' ', 1)
                WHEN 'delivery' THEN 'earned'
                WHEN 'fee' THEN 'gateway_fee'
                WHEN 'refund' THEN CASE split_part(posting, ' ', 2)
                    WHEN 'owed' THEN 'refund_owed' ELSE 'gateway' END
                ELSE 'gateway' END
        )
        SELECT coalesce(facts.posting, booked.posting) FROM facts
        FULL JOIN booked USING (posting, account)
        WHERE facts.amount_fen IS DISTINCT FROM booked.amount_fen""",
    # Nothing is held for an order that has come to its end.
    "a20_nothing_held_at_the_end": """
        SELECT number FROM mall_order JOIN ledger_entry ON order_number = number
        GROUP BY number, status, payable_fen
        HAVING coalesce(-sum(amount_fen) FILTER (WHERE account = 'held'), 0)
                <> CASE WHEN status IN ('paid', 'ready') THEN payable_fen ELSE 0 END
            OR coalesce(-sum(amount_fen) FILTER (WHERE account = 'earned'), 0)
                <> CASE WHEN status = 'fulfilled' THEN payable_fen ELSE 0 END""",
    # One number for the whole house: what came in is held, earned, owed back or given back; and what did
    # not go back is at the gateway, or was its fee.
    "a21_money_is_conserved": """
        SELECT 'all' FROM (SELECT
            (SELECT coalesce(sum(received_fen), 0) FROM payment) AS came,
            (SELECT coalesce(sum(amount_fen), 0) FROM refund WHERE status = 'done') AS went,
            (SELECT coalesce(-sum(amount_fen), 0) FROM ledger_entry
                WHERE account IN ('held', 'earned', 'refund_owed')) AS owed,
            (SELECT coalesce(sum(amount_fen), 0) FROM ledger_entry
                WHERE account IN ('gateway', 'gateway_fee')) AS kept) AS total
        WHERE came - went <> owed OR came - went <> kept""",
    "a24_forgeries_without_effect": """
        SELECT id FROM notify_log WHERE verdict IN ('forged', 'malformed') AND payment_number IS NOT NULL""",
    "a25_money_has_its_witness": """
        SELECT notify_log.id FROM notify_log
        LEFT JOIN payment ON payment.number = payment_number AND paid_at IS NOT NULL
        WHERE verdict IN ('paid', 'late_money', 'repeated') AND payment.number IS NULL
        UNION ALL
        SELECT number FROM payment WHERE told_by = 'notify' AND NOT EXISTS (SELECT FROM notify_log
            WHERE payment_number = number AND verdict IN ('paid', 'late_money', 'amount_differs'))""",
    "a26_moves_allowed": """
        SELECT order_number FROM order_transition
        WHERE coalesce(from_status, '') || ' ' || to_status <> ALL (%(moves)s)""",
    "a27_moves_follow_each_other": """
        SELECT order_number FROM (SELECT order_number, from_status,
            lag(to_status) OVER (PARTITION BY order_number ORDER BY id) AS before
            FROM order_transition) AS move
        WHERE from_status IS DISTINCT FROM before""",
    "a28_last_move_is_the_status": """
        SELECT number FROM mall_order LEFT JOIN LATERAL (SELECT to_status FROM order_transition
            WHERE order_number = number ORDER BY id DESC LIMIT 1) AS last ON true
        WHERE to_status IS DISTINCT FROM status""",
    "a29_moments_in_order": """
        SELECT number FROM mall_order WHERE (ready_at IS NOT NULL AND paid_at IS NULL)
            OR ready_at > fulfilled_at + %(apart)s OR refunding_at > refunded_at + %(apart)s
            OR created_at > least(ready_at, fulfilled_at, closed_at, refunding_at) + %(apart)s
            OR greatest(ready_at, fulfilled_at, closed_at) > refunding_at + %(apart)s
        UNION ALL
        SELECT number FROM payment WHERE expires_at <= opened_at
        UNION ALL
        SELECT number FROM refund WHERE created_at > done_at + %(apart)s""",
    "a30_confirmed_is_what_we_hold": f"""
        SELECT bill_line.number FROM bill_line LEFT JOIN ({MOVEMENTS}) AS ours USING (gateway, kind, number)
        WHERE (ours.gateway_trade_no, ours.amount_fen)
            IS DISTINCT FROM (bill_line.gateway_trade_no, bill_line.amount_fen)""",
    # An order goes back when, and only when, a refund of it says so.
    "a32_refunds_and_orders_agree": """
        SELECT mall_order.number FROM mall_order
        LEFT JOIN refund ON refund.order_number = mall_order.number
        WHERE mall_order.status IN ('refunding', 'refunded')
        GROUP BY mall_order.number, mall_order.status
        HAVING count(refund.number) = 0
            OR (mall_order.status = 'refunded') <> bool_and(refund.status = 'done')""",
}

# A little later.
AT_REST: Final[dict[str, LiteralString]] = {
    "a06_unpaid_orders_close": """
        SELECT number FROM mall_order WHERE status = 'created' AND created_at < %(since)s
        UNION ALL
        SELECT number FROM mall_order WHERE status = 'awaiting_payment'
            AND (SELECT max(expires_at) FROM payment WHERE order_number = mall_order.number) < %(since)s""",
    "a17_refunds_are_made": """
        SELECT number FROM refund WHERE status <> 'done' AND created_at < %(since)s""",
    "a23_bookmarks_have_their_job": """
        SELECT number FROM mall_order
        WHERE (status = 'ready' AND ready_at < %(since)s)
            OR (status = 'paid' AND refund_asked_at < %(since)s)
            OR (status = 'paid' AND kind = 'group' AND settled_at IS NULL AND paid_at < %(since)s)""",
    "a30_breaks_have_ended": """
        SELECT gateway || ' ' || kind || ' ' || about FROM reconciliation_break
        WHERE status = 'open' AND found_at < %(since)s""",
    "a30_bills_leave_nothing_out": f"""
        SELECT number FROM ({MOVEMENTS}) AS ours
        WHERE (SELECT bool_and(EXISTS (SELECT FROM reconciliation
                WHERE reconciliation.gateway = ours.gateway AND status = 'done'
                    AND day = (moment AT TIME ZONE 'Asia/Shanghai')::date))
            FROM (VALUES (at - %(around)s), (at + %(around)s)) AS either (moment))
            AND NOT EXISTS (SELECT FROM bill_line WHERE (bill_line.gateway, bill_line.kind, bill_line.number)
                = (ours.gateway, ours.kind, ours.number))
            AND NOT EXISTS (SELECT FROM reconciliation_break
                WHERE reconciliation_break.gateway = ours.gateway AND about = number)""",
    "a30_days_are_reconciled": """
        SELECT gateway || ' ' || day FROM (SELECT gateway,
                generate_series(min((opened_at AT TIME ZONE 'Asia/Shanghai')::date), %(due)s::date,
                    interval '1 day')::date AS day
            FROM payment GROUP BY gateway) AS business
        WHERE NOT EXISTS (SELECT FROM reconciliation
            WHERE reconciliation.gateway = business.gateway AND reconciliation.day = business.day
                AND status = 'done')""",
    "a31_alone_paid_is_delivered": """
        SELECT number FROM mall_order WHERE kind = 'alone' AND status IN ('paid', 'ready')
            AND paid_at < %(since)s""",
}


# For as long as its transaction lasts.
ALONE: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('audit', 0))"


async def is_alone(connection: Connection) -> bool:
    """Whether nobody else audits at this moment."""
    answer = await connection.execute(ALONE)
    return await answer.fetchone() == (True,)


async def broken(connection: Connection, query: LiteralString, *, values: Mapping[str, object]) -> list[str]:
    answer = await connection.execute(query, values)
    return [str(found) for (found,) in await answer.fetchall()]
