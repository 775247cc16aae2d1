"""The queue as an operator sees it: what waits, since when, what failed and why. Nothing is dropped."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from tuan.kernel.db import Connection, row_of
from tuan.kernel.sorting import Column, Kind, Sorting, Turn

COLUMNS: Final = """
    SELECT job.id, task_name AS name, status::text AS status, lock, args, attempts, scheduled_at, owed_at,
        error, job_trouble.at AS failed_at
    FROM procrastinate_jobs AS job LEFT JOIN job_trouble ON job_id = job.id,
        LATERAL (SELECT min(at) FROM procrastinate_events WHERE job_id = job.id) AS event (owed_at)"""

FOUND: Final = f"""{COLUMNS}
    WHERE (%(status)s::text IS NULL OR status::text = %(status)s)
        AND (%(name)s::text IS NULL OR task_name = %(name)s)
        AND (%(lock)s::text IS NULL OR lock = %(lock)s)
        AND (%(owed_before)s::timestamptz IS NULL OR owed_at <= %(owed_before)s)"""

COUNTS: Final = """
    SELECT task_name AS name, status::text AS status, count(DISTINCT job.id) AS jobs, min(at) AS oldest_at
    FROM procrastinate_jobs AS job LEFT JOIN procrastinate_events ON job_id = job.id
    GROUP BY task_name, status ORDER BY task_name, status"""

HOLD: Final = f"{COLUMNS} WHERE job.id = %(id)s FOR UPDATE OF job"

AGAIN: Final = """
    UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, scheduled_at = NULL WHERE id = %(id)s"""

NOTE: Final = """
    INSERT INTO job_trouble (job_id, error, at) VALUES (%(id)s, %(error)s, clock_timestamp())
    ON CONFLICT (job_id) DO UPDATE SET error = excluded.error, at = excluded.at"""


class JobStatus(StrEnum):
    """The queue's own words; those that succeed leave it."""

    TODO = "todo"
    DOING = "doing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # Tried as often as it may be: a dead letter.
    CANCELLED = "cancelled"
    ABORTING = "aborting"
    ABORTED = "aborted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    id: int
    name: str
    status: JobStatus
    lock: str | None
    args: dict[str, Any]
    attempts: int
    scheduled_at: datetime | None  # When it is tried next; None: as soon as somebody is free.
    owed_at: datetime | None
    error: str | None  # Why it failed the last time.
    failed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFilter:
    status: JobStatus | None = None
    name: str | None = None
    lock: str | None = None
    owed_before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobCount:
    name: str
    status: JobStatus
    jobs: int
    oldest_at: datetime | None


JOBS: Final = Sorting[Job](
    columns={
        # Jobs are numbered as they are owed.
        "owed": Column("job.id", Kind.NUMBER, lambda job: job.id),
        "name": Column("task_name", Kind.TEXT, lambda job: job.name),
        "attempts": Column("attempts", Kind.NUMBER, lambda job: job.attempts),
        "scheduled": Column("scheduled_at", Kind.MOMENT, lambda job: job.scheduled_at, may_be_empty=True),
    },
    key=("job.id",),
    key_of=lambda job: (str(job.id),),
    key_kind=Kind.NUMBER,
)


async def jobs(connection: Connection, wanted: JobFilter, turn: Turn, *, limit: int) -> Sequence[Job]:
    """`turn` is one of JOBS."""
    async with connection.cursor(row_factory=row_of(Job)) as cursor:
        await cursor.execute(FOUND + turn.sql, asdict(wanted) | turn.values | {"limit": limit})
        return await cursor.fetchall()


async def job_counts(connection: Connection) -> Sequence[JobCount]:
    async with connection.cursor(row_factory=row_of(JobCount)) as cursor:
        await cursor.execute(COUNTS)
        return await cursor.fetchall()


async def hold_job(connection: Connection, job_id: int) -> Job | None:
    """Locks it until the transaction ends: no worker takes it meanwhile."""
    async with connection.cursor(row_factory=row_of(Job)) as cursor:
        await cursor.execute(HOLD, {"id": job_id})
        return await cursor.fetchone()


async def do_again(connection: Connection, job_id: int) -> None:
    """Now, and with all its tries before it."""
    await connection.execute(AGAIN, {"id": job_id})


async def note_trouble(connection: Connection, job_id: int, error: str) -> None:
    await connection.execute(NOTE, {"id": job_id, "error": error})
