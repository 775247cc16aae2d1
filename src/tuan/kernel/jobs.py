"""Work we owe: saved in the transaction that causes it, done after, again until it is done."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import procrastinate
import structlog
from procrastinate.jobs import Job
from psycopg.types.json import Jsonb
from structlog.contextvars import bound_contextvars, get_contextvars

from tuan.kernel.db import Connection

Work = Callable[..., Awaitable[None]]

STALLED_AFTER_SECONDS = 30.0
REVIVE_EVERY_SECONDS = 10.0
QUICK_LADDER = (1, 2, 5, 15, 30, 60, 180, 600, 1800, 3600, 3600, 3600)
JITTER = 0.1
log = structlog.get_logger()

HASTEN: Final = """
    UPDATE procrastinate_jobs SET scheduled_at = NULL
    WHERE status = 'todo' AND task_name = %s AND lock = %s AND args @> %s
    RETURNING id"""


class Again(Exception):
    """Not done yet, and the work says when to try again. It also says when to stop: no ladder ends this."""

    def __init__(self, reason: str, *, after: timedelta) -> None:
        super().__init__(reason)
        self.after = after


class Ladder(procrastinate.BaseRetryStrategy):
    """How many seconds to wait before each further try. After the last the job stays, as failed;
    unless somebody waits for it forever, when the last step repeats."""

    def __init__(self, steps: Sequence[int], *, forever: bool = False) -> None:
        self._steps = steps
        self._forever = forever

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        wait = self._wait(exception, job.attempts)
        if wait is None:
            log.error("job_dead", job=job.task_name, id=job.id, error=repr(exception))
            return None
        log.warning("job_retried", job=job.task_name, id=job.id, error=repr(exception))
        return procrastinate.RetryDecision(retry_in={"milliseconds": int(wait / timedelta(milliseconds=1))})

    def _wait(self, exception: BaseException, attempts: int) -> timedelta | None:
        if isinstance(exception, Again):
            return exception.after
        if attempts < len(self._steps):
            return jittered(timedelta(seconds=self._steps[attempts]))
        return jittered(timedelta(seconds=self._steps[-1])) if self._forever else None


def jittered(wait: timedelta) -> timedelta:
    """A little longer, each time by another amount: what failed together does not come back together."""
    return wait * random.uniform(1, 1 + JITTER)  # noqa: S311


class Jobs:
    """One queue in one database. A dead worker's job goes to the next, so work must be safe to repeat."""

    def __init__(self, url: str) -> None:
        connector = procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=4)
        self._app = procrastinate.App(connector=connector)

    def does(
        self, name: str, work: Work, *, steps: Sequence[int] = QUICK_LADDER, forever: bool = False
    ) -> None:
        async def run(request_id: str | None = None, **payload: object) -> None:
            with bound_contextvars(request_id=request_id, job=name):
                await work(**payload)

        self._app.task(name=name, retry=Ladder(steps, forever=forever))(run)

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
        origin = {"request_id": get_contextvars().get("request_id")}
        for lock, group in itertools.groupby(payloads, key=lambda payload: payload.get("lock")):
            deferrer = self._app.configure_task(
                name,
                connection=connection,
                lock=None if lock is None else str(lock),
                schedule_in=None if after is None else {"seconds": int(after.total_seconds())},
            )
            bare = [{key: value for key, value in payload.items() if key != "lock"} for payload in group]
            try:
                await deferrer.batch_defer_async(*(origin | payload for payload in bare))
            except procrastinate.exceptions.ConnectorException as error:
                # The transaction must hear what the database said, in the database's own words.
                raise (error.__cause__ or error) from None

    async def owe_now(
        self, connection: Connection, name: str, payloads: Sequence[Mapping[str, object]]
    ) -> None:
        """As owe, for payloads with a "lock"; but a job that already waits to be tried again is brought
        forward, and none is owed twice."""
        for payload in payloads:
            bare = {key: value for key, value in payload.items() if key != "lock"}
            hastened = await connection.execute(HASTEN, [name, payload["lock"], Jsonb(bare)])
            if not await hastened.fetchall():
                await self.owe(connection, name, [payload])

    async def work(self, *, concurrency: int = 4) -> None:
        """Work until cancelled."""
        async with self._app.open_async():
            reviving = asyncio.create_task(self._revive())
            try:
                await self._app.run_worker_async(
                    concurrency=concurrency,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=1.0,
                    shutdown_graceful_timeout=15.0,
                    delete_jobs="successful",
                )
            finally:
                reviving.cancel()
                with suppress(asyncio.CancelledError):
                    await reviving

    async def drain(self) -> None:
        """Do everything that is due now, and return."""
        async with self._app.open_async():
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
