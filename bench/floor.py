"""How low a figure could come: the same requests and transactions by `floor_app`, which does nothing else."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import psutil

from bench.market import served
from tuan.kernel.db import build_pool, transaction
from tuan.kernel.jobs import Jobs

WARM, TRADES, AT_ONCE = 60, 200, 8
JOBS = 200


@contextmanager
def bare_service(database: str, *, market: str = "") -> Iterator[tuple[str, int]]:
    command = ["uvicorn", "bench.floor_app:app", "--no-access-log", "--log-level", "warning"]
    settings = {"TUAN_BENCH_DATABASE": database, "TUAN_BENCH_MARKET": market}
    with served(command, settings) as (address, pid):
        yield address, pid


def bare_trade_seconds(database: str, postgres: int) -> float:
    """CPU of one trade: of two bare services, and of the backends of `postgres` that serve this database."""
    with (
        bare_service(database) as (market, market_pid),
        bare_service(database, market=market) as (mall, mall_pid),
    ):
        return asyncio.run(_trades(mall, (market_pid, mall_pid), postgres, database.rpartition("/")[2]))


async def _trades(mall: str, pids: tuple[int, ...], postgres: int, database: str) -> float:
    turn = asyncio.Semaphore(AT_ONCE)
    name = database.partition("?")[0]

    async def one(number: int) -> None:
        row = {"no": f"F{number}", "team": f"F{number // 3}"}
        async with turn:
            (await http.post("/order", json=row)).raise_for_status()
            signature = (await http.get("/pay")).text
            (await http.post("/notify", json=row | {"sign": signature})).raise_for_status()

    async with httpx.AsyncClient(base_url=mall, timeout=30) as http:
        await asyncio.gather(*(one(number) for number in range(WARM)))
        before = _cpu(pids, postgres, name)
        await asyncio.gather(*(one(number) for number in range(WARM, WARM + TRADES)))
        return (_cpu(pids, postgres, name) - before) / TRADES


def empty_job_seconds(database: str, postgres: int) -> float:
    """CPU of one job that does nothing: owed in a transaction of its own, fetched, and struck off."""
    return asyncio.run(_jobs(database, postgres, database.rpartition("/")[2].partition("?")[0]))


async def _jobs(url: str, postgres: int, name: str) -> float:
    jobs, done = Jobs(url), asyncio.Semaphore(0)

    async def nothing(number: int) -> None:
        done.release()

    async def do(count: int) -> None:
        for number in range(count):
            async with transaction(pool) as connection:
                await jobs.owe(connection, "nothing", [{"number": number, "lock": f"{number}"}])
        for _ in range(count):
            await done.acquire()

    jobs.does("nothing", nothing)
    async with build_pool(url, size=2, pinned_plans=True) as pool:
        working = asyncio.create_task(jobs.work())
        await do(WARM)
        before = _cpu((os.getpid(),), postgres, name)
        await do(JOBS)
        spent = _cpu((os.getpid(),), postgres, name) - before
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    return spent / JOBS


def _cpu(pids: tuple[int, ...], postgres: int, database: str) -> float:
    backends = (
        child
        for child in psutil.Process(postgres).children()
        if f" {database} [local]" in " ".join(child.cmdline())
    )
    times = [process.cpu_times() for process in (*map(psutil.Process, pids), *backends)]
    return float(sum(one.user + one.system for one in times))
