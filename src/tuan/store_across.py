"""What must hold between the services: each query finds what breaks it.

The market's seats and teams, and what the stand-in for the gateway did, are laid as temporary tables
beside the mall's own. Each service is seen at a moment of its own, and one tells the other what happened
only after it has; so what moved after `overdue` is left out.
"""

from dataclasses import dataclass
from typing import Final, LiteralString

from tuan.kernel.audit import Rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Laid:
    """A table of another service, as it stands beside the mall's."""

    table: LiteralString
    columns: LiteralString
    query: LiteralString  # Asked of the other service.


OF_THE_MARKET: Final = (
    Laid(
        table="market_team",
        columns="id text, source text, status text, closed_at timestamptz",
        query="SELECT id, source, status, closed_at FROM team",
    ),
    Laid(
        table="market_seat",
        columns="source text, number text, team_id text, buyer_id text, payable_fen bigint, status text,"
        " moved_at timestamptz",
        query="SELECT source, out_trade_no, team_id, buyer_id, payable_fen, status,"
        " greatest(locked_at, paid_at, given_back_at) FROM seat",
    ),
    Laid(
        table="market_event",
        columns="id text, source text, kind text, about text",
        query="SELECT id, source, kind, about FROM event WHERE kind LIKE 'team.%'",
    ),
)

OF_THE_SANDBOX: Final = (
    Laid(
        table="witness_payment",
        columns="number text, amount_fen bigint, at timestamptz",
        query="SELECT out_trade_no, total_fen, paid_at FROM trade WHERE paid_at IS NOT NULL",
    ),
    Laid(
        table="witness_refund",
        columns="number text, amount_fen bigint, at timestamptz",
        query="SELECT refund_number, refund_fen, refunded_at FROM refund JOIN trade USING (trade_no)",
    ),
)

# The market serves others too. The mall is the source that its order numbers are known under.
KEEP_OURS: Final = """
    WITH ours AS (SELECT source FROM market_seat JOIN mall_order USING (number)
            GROUP BY source ORDER BY count(*) DESC LIMIT 1),
        seats AS (DELETE FROM market_seat WHERE source NOT IN (SELECT source FROM ours)),
        teams AS (DELETE FROM market_team WHERE source NOT IN (SELECT source FROM ours))
    DELETE FROM market_event WHERE source NOT IN (SELECT source FROM ours)"""

# A group order whose price and seat the market has given: from then on it has a payment.
ORDER_AND_SEAT: LiteralString = """
    (SELECT number, mall_order.status, mall_order.buyer_id, mall_order.team_id, mall_order.payable_fen,
        market_seat.status AS seat_status, market_seat.buyer_id AS seat_buyer,
        market_seat.team_id AS seat_team, market_seat.payable_fen AS seat_fen,
        EXISTS (SELECT FROM payment WHERE order_number = mall_order.number) AS has_payment,
        greatest(moved_at, (SELECT max(written_at) FROM order_transition
            WHERE order_number = number)) AS moved_at
    FROM mall_order JOIN market_seat USING (number)) AS both_sides"""

WITH_THE_MARKET: Final = (
    Rule(
        "a10_order_has_its_seat",
        "A group order that got as far as a payment has a seat in the market.",
        """
        SELECT number FROM mall_order WHERE kind = 'group' AND created_at < %(overdue)s
            AND EXISTS (SELECT FROM payment WHERE order_number = mall_order.number)
            AND NOT EXISTS (SELECT FROM market_seat WHERE market_seat.number = mall_order.number)""",
        needs_time=True,
    ),
    Rule(
        "a10_seat_has_its_order",
        "A seat under the mall's source is one of the mall's group orders.",
        """
        SELECT number FROM market_seat WHERE moved_at < %(overdue)s AND NOT EXISTS (SELECT FROM mall_order
            WHERE mall_order.number = market_seat.number AND kind = 'group')""",
        needs_time=True,
    ),
    Rule(
        "a10_same_buyer_team_and_price",
        "Seat and order are of the same buyer; once there is a payment, of the same team and price.",
        f"""
        SELECT number FROM {ORDER_AND_SEAT} WHERE moved_at < %(overdue)s
            AND (seat_buyer <> buyer_id
                OR (has_payment AND (seat_team, seat_fen) IS DISTINCT FROM (team_id, payable_fen)))""",
        needs_time=True,
    ),
    Rule(
        "a10_statuses_agree",
        "A seat is held for an order that waits or has paid, and given back for one that is over.",
        f"""
        SELECT number || ' is ' || status || ', its seat ' || seat_status FROM {ORDER_AND_SEAT}
        WHERE moved_at < %(overdue)s AND status <> ALL (CASE seat_status
            WHEN 'locked' THEN ARRAY['created', 'awaiting_payment']
            WHEN 'settled' THEN ARRAY['paid', 'ready', 'fulfilled']
            WHEN 'released' THEN ARRAY['closed', 'refunding', 'refunded']
            ELSE ARRAY['refunding', 'refunded'] END)""",
        needs_time=True,
    ),
    Rule(
        "a12_kept_money_has_its_team",
        "Money is kept for a seat of a team that forms, and goods are made ready for one that has formed.",
        f"""
        SELECT number FROM {ORDER_AND_SEAT} LEFT JOIN market_team ON market_team.id = seat_team
        WHERE moved_at < %(overdue)s AND coalesce(closed_at, moved_at) < %(overdue)s
            AND ((both_sides.status = 'paid' AND market_team.status IS DISTINCT FROM 'forming')
                OR (both_sides.status IN ('ready', 'fulfilled')
                    AND market_team.status IS DISTINCT FROM 'formed'))""",
        needs_time=True,
    ),
    Rule(
        "a17_failed_teams_money_is_back",
        "All that was paid for seats of a team that failed has been refunded.",
        """
        SELECT payment.number FROM payment JOIN market_seat ON market_seat.number = order_number
        JOIN market_team ON market_team.id = market_seat.team_id
        WHERE market_team.status = 'failed' AND closed_at < %(overdue)s AND payment.paid_at < %(overdue)s
            AND payment.received_fen <> (SELECT coalesce(sum(amount_fen), 0) FROM refund
                WHERE payment_number = payment.number AND refund.status = 'done')""",
        needs_time=True,
    ),
    Rule(
        "a18_delivered_to_teams_that_formed",
        "What was bought in a group is delivered only to a paid seat of a team that formed.",
        """
        SELECT order_number FROM delivery JOIN mall_order ON mall_order.number = order_number
        LEFT JOIN market_seat ON market_seat.number = order_number
        LEFT JOIN market_team ON market_team.id = market_seat.team_id
        WHERE kind = 'group' AND delivered_at < %(overdue)s AND (market_team.status IS DISTINCT FROM 'formed'
            OR market_seat.status NOT IN ('settled', 'refunded'))""",
        needs_time=True,
    ),
    Rule(
        "a20_books_hold_what_seats_cost",
        "The ledger holds, or has earned, the price of every settled seat, and nothing for any other.",
        f"""
        SELECT number FROM {ORDER_AND_SEAT} WHERE moved_at < %(overdue)s
            AND (SELECT coalesce(-sum(amount_fen), 0) FROM ledger_entry
                    WHERE order_number = number AND account IN ('held', 'earned'))
                <> CASE seat_status WHEN 'settled' THEN seat_fen ELSE 0 END""",
        needs_time=True,
    ),
    Rule(
        "a22_outcomes_have_arrived",
        "The mall has heard of every team that formed or failed.",
        """
        SELECT market_team.id FROM market_team WHERE status <> 'forming' AND closed_at < %(overdue)s
            AND NOT EXISTS (SELECT FROM market_event JOIN inbox ON webhook_id = market_event.id
                WHERE about = market_team.id AND market_event.kind = 'team.' || status)""",
        needs_time=True,
    ),
)

WITH_THE_SANDBOX: Final = (
    Rule(
        "witness_took_what_we_booked",
        "What the gateway says it took is what the ledger says it keeps for us, payment by payment.",
        """
        SELECT coalesce(witness.number, booked.number) FROM witness_payment AS witness
        FULL JOIN (SELECT number, ledger_entry.amount_fen, booked_at FROM payment
            JOIN ledger_entry ON posting = 'payment ' || number AND account = 'gateway'
            WHERE gateway = 'alipay') AS booked USING (number)
        WHERE witness.amount_fen IS DISTINCT FROM booked.amount_fen
            AND coalesce(witness.at, booked_at) < %(overdue)s""",
        needs_time=True,
    ),
    Rule(
        "witness_gave_back_what_we_booked",
        "What the gateway says it gave back is what the ledger says went, refund by refund.",
        """
        SELECT coalesce(witness.number, booked.number) FROM witness_refund AS witness
        FULL JOIN (SELECT number, -ledger_entry.amount_fen AS amount_fen, booked_at FROM refund
            JOIN ledger_entry ON posting = 'refund done ' || number AND account = 'gateway'
            WHERE gateway = 'alipay') AS booked USING (number)
        WHERE witness.amount_fen IS DISTINCT FROM booked.amount_fen
            AND coalesce(witness.at, booked_at) < %(overdue)s""",
        needs_time=True,
    ),
)

MONEY: Final = """
    SELECT (SELECT coalesce(sum(received_fen), 0) FROM payment)::bigint,
        coalesce(-sum(amount_fen) FILTER (WHERE account = 'earned'), 0)::bigint,
        (SELECT coalesce(sum(amount_fen), 0) FROM refund WHERE status = 'done')::bigint,
        coalesce(-sum(amount_fen) FILTER (WHERE account = 'held'), 0)::bigint,
        coalesce(-sum(amount_fen) FILTER (WHERE account = 'refund_owed'), 0)::bigint,
        coalesce(sum(amount_fen) FILTER (WHERE account = 'gateway_fee'), 0)::bigint
    FROM ledger_entry"""
