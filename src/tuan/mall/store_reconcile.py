"""Every query about days of reconciliation: which is due, which waits for its bill, how each ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from tuan.kernel.db import Connection, row_of

# From the first day with business on, and without a gap: a day nobody traded may still be billed.
TAKE_DUE: Final = """
    INSERT INTO reconciliation (gateway, day, status, tries, ask_at, lines, taken_fen, given_back_fen,
        fees_fen, started_at)
    SELECT name, one.day, 'waiting', 0, %(again_at)s, 0, 0, 0, 0, %(now)s
    FROM unnest(%(gateways)s::text[]) AS gateway (name),
        LATERAL (SELECT coalesce(
            (SELECT min(day) FROM reconciliation WHERE gateway = name),
            (SELECT min(opened_at AT TIME ZONE 'Asia/Shanghai')::date FROM payment WHERE gateway = name)
        )) AS business (begins_on),
        LATERAL (SELECT generate_series(begins_on, %(until)s::date, interval '1 day')::date) AS one (day)
    WHERE NOT EXISTS (SELECT FROM reconciliation AS known
        WHERE known.gateway = name AND known.day = one.day
            AND (known.status = 'done' OR known.ask_at > %(now)s))
    ORDER BY one.day, name LIMIT 1
    ON CONFLICT (gateway, day) DO UPDATE SET ask_at = excluded.ask_at
        WHERE reconciliation.ask_at <= %(now)s
    RETURNING gateway, day"""

BEGIN: Final = """
    INSERT INTO reconciliation (gateway, day, status, tries, ask_at, lines, taken_fen, given_back_fen,
        fees_fen, started_at)
    VALUES (%(gateway)s, %(day)s, 'waiting', 0, %(now)s, 0, 0, 0, 0, %(now)s)
    ON CONFLICT DO NOTHING"""

HOLD: Final = "SELECT FROM reconciliation WHERE gateway = %(gateway)s AND day = %(day)s FOR UPDATE"

POSTPONE: Final = """
    UPDATE reconciliation SET tries = tries + 1, trouble = %(trouble)s, ask_at = %(ask_at)s
    WHERE gateway = %(gateway)s AND day = %(day)s AND status = 'waiting' RETURNING tries"""

FINISH: Final = """
    UPDATE reconciliation SET status = 'done', trouble = NULL, ask_at = NULL, lines = %(lines)s,
        taken_fen = %(taken_fen)s, given_back_fen = %(given_back_fen)s, fees_fen = %(fees_fen)s,
        done_at = coalesce(done_at, %(now)s)
    WHERE gateway = %(gateway)s AND day = %(day)s"""

RUNS: Final = """
    SELECT gateway, day, status, tries, trouble, ask_at, lines, taken_fen, given_back_fen, fees_fen,
        started_at, done_at, breaks_open, breaks_found
    FROM reconciliation, LATERAL (SELECT count(*) FILTER (WHERE told.status = 'open'), count(*)
        FROM reconciliation_break AS told
        WHERE told.gateway = reconciliation.gateway AND told.day = reconciliation.day
    ) AS breaks (breaks_open, breaks_found)
    WHERE (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
        AND (%(day)s::date IS NULL OR day = %(day)s) AND (%(before)s::date IS NULL OR day < %(before)s)
    ORDER BY day DESC, gateway LIMIT %(limit)s"""


class RunStatus(StrEnum):
    WAITING = "waiting"  # For the bill, or to be taken up again.
    DONE = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    gateway: str
    day: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """How a day's reconciliation stands. Amounts are fen, as the bill has them."""

    gateway: str
    day: date
    status: RunStatus
    tries: int  # That ended without a bill.
    trouble: str | None
    ask_at: datetime | None
    lines: int
    taken_fen: int
    given_back_fen: int
    fees_fen: int
    started_at: datetime
    done_at: datetime | None
    breaks_open: int
    breaks_found: int


async def take_due(
    connection: Connection, gateways: Sequence[str], *, until: date, now: datetime, again_at: datetime
) -> Due | None:
    """The oldest day up to `until` that has not been done, and is not in somebody's hands."""
    values = {"gateways": list(gateways), "until": until, "now": now, "again_at": again_at}
    async with connection.cursor(row_factory=row_of(Due)) as cursor:
        await cursor.execute(TAKE_DUE, values)
        return await cursor.fetchone()


async def hold(connection: Connection, *, gateway: str, day: date, now: datetime) -> None:
    """Locks the day until the transaction ends; it need not have been begun."""
    values = {"gateway": gateway, "day": day, "now": now}
    await connection.execute(BEGIN, values)
    await connection.execute(HOLD, values)


async def postpone(connection: Connection, *, gateway: str, day: date, trouble: str, ask_at: datetime) -> int:
    """How often it has been tried in vain; 0 when somebody else has done it meanwhile."""
    values = {"gateway": gateway, "day": day, "trouble": trouble, "ask_at": ask_at}
    answer = await connection.execute(POSTPONE, values)
    found = await answer.fetchone()
    return found[0] if found else 0


async def finish(
    connection: Connection,
    *,
    gateway: str,
    day: date,
    lines: int,
    taken_fen: int,
    given_back_fen: int,
    fees_fen: int,
    now: datetime,
) -> None:
    values = {
        "gateway": gateway,
        "day": day,
        "lines": lines,
        "taken_fen": taken_fen,
        "given_back_fen": given_back_fen,
        "fees_fen": fees_fen,
        "now": now,
    }
    await connection.execute(FINISH, values)


async def runs(
    connection: Connection,
    *,
    gateway: str | None = None,
    day: date | None = None,
    before: date | None = None,
    limit: int,
) -> list[Run]:
    """Newest day first."""
    values = {"gateway": gateway, "day": day, "before": before, "limit": limit}
    async with connection.cursor(row_factory=row_of(Run)) as cursor:
        await cursor.execute(RUNS, values)
        return await cursor.fetchall()
