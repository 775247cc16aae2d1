"""PostgreSQL restarted under a running market, and everything killed at once: what was promised is kept."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import httpx
import pytest
from customers import LOCK, PAID, buy, check, customer
from market_builders import save_campaign
from own_postgres import Control, a_home, kill_all, own_postgres, postmaster
from served import await_ready, free_port, served, started

from conftest import SOURCE
from tuan.kernel.embedded import create_databases
from tuan.kernel.migrate import upgrade

SHOPPERS = 8
RECOVERS_WITHIN_SECONDS = 10


class Answer(NamedTuple):
    asked_at: float
    answered_at: float
    status: int


@dataclass
class Crowd:
    """Shoppers who buy again and again. Notes every answer, and what was promised."""

    http: httpx.AsyncClient
    promised: list[list[str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    in_a_row: int = 0

    @asynccontextmanager
    async def shopping(self) -> AsyncIterator[None]:
        shoppers = [asyncio.create_task(self._shop()) for _ in range(SHOPPERS)]
        try:
            yield
        finally:
            for shopper in shoppers:
                shopper.cancel()
            await asyncio.gather(*shoppers, return_exceptions=True)

    async def has_bought(self, times: int) -> None:
        """So often from now, and not refused in between."""
        self.in_a_row = 0
        while self.in_a_row < times:
            await asyncio.sleep(0.01)

    async def _shop(self) -> None:
        while True:
            n = len(self.promised)
            self.promised.append([])
            await self._ask(n, "locked", f"T{n}", LOCK | {"buyer_id": f"b{n}"})
            if self.promised[n]:
                await self._ask(n, "settled", f"T{n}/settlement", PAID)

    async def _ask(self, n: int, word: str, path: str, body: dict[str, str]) -> None:
        asked_at = time.monotonic()
        status = (await self.http.put(f"/v1/seats/{path}", json=body)).status_code
        self.answers.append(Answer(asked_at, time.monotonic(), status))
        self.promised[n] += [word] * (status == 200)
        self.in_a_row = (self.in_a_row + 1) * (status == 200)


@pytest.fixture
def own_market() -> Iterator[tuple[str, Control]]:
    with own_postgres() as (server, control):
        url = create_databases(server, ["market"])["market"]
        upgrade(url, SOURCE / "market" / "migrations")
        save_campaign(url)
        yield url, control


async def test_postgres_restarts_under_a_running_market(own_market: tuple[str, Control]) -> None:
    url, control = own_market
    with served("market", {"TUAN_MARKET_DATABASE_URL": url}) as address:
        async with customer(address) as http:
            crowd = Crowd(http)
            async with crowd.shopping():
                for mode in ("immediate", "fast"):
                    await survive(crowd, partial(control, "-m", mode, "restart"))
    check(url, crowd.promised)


async def survive(crowd: Crowd, restart: Callable[[], None]) -> None:
    """Asked again while PostgreSQL is away, and never after it is back."""
    crowd.answers.clear()
    await crowd.has_bought(100)
    began_at = time.monotonic()
    await asyncio.to_thread(restart)
    async with asyncio.timeout(RECOVERS_WITHIN_SECONDS):
        await crowd.has_bought(20)
    recovered_at = time.monotonic()
    await crowd.has_bought(100)

    refused = [answer for answer in crowd.answers if answer.status != 200]
    assert {answer.status for answer in refused} == {503}
    assert min(answer.answered_at for answer in refused) > began_at
    assert max(answer.asked_at for answer in refused) < recovered_at


async def test_everything_killed_under_load_loses_nothing_it_acknowledged() -> None:
    with a_home() as home:
        data, port = home / "data", free_port()
        up = ("up", "--port", str(port), "--data", str(data))
        with started(*up, settings={}) as tuan:
            await_ready(f"http://127.0.0.1:{port}", tuan)
            postgres, url = postmaster(data / "postgres")
            save_campaign(url)
            async with customer(f"http://127.0.0.1:{port}/api/market") as http:
                crowd = Crowd(http)
                async with crowd.shopping():
                    await crowd.has_bought(300)
                    kill_all(tuan.pid, postgres)

        with started(*up, settings={}) as tuan:
            await_ready(f"http://127.0.0.1:{port}", tuan)
            _, url = postmaster(data / "postgres")
            check(url, crowd.promised)
            async with customer(f"http://127.0.0.1:{port}/api/market") as http:
                again = [await buy(http, n) for n in range(len(crowd.promised))]
            assert again == [["locked", "settled"]] * len(again)
            check(url, again)
        assert not (data / "postgres" / "postmaster.pid").exists()
