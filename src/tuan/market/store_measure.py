"""What the market's rows say to whoever watches: teams, webhooks, jobs."""

from typing import Final, LiteralString

LEVELS: Final[LiteralString] = """
    SELECT 'tuan_teams', 'forming', count(*) FROM team WHERE status = 'forming'
    UNION ALL
    SELECT 'tuan_team_overdue_seconds', 'forming',
           coalesce(extract(epoch FROM now() - min(closes_at)), 0)
    FROM team WHERE status = 'forming' AND closes_at < now()
    UNION ALL
    -- From the last payment, as the gateway dates it, to the team that forms.
    SELECT 'tuan_team_forms_seconds', 'slowest',
           coalesce(max(extract(epoch FROM formed.closed_at - formed.paid_at)), 0)
    FROM (SELECT team.closed_at, max(seat.paid_at) AS paid_at
          FROM team JOIN seat ON seat.team_id = team.id
          WHERE team.status = 'formed' AND team.closed_at > now() - interval '15 minutes'
          GROUP BY team.id) AS formed
    UNION ALL
    SELECT 'tuan_webhook_oldest_seconds', delivery.endpoint_id,
           extract(epoch FROM now() - min(event.created_at))
    FROM delivery JOIN event ON event.id = delivery.event_id
    WHERE delivery.status = 'pending' GROUP BY delivery.endpoint_id
    UNION ALL
    SELECT 'tuan_jobs', task_name || ' ' || status, count(*)
    FROM procrastinate_jobs WHERE status <> 'succeeded' GROUP BY task_name, status
    UNION ALL
    SELECT 'tuan_job_oldest_seconds', task_name, extract(epoch FROM now() - min(procrastinate_events.at))
    FROM procrastinate_jobs JOIN procrastinate_events ON procrastinate_events.job_id = procrastinate_jobs.id
    WHERE procrastinate_jobs.status IN ('todo', 'doing') GROUP BY task_name"""
