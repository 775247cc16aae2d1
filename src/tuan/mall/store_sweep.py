"""What the sweep finds unfinished. A row somebody else has in hand is left to them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from psycopg.rows import class_row

from tuan.kernel.db import Connection

ABANDONED: Final = """
    SELECT number FROM mall_order WHERE status = 'created' AND created_at <= %(since)s
    ORDER BY number LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED"""

# Which job an order's status is the bookmark of.
ORDER_DEBTS: Final = """
    SELECT number AS order_number, NULL AS refund_number, job FROM mall_order,
        LATERAL (SELECT CASE
            WHEN status = 'ready' AND ready_at <= %(since)s THEN 'fulfil'
            WHEN status = 'paid' AND refund_asked_at <= %(since)s THEN 'take_back'
            WHEN status = 'paid' AND settled_at IS NULL AND paid_at <= %(since)s
                THEN CASE kind WHEN 'group' THEN 'settle' ELSE 'fulfil' END
        END) AS owed (job)
    WHERE (status IN ('created', 'ready') OR (status = 'paid' AND settled_at IS NULL)
            OR (status = 'paid' AND refund_asked_at IS NOT NULL))
        AND job IS NOT NULL
        AND NOT EXISTS (SELECT FROM procrastinate_jobs AS alive
            WHERE alive.lock = number AND alive.task_name = job AND alive.status IN ('todo', 'doing'))
    ORDER BY number LIMIT %(limit)s FOR NO KEY UPDATE OF mall_order SKIP LOCKED"""

REFUND_DEBTS: Final = """
    SELECT order_number, number AS refund_number, 'refund' AS job FROM refund
    WHERE status = 'owed' AND created_at <= %(since)s
        AND NOT EXISTS (SELECT FROM procrastinate_jobs AS alive
            WHERE alive.lock = order_number AND alive.task_name = 'refund'
                AND alive.args ->> 'refund_number' = number AND alive.status IN ('todo', 'doing'))
    ORDER BY number LIMIT %(limit)s FOR UPDATE OF refund SKIP LOCKED"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Debt:
    """A job that an order waits for."""

    job: str
    order_number: str
    refund_number: str | None

    @property
    def payload(self) -> dict[str, object]:
        named = self.order_number if self.refund_number is None else self.refund_number
        name = "order_number" if self.refund_number is None else "refund_number"
        return {name: named, "lock": self.order_number}


async def take_abandoned(connection: Connection, *, since: datetime, limit: int) -> list[str]:
    """Locks orders that nobody has gone on with."""
    answer = await connection.execute(ABANDONED, {"since": since, "limit": limit})
    return [number for (number,) in await answer.fetchall()]


async def take_order_debts(connection: Connection, *, since: datetime, limit: int) -> list[Debt]:
    return await _debts(connection, ORDER_DEBTS, since=since, limit=limit)


async def take_refund_debts(connection: Connection, *, since: datetime, limit: int) -> list[Debt]:
    return await _debts(connection, REFUND_DEBTS, since=since, limit=limit)


async def _debts(connection: Connection, query: LiteralString, *, since: datetime, limit: int) -> list[Debt]:
    """Locks what waits for a job and has none. Should two sweeps owe the same one at the same moment, no
    harm is done: every job is safe to repeat."""
    async with connection.cursor(row_factory=class_row(Debt)) as cursor:
        await cursor.execute(query, {"since": since, "limit": limit})
        return await cursor.fetchall()
