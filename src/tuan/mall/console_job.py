"""Jobs and dead letters over HTTP: what waits, how long, why it failed; and once more, one at a time."""

from datetime import timedelta
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.db import transaction
from tuan.kernel.shapes import PAGE, AnyReasonBody, Limit, cut
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Id
from tuan.mall import store_console_job
from tuan.mall.console_guard import Looker, Server, deed_of
from tuan.mall.dead_letter import do_job_again
from tuan.mall.store_console_job import JOBS, Job, JobCount, JobFilter, JobStatus
from tuan.mall.visitor import Here

JobId = Annotated[int, Path(ge=1, le=2**62)]
Minutes = Annotated[int | None, Query(ge=0, le=366 * 24 * 60)]


class JobView(BaseModel):
    """`failed` is a dead letter: it waits for somebody to look. `error` is why it failed the last time."""

    id: int
    name: str
    status: JobStatus
    lock: str | None
    args: dict[str, Any]
    attempts: int
    scheduled_at: AwareDatetime | None
    owed_at: AwareDatetime | None
    error: str | None
    failed_at: AwareDatetime | None

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls(
            id=job.id,
            name=job.name,
            status=job.status,
            lock=job.lock,
            args=job.args,
            attempts=job.attempts,
            scheduled_at=job.scheduled_at,
            owed_at=job.owed_at,
            error=job.error,
            failed_at=job.failed_at,
        )


class JobPage(BaseModel):
    items: list[JobView]
    next_cursor: str | None


class JobCountView(BaseModel):
    name: str
    status: JobStatus
    jobs: int
    oldest_at: AwareDatetime | None

    @classmethod
    def of(cls, count: JobCount) -> Self:
        return cls(name=count.name, status=count.status, jobs=count.jobs, oldest_at=count.oldest_at)


class JobCountList(BaseModel):
    items: list[JobCountView]


router = APIRouter()


@router.get("/jobs")
async def list_jobs(
    doors: Here,
    _: Looker,
    status: JobStatus | None = None,
    name: Id | None = None,
    lock: Id | None = None,
    older_than_minutes: Minutes = None,
    sort: Sort = "-owed",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> JobPage:
    """By `owed`, `name`, `attempts` or `scheduled`; `lock` is the number of the order it is about."""
    turn = JOBS.turn(sort, cursor)
    owed_before = None
    if older_than_minutes is not None:
        owed_before = doors.clock() - timedelta(minutes=older_than_minutes)
    wanted = JobFilter(status=status, name=name, lock=lock, owed_before=owed_before)
    async with transaction(doors.console_pool) as connection:
        rows = await store_console_job.jobs(connection, wanted, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return JobPage(
        items=[JobView.of(job) for job in page], next_cursor=JOBS.cursor(sort, last) if last else None
    )


@router.get("/jobs/counts")
async def count_jobs(doors: Here, _: Looker) -> JobCountList:
    """How many of each kind and state there are, and since when the oldest is owed."""
    async with transaction(doors.console_pool) as connection:
        counts = await store_console_job.job_counts(connection)
    return JobCountList(items=[JobCountView.of(count) for count in counts])


@router.post("/jobs/{job_id}/retry")
async def retry_job(job_id: JobId, body: AnyReasonBody, doors: Here, operator: Server) -> JobView:
    """Do it now, with all its tries before it; a dead letter, or one that waits for its next try."""
    deed = deed_of(operator, doors, reason=body.reason)
    return JobView.of(await do_job_again(doors.console_pool, job_id, deed=deed))
