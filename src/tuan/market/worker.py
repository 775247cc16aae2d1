"""The market's jobs, by name."""

import httpx

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool
from tuan.kernel.jobs import Jobs
from tuan.market.notify import Post


def assign(jobs: Jobs, *, pool: Pool, client: httpx.AsyncClient, clock: Clock) -> None:
    jobs.does("deliver", Post(pool=pool, client=client, clock=clock).deliver, forever=True)
