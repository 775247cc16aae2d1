"""What must never be found in the market's tables. Each query answers with the rows that break its rule.

Safety holds at every instant, within one snapshot. Liveness holds once the sweeps have had their time:
those queries allow a minute.
"""

from typing import Final

from tuan.kernel.audit import Rule

RULES: Final = (
    Rule(
        "team_counts",
        "A forming team counts its held seats, and a formed one is full.",
        """
        SELECT team.id FROM team LEFT JOIN seat ON team_id = team.id AND given_back = ''
        WHERE team.status = 'forming' GROUP BY team.id, seats_taken, seats_settled
        HAVING seats_taken <> count(team_id)
            OR seats_settled <> count(*) FILTER (WHERE seat.status = 'settled')
        UNION ALL
        SELECT team.id FROM team JOIN event ON (kind, about) = ('team.formed', team.id)
        LEFT JOIN seat ON team_id = team.id AND seat.status IN ('settled', 'refunded')
            AND data -> 'out_trade_nos' ? out_trade_no
        GROUP BY team.id, seats_target HAVING seats_target <> count(team_id)""",
    ),
    Rule(
        "team_bounds",
        "0 ≤ settled ≤ taken ≤ target.",
        "SELECT id FROM team WHERE NOT (0 <= seats_settled AND seats_settled <= seats_taken"
        " AND seats_taken <= seats_target)",
    ),
    Rule(
        "team_status",
        "Formed means every seat settled; over means it says when.",
        "SELECT id FROM team WHERE (status = 'formed') <> (seats_settled = seats_target)"
        " OR (status = 'forming') <> (closed_at IS NULL)",
    ),
    Rule(
        "held_in_closed_team",
        "A team that is over holds no unpaid seat, and one that failed holds none.",
        "SELECT out_trade_no FROM seat JOIN team ON team.id = team_id WHERE given_back = ''"
        " AND (team.status = 'failed' OR (team.status = 'formed' AND seat.status = 'locked'))",
    ),
    Rule(
        "one_seat_per_buyer_and_team",
        "A buyer sits in a team once.",
        "SELECT team_id || ' ' || buyer_id FROM seat WHERE status IN ('locked', 'settled')"
        " GROUP BY team_id, buyer_id HAVING count(*) > 1",
    ),
    Rule(
        "take_limit",
        "No buyer holds more seats of a campaign than its most generous terms allow.",
        "SELECT seat.campaign_id || ' ' || buyer_id FROM seat WHERE status IN ('locked', 'settled')"
        " GROUP BY seat.campaign_id, buyer_id"
        " HAVING count(*) > (SELECT max(take_limit) FROM terms WHERE terms.campaign_id = seat.campaign_id)",
    ),
    Rule(
        "order_number",
        "An order number has one seat.",
        "SELECT source || ' ' || out_trade_no FROM seat GROUP BY source, out_trade_no HAVING count(*) > 1",
    ),
    Rule(
        "price",
        "List price is discount and payable, and nothing is free.",
        "SELECT out_trade_no FROM seat WHERE payable_fen <> list_fen - discount_fen OR payable_fen < 1"
        " OR discount_fen < 0",
    ),
    Rule(
        "seat_matches_team",
        "A seat is of its team's campaign, goods and source.",
        "SELECT out_trade_no FROM seat JOIN team ON team.id = team_id"
        " WHERE (seat.campaign_id, seat.goods_id, seat.source)"
        " <> (team.campaign_id, team.goods_id, team.source)",
    ),
    Rule(
        "time_order",
        "Locked while the team formed; paid before it closed; given back after it was locked.",
        "SELECT out_trade_no FROM seat JOIN team ON team.id = team_id WHERE locked_at >= closes_at"
        " OR paid_at >= closes_at OR hold_until <= locked_at OR given_back_at < locked_at"
        " OR (seat.status IN ('settled', 'refunded')) <> (paid_at IS NOT NULL)",
    ),
    Rule(
        "one_event_per_outcome",
        "A team that formed or failed says so once, and no other does.",
        """
        SELECT team.id FROM team LEFT JOIN event ON about = team.id AND kind = 'team.' || status
            AND event.source = team.source
        WHERE status <> 'forming' GROUP BY team.id HAVING count(event.id) <> 1
        UNION ALL
        SELECT event.id FROM event LEFT JOIN team ON team.id = about AND kind = 'team.' || status
        WHERE kind LIKE 'team.%' AND team.id IS NULL""",
    ),
    Rule(
        "formed_names_its_seats",
        "team.formed names as many orders as the team has seats.",
        "SELECT event.id FROM event JOIN team ON team.id = about WHERE kind = 'team.formed'"
        " AND jsonb_array_length(data -> 'out_trade_nos') <> seats_target",
    ),
    Rule(
        "event_for_every_return",
        "A seat given back on its own is told of; one lost with its team is named there.",
        """
        SELECT out_trade_no FROM seat JOIN team ON team.id = team_id
        WHERE seat.status IN ('released', 'refunded') AND NOT EXISTS (
            SELECT FROM event
            WHERE (kind, source, about) = ('seat.' || seat.status, seat.source, out_trade_no)
        ) AND NOT EXISTS (
            SELECT FROM event WHERE (kind, source, about) = ('team.failed', seat.source, team_id)
                AND (data -> 'out_trade_nos' ? out_trade_no
                    OR data -> 'released_out_trade_nos' ? out_trade_no))""",
    ),
    Rule(
        "team_stuck_forming",
        "A team past its deadline and grace has failed.",
        "SELECT id FROM team WHERE status = 'forming' AND closes_at < %(overdue)s",
        needs_time=True,
    ),
    Rule(
        "hold_not_released",
        "A hold that ended has been released.",
        "SELECT out_trade_no FROM seat WHERE status = 'locked' AND hold_until < %(overdue)s",
        needs_time=True,
    ),
    Rule(
        "delivery_owed",
        "A delivery that is pending has a job that will carry it.",
        """
        SELECT event_id || ' ' || endpoint_id FROM delivery JOIN endpoint ON endpoint.id = endpoint_id
        WHERE delivery.status = 'pending' AND disabled_at IS NULL AND NOT EXISTS (
            SELECT FROM procrastinate_jobs WHERE task_name = 'deliver' AND status IN ('todo', 'doing')
                AND args ->> 'event_id' = event_id AND args ->> 'endpoint_id' = endpoint_id)""",
    ),
)
