"""Work we owe: saved in the transaction that causes it, done after, again until it is done."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import procrastinate
import structlog
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from psycopg.types.json import Jsonb
from structlog.contextvars import bound_contextvars, get_contextvars

from tuan.kernel.clock import Clock, utc_now
from tuan.kernel.db import Connection
from tuan.kernel.trace import OFF, Trace

Work = Callable[..., Awaitable[None]]
Tell = Callable[[int, Exception], Awaitable[None]]

STALLED_AFTER_SECONDS = 30.0
REVIVE_EVERY_SECONDS = 10.0
CATCH_UP_EVERY_SECONDS = 1.0
QUICK_LADDER = (1, 2, 5, 15, 30, 60, 180, 600, 1800, 3600, 3600, 3600)
JITTER = 0.1
log = structlog.get_logger()

HASTEN: Final = """
    UPDATE procrastinate_jobs SET scheduled_at = NULL
    FROM jsonb_to_recordset(%s) AS asked (place int, lock text, args jsonb)
    WHERE status = 'todo' AND task_name = %s AND procrastinate_jobs.lock = asked.lock
        AND procrastinate_jobs.args @> asked.args
    RETURNING place"""
# The next job is the first in an index. While the table is thought to be small, PostgreSQL would rather
# look at every job that is due and sort them, and that for each.
FIRST_IN_THE_INDEX: Final = "-c enable_sort=off -c enable_bitmapscan=off -c enable_seqscan=off"

CATCH_UP: Final = """
    UPDATE procrastinate_jobs SET scheduled_at = NULL
    WHERE status = 'todo' AND scheduled_at > now() AND scheduled_at <= %(now)s"""


class Again(Exception):
    """Not done yet, and the work says when to try again. It also says when to stop: no ladder ends this."""

    def __init__(self, reason: str, *, after: timedelta) -> None:
        super().__init__(reason)
        self.after = after


class Ladder(procrastinate.BaseRetryStrategy):
    """How many seconds to wait before each further try. After the last the job stays, as failed;
    unless somebody waits for it forever, when the last step repeats."""

    def __init__(self, now: Clock, steps: Sequence[int], *, forever: bool = False) -> None:
        self._steps = steps
        self._now = now
        self._forever = forever

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        wait = self._wait(exception, job.attempts)
        if wait is None:
            log.error("job_dead", job=job.task_name, id=job.id, error=repr(exception))
            return None
        log.warning("job_retried", job=job.task_name, id=job.id, error=repr(exception))
        return procrastinate.RetryDecision(retry_at=self._now() + wait)

    def _wait(self, exception: BaseException, attempts: int) -> timedelta | None:
        if isinstance(exception, Again):
            return exception.after
        if attempts < len(self._steps):
            return jittered(timedelta(seconds=self._steps[attempts]))
        return jittered(timedelta(seconds=self._steps[-1])) if self._forever else None


def jittered(wait: timedelta) -> timedelta:
    """A little longer, each time by another amount: what failed together does not come back together."""
    return wait * random.uniform(1, 1 + JITTER)  # noqa: S311


async def tell_nobody(job_id: int, error: Exception) -> None:
    """The log has it."""


class Jobs:
    """One queue in one database. A dead worker's job goes to the next, so work must be safe to repeat.

    The queue's own clock is the database's. Ours is that, or was moved ahead of it, and is never behind.
    """

    def __init__(
        self,
        url: str,
        clock: Clock = utc_now,
        *,
        database_clock: Clock = utc_now,
        tell: Tell = tell_nobody,
        trace: Trace = OFF,
    ) -> None:
        """`database_clock` is the queue's own: this process's may be wrong by hours. `tell` hears of every
        failure of a job, by its id, before the job is put back; it must not fail."""
        self._clock = clock
        self._database_clock = database_clock
        self._tell = tell
        self._trace = trace
        self._connector = procrastinate.PsycopgConnector(
            conninfo=url,
            min_size=1,
            max_size=4,
            configure=_commit_each_statement,
            kwargs={"options": FIRST_IN_THE_INDEX},
        )
        self._app = procrastinate.App(connector=self._connector)

    def does(
        self, name: str, work: Work, *, steps: Sequence[int] = QUICK_LADDER, forever: bool = False
    ) -> None:
        async def run(
            context: JobContext,
            /,
            request_id: str | None = None,
            traceparent: str | None = None,
            **payload: object,
        ) -> None:
            with bound_contextvars(request_id=request_id, job=name), self._trace.working(name, traceparent):
                try:
                    await work(**payload)
                except Exception as error:
                    await self._tell(context.job.id or 0, error)
                    raise

        self._app.task(name=name, retry=Ladder(self._now, steps, forever=forever), pass_context=True)(run)

    async def owe(
        self,
        connection: Connection,
        name: str,
        payloads: Sequence[Mapping[str, object]],
        *,
        after: timedelta | None = None,
    ) -> None:
        """Promise one job for each payload, in the caller's transaction.

        Payloads that carry the same "lock" are worked on one at a time, in the order they were owed.
        """
        if not payloads:
            return
        jobs = [self._job(name, payload, after) for payload in payloads]
        try:
            await self._app.job_manager.batch_defer_jobs_async(jobs, connection)
        except procrastinate.exceptions.ConnectorException as error:
            # The transaction must hear what the database said, in the database's own words.
            raise (error.__cause__ or error) from None

    def _job(self, name: str, payload: Mapping[str, object], after: timedelta | None) -> Job:
        lock, arguments = _split(payload)
        deferrer = self._app.configure_task(
            name, lock=lock, schedule_at=None if after is None else self._now() + after
        )
        origin = get_contextvars().get("request_id")
        return deferrer.make_new_job(request_id=origin, **self._trace.carried(), **arguments)

    async def owe_now(
        self, connection: Connection, name: str, payloads: Sequence[Mapping[str, object]]
    ) -> None:
        """As owe, for payloads with a "lock"; but a job that already waits to be tried again is brought
        forward, and none is owed twice."""
        asked = [
            {"place": place, "lock": lock, "args": arguments}
            for place, (lock, arguments) in enumerate(map(_split, payloads))
        ]
        hastened = await (await connection.execute(HASTEN, [Jsonb(asked), name])).fetchall()
        waiting = {place for (place,) in hastened}
        await self.owe(
            connection, name, [payload for place, payload in enumerate(payloads) if place not in waiting]
        )

    async def work(self, *, concurrency: int = 4) -> None:
        """Work until cancelled."""
        async with self._app.open_async():
            beside = [asyncio.create_task(self._revive()), asyncio.create_task(self._keep_up())]
            try:
                await self._app.run_worker_async(
                    concurrency=concurrency,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=1.0,
                    shutdown_graceful_timeout=15.0,
                    delete_jobs="successful",
                )
            finally:
                for task in beside:
                    task.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.gather(*beside)

    async def drain(self) -> None:
        """Do everything that is due now, and return."""
        async with self._app.open_async():
            await self._catch_up()
            await self._app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)

    async def _revive(self) -> None:
        """Hand on what a dead worker held in its hands."""
        while True:
            for job in await self._app.job_manager.get_stalled_jobs(
                seconds_since_heartbeat=STALLED_AFTER_SECONDS
            ):
                log.warning("job_revived", job=job.task_name, id=job.id)
                await self._app.job_manager.retry_job(job)
            await asyncio.sleep(REVIVE_EVERY_SECONDS)

    async def _keep_up(self) -> None:
        while True:
            if self._clock() > self._database_clock() + timedelta(seconds=CATCH_UP_EVERY_SECONDS):
                with suppress(procrastinate.exceptions.ConnectorException):
                    await self._catch_up()
            await asyncio.sleep(CATCH_UP_EVERY_SECONDS)

    async def _catch_up(self) -> None:
        """What is due by our clock is due by the queue's."""
        await self._connector.execute_query_async(CATCH_UP, now=self._clock())

    def _now(self) -> datetime:
        return max(self._clock(), self._database_clock())


async def _commit_each_statement(connection: Connection) -> None:
    """Each step of the queue is one, and takes one trip instead of three."""
    await connection.set_autocommit(True)


def _split(payload: Mapping[str, object]) -> tuple[str | None, dict[str, Any]]:
    """A payload's lock, and what the work is called with."""
    lock = payload.get("lock")
    return None if lock is None else str(lock), {
        key: value for key, value in payload.items() if key != "lock"
    }
