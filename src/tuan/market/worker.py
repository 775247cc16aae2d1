"""The market's jobs, by name."""

import httpx

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool
from tuan.kernel.jobs import Jobs
from tuan.kernel.queue import Publisher
from tuan.market.notify import Post


def assign(jobs: Jobs, *, pool: Pool, client: httpx.AsyncClient, broker: Publisher, clock: Clock) -> None:
    post = Post(pool=pool, client=client, broker=broker, clock=clock)
    jobs.does("deliver", post.deliver, forever=True)
