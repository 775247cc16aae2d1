"""A worker that falls over gets up again."""

import asyncio
from contextlib import suppress

from tuan.kernel.serve import keep_working


async def test_a_worker_that_falls_over_gets_up_again() -> None:
    tries, stands = 0, asyncio.Event()

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ConnectionError("the database went away")
        stands.set()
        await asyncio.Event().wait()

    working = asyncio.create_task(keep_working(work))
    async with asyncio.timeout(10):
        await stands.wait()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working

    assert (tries, working.cancelled()) == (3, True)
