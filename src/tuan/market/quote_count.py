"""How often each campaign was quoted: counted in memory, and saved every few seconds.

A quote writes nothing. A process that is killed takes the counts of its last seconds with it; one that is
told to stop saves them first.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psycopg
import structlog

from tuan.kernel.clock import Clock, beijing_day
from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import Refusal
from tuan.market import store_day

SAVE_SECONDS = 3.0
log = structlog.get_logger()


@dataclass(eq=False)
class QuoteCounts:
    pool: Pool
    clock: Clock
    _unsaved: Counter[str] = field(default_factory=Counter)

    def add(self, campaign_id: str) -> None:
        self._unsaved[campaign_id] += 1

    @asynccontextmanager
    async def saved(self) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        saving = asyncio.create_task(self._keep_saving(stopping))
        try:
            yield
        finally:
            stopping.set()
            await saving

    async def save(self) -> None:
        """To the day it is. While the database is away they are kept."""
        counts, self._unsaved = self._unsaved, Counter()
        if not counts:
            return
        try:
            async with transaction(self.pool) as connection:
                await store_day.add_quotes(connection, counts, day=beijing_day(self.clock()))
        except (Refusal, psycopg.Error) as trouble:
            self._unsaved.update(counts)
            log.warning("quotes_not_saved", why=repr(trouble))

    async def _keep_saving(self, stopping: asyncio.Event) -> None:
        stopped = False
        while not stopped:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), SAVE_SECONDS)
            stopped = stopping.is_set()
            await self.save()
