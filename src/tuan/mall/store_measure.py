"""What the mall's rows say to whoever watches: money that waits, and the work that would end its waiting."""

from typing import Final, LiteralString

LEVELS: Final[LiteralString] = """
    SELECT 'tuan_orders', status, count(*) FROM mall_order
    WHERE status IN ('created', 'awaiting_payment', 'paid', 'ready', 'refunding') GROUP BY status
    UNION ALL
    SELECT 'tuan_order_unpaid_seconds', 'oldest', coalesce(extract(epoch FROM now() - min(created_at)), 0)
    FROM mall_order WHERE status = 'awaiting_payment'
    UNION ALL
    SELECT 'tuan_order_unsettled_seconds', 'oldest', coalesce(extract(epoch FROM now() - min(paid_at)), 0)
    FROM mall_order WHERE status = 'paid' AND kind = 'group' AND settled_at IS NULL
    UNION ALL
    -- Taken, and neither earned by a delivery nor given back.
    SELECT 'tuan_money_held_fen', 'orders', coalesce(sum(payable_fen), 0)
    FROM mall_order WHERE status IN ('paid', 'ready', 'refunding')
    UNION ALL
    SELECT 'tuan_refund_oldest_seconds', gateway, extract(epoch FROM now() - min(created_at))
    FROM refund WHERE status = 'owed' GROUP BY gateway
    UNION ALL
    SELECT 'tuan_jobs', task_name || ' ' || status, count(*)
    FROM procrastinate_jobs WHERE status <> 'succeeded' GROUP BY task_name, status
    UNION ALL
    SELECT 'tuan_job_oldest_seconds', task_name, extract(epoch FROM now() - min(procrastinate_events.at))
    FROM procrastinate_jobs JOIN procrastinate_events ON procrastinate_events.job_id = procrastinate_jobs.id
    WHERE procrastinate_jobs.status IN ('todo', 'doing') GROUP BY task_name"""
