"""Work that failed: why is kept beside it, and an operator can have it done again. It is never dropped."""

import psycopg
import structlog

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound, Refusal
from tuan.mall import store_console_job
from tuan.mall.operator import Deed
from tuan.mall.store_console_job import Job, JobStatus
from tuan.mall.store_deed import record

WAITS = frozenset({JobStatus.TODO, JobStatus.FAILED})
ERROR_MAX = 500
log = structlog.get_logger()


class JobNotWaiting(Refusal):
    """This job is being done at this moment, or is over."""

    code = "job_not_waiting"


async def keep_trouble(pool: Pool, job_id: int, error: BaseException) -> None:
    """What an operator reads. When it cannot be written either, the log has it."""
    words = f"{type(error).__name__}: {error}".replace("\x00", "")[:ERROR_MAX]
    try:
        async with transaction(pool) as connection:
            await store_console_job.note_trouble(connection, job_id, words)
    except (Refusal, psycopg.Error) as trouble:
        log.warning("trouble_not_kept", id=job_id, why=repr(trouble))


async def do_job_again(pool: Pool, job_id: int, *, deed: Deed) -> Job:
    """Now, and from the start of its ladder; also one that only waits. Raises NotFound, JobNotWaiting."""
    async with transaction(pool) as connection:
        job = await store_console_job.hold_job(connection, job_id)
        if job is None:
            raise NotFound("There is no such job.")
        if job.status not in WAITS:
            raise JobNotWaiting

        await store_console_job.do_again(connection, job_id)
        before = {"name": job.name, "status": job.status, "attempts": job.attempts, "error": job.error}
        await record(connection, deed, "job.done_again", about=f"job:{job_id}", before=before)
        again = await store_console_job.hold_job(connection, job_id)
    return again or job
