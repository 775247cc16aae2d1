"""What an idle watcher costs: resident memory of the market's process, with many streams open and with none.

python -m bench.streams [--streams 10000]
"""

import argparse
import asyncio
import json
import resource

import psutil

from bench.market import Market, a_market

TEAM = "team-" + "1".zfill(31)


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


async def watch(market: Market, count: int) -> dict[str, float]:
    process, port = psutil.Process(market.pid), int(market.address.rsplit(":", 1)[1])
    for writer in await open_streams(port, 50):  # Whatever the first streams need, others do not.
        writer.close()
    await asyncio.sleep(2)
    before = process.memory_info().rss
    writers = await open_streams(port, count)
    await asyncio.sleep(2)
    after, cpu = process.memory_info().rss, process.cpu_times()
    await asyncio.sleep(5)
    idle = process.cpu_times()
    for writer in writers:
        writer.close()
    return {
        "streams": count,
        "kib_per_stream": round((after - before) / 1024 / count, 1),
        "cpu_while_idle": round((idle.user + idle.system - cpu.user - cpu.system) / 5, 3),
    }


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench.streams")
    asked.add_argument("--streams", type=int, default=10_000)
    count = asked.parse_args().streams
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 3 * count + 1000), limit))

    with a_market("team") as market:
        print(json.dumps(asyncio.run(watch(market, count))))


main()
