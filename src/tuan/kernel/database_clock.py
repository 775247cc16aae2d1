"""What time it is, by the database: so that processes whose own clocks differ agree on when a hold ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import structlog

from tuan.kernel.db import Pool, single_statements
from tuan.kernel.errors import Refusal, Unreachable

STEER_EVERY_SECONDS = 2.0
TIME: Final = "SELECT clock_timestamp()"
log = structlog.get_logger()


class DatabaseClock:
    """A Clock that asks the database now and then, and in between counts what has passed since.

    It never goes back: one that is ahead of its database stands still until the database catches up.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._origin: datetime | None = None  # The database's time when our monotonic clock stood at zero.
        self._latest = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        """Raises Unreachable until the database has told the time once."""
        if self._origin is None:
            raise Unreachable
        self._latest = max(self._latest, self._origin + _since_zero())
        return self._latest

    @asynccontextmanager
    async def steered(self) -> AsyncIterator[None]:
        """From the start, or as soon as the database is there."""
        await self._try_to_steer()
        steering = asyncio.create_task(self._keep_steering())
        try:
            yield
        finally:
            steering.cancel()
            with suppress(asyncio.CancelledError):
                await steering

    async def steer(self) -> None:
        """Raises Unreachable or Overloaded, and leaves the clock as it was."""
        async with single_statements(self._pool) as connection:
            asked = _since_zero()
            [(told,)] = await (await connection.execute(TIME)).fetchall()
            answered = _since_zero()

        # The database looked at its clock somewhere between our question and its answer. What we
        # believed may stand if it lies between the two; a slow answer teaches us nothing.
        moment: datetime = told.astimezone(UTC)
        earliest, latest = moment - answered, moment - asked
        believed = self._origin or earliest + (latest - earliest) / 2
        self._origin = min(max(believed, earliest), latest)

    async def _keep_steering(self) -> None:
        while True:
            await asyncio.sleep(STEER_EVERY_SECONDS)
            await self._try_to_steer()

    async def _try_to_steer(self) -> None:
        try:
            await self.steer()
        except Refusal as refusal:
            log.warning("clock_not_steered", reason=refusal.code)


def time_at(url: str) -> datetime:
    """What time it is at a database, asked once."""
    with psycopg.connect(url) as connection:
        [(told,)] = connection.execute(TIME).fetchall()
    moment: datetime = told.astimezone(UTC)
    return moment


def _since_zero() -> timedelta:
    return timedelta(seconds=time.monotonic())
