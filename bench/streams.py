"""What an idle watcher costs: resident memory of the market's process, with many streams and with none."""

import asyncio
import resource
import tempfile
from pathlib import Path

import psutil

from bench.load import Plan
from bench.market import Market, api
from bench.report import Figure, figure

TEAM = "team-" + "1".zfill(31)
STREAMS = 10_000
SETTLE_SECONDS, IDLE_SECONDS = 2, 5


def streams(market: Market, plan: Plan) -> Figure:
    """KiB a stream, at ten thousand; each time in a process that has just started."""
    count = STREAMS // 10 if plan.is_quick else STREAMS
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 3 * count + 1000), limit))
    with tempfile.TemporaryDirectory() as logs:
        found = []
        for _ in range(min(plan.pairs, 3)):  # It hardly varies, and takes long.
            with api(market.url, Path(logs, "log")) as fresh:
                found.append(asyncio.run(watch(fresh, count)))
    return figure(
        [(kib, 1) for kib, _ in found], more={"streams": count, "cpu_while_idle": round(found[-1][1], 3)}
    )


async def watch(market: Market, count: int) -> tuple[float, float]:
    """KiB of memory a stream, and the share of a core that all take while nothing happens."""
    process, port = psutil.Process(market.pid), int(market.address.rsplit(":", 1)[1])
    for writer in await open_streams(port, 50):  # Whatever the first streams need, others do not.
        writer.close()
    await asyncio.sleep(SETTLE_SECONDS)
    before = process.memory_info().rss
    writers = await open_streams(port, count)
    await asyncio.sleep(SETTLE_SECONDS)
    after, cpu = process.memory_info().rss, process.cpu_times()
    await asyncio.sleep(IDLE_SECONDS)
    idle = process.cpu_times()
    for writer in writers:
        writer.close()
    return (after - before) / 1024 / count, (idle.user + idle.system - cpu.user - cpu.system) / IDLE_SECONDS


async def open_streams(port: int, count: int) -> list[asyncio.StreamWriter]:
    request = f"GET /v1/teams/{TEAM}/events HTTP/1.1\r\nhost: bench\r\n\r\n".encode()
    writers = []
    for start in range(0, count, 100):
        opened = await asyncio.gather(
            *(asyncio.open_connection("127.0.0.1", port) for _ in range(min(100, count - start)))
        )
        for _, writer in opened:
            writer.write(request)
        for reader, writer in opened:
            await reader.readuntil(b"data: ")
            writers.append(writer)
    return writers
