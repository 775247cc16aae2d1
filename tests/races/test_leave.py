"""Told to stop: first red at /readyz, then the door closes, and all that was let in is finished."""

import asyncio
import json
import signal
import time
from collections import Counter
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
from market_builders import API_KEY, save_campaign
from market_processes import query
from receiver import Receiver
from served import mortal, started
from webhook_builders import jobs, ping, pool

from tuan.kernel.db import Pool
from tuan.kernel.jobs import Jobs

__all__ = ["jobs", "pool"]

SEATS = 12
WITHIN_SECONDS = 20
A_BYTE_EVERY_SECONDS = 0.03  # So a body takes two seconds.


class HalfSent:
    """A seat asked for, whose body is still on its way: the process has begun with it, and waits."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        self._reader, self._writer, self._rest = reader, writer, body[10:]

    @classmethod
    async def begun(cls, port: int, n: int) -> "HalfSent":
        seat = {"buyer_id": f"b{n}", "goods_id": "tea", "channel": "app", "campaign_id": "summer"}
        body = json.dumps(seat).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"PUT /v1/seats/T{n} HTTP/1.1\r\nhost: market\r\nauthorization: Bearer {API_KEY}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\nexpect: 100-continue\r\n\r\n"
        )
        writer.write(head.encode() + body[:10])
        assert b"100" in await reader.readuntil(b"\r\n\r\n")
        return cls(reader, writer, body)

    async def end(self) -> bytes:
        """The whole answer; then the connection is closed. The body comes as over a bad line."""
        for byte in self._rest:
            self._writer.write(bytes([byte]))
            await asyncio.sleep(A_BYTE_EVERY_SECONDS)
        async with asyncio.timeout(WITHIN_SECONDS):
            answer = await self._reader.read()
        self._writer.close()
        return answer


async def test_what_was_let_in_is_answered_after_the_door_has_closed(market_database: str) -> None:
    save_campaign(market_database)
    settings = {"TUAN_MARKET_DATABASE_URL": market_database, "TUAN_BEHIND": "127.0.0.1"}
    with mortal("market", settings) as (address, process):
        port = urlsplit(address).port or 0
        asked = [await HalfSent.begun(port, n) for n in range(SEATS)]

        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        told = await until_red(address)
        await until_closed(port)
        assert told == (503, "leaving")
        assert query(market_database, "SELECT count(*) FROM seat") == [(0,)]
        answers = await asyncio.gather(*(one.end() for one in asked))
        assert await asyncio.to_thread(process.wait, WITHIN_SECONDS) == 0

    assert time.monotonic() - began < WITHIN_SECONDS
    assert [answer.split(b" ", 2)[1] for answer in answers] == [b"200"] * SEATS
    assert all(b"connection: close" in answer.lower() for answer in answers)
    assert query(market_database, "SELECT count(*) FROM seat") == [(SEATS,)]


async def test_a_worker_finishes_what_it_has_in_hand(
    market_database: str, receiver: Receiver, pool: Pool, jobs: Jobs
) -> None:
    """It is told while an endpoint is thinking about a webhook."""
    settings = {
        "TUAN_MARKET_DATABASE_URL": market_database,
        "TUAN_MARKET_ALLOW_PRIVATE_WEBHOOKS": "true",
    }
    await ping(pool, jobs)
    with started("market", "worker", settings=settings) as process:
        receiver.before_answer = lambda: process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, WITHIN_SECONDS * 2) == 0

    assert query(market_database, "SELECT status, tries FROM delivery") == [("delivered", 1)]
    assert query(market_database, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]
    assert list(receiver.came.values()) == [1]


async def until_red(address: str) -> tuple[int, str]:
    async with asyncio.timeout(WITHIN_SECONDS), httpx.AsyncClient() as http:
        while True:
            answer = await http.get(f"{address}/readyz")
            if answer.status_code != 200:
                return answer.status_code, answer.json()["code"]
            await asyncio.sleep(0.02)


async def until_closed(port: int) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        with suppress(ConnectionRefusedError):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await asyncio.sleep(0.05)


async def test_who_comes_as_the_door_closes_is_answered_or_never_let_in(market_database: str) -> None:
    """A proxy sends a request again where it could not connect; where it could, it is lost."""
    settings = {"TUAN_MARKET_DATABASE_URL": market_database, "TUAN_BEHIND": "127.0.0.1"}
    met: Counter[str] = Counter()
    with mortal("market", settings) as (address, process):
        port = urlsplit(address).port

        async def knock() -> None:
            while process.poll() is None:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    return
                try:
                    writer.write(b"GET /healthz HTTP/1.1\r\nhost: market\r\nconnection: close\r\n\r\n")
                    met[(await reader.read())[:12].decode()] += 1
                except OSError:
                    met["lost"] += 1
                writer.close()

        knocking = [asyncio.create_task(knock()) for _ in range(8)]
        async with asyncio.timeout(WITHIN_SECONDS):
            while met.total() < 100:
                await asyncio.wait(knocking, timeout=0.01)
            process.send_signal(signal.SIGTERM)
            await asyncio.gather(*knocking)

    assert set(met) == {"HTTP/1.1 200"}, met
