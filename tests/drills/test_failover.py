"""The primary dies under load: the standby takes over, and no seat that anybody was promised is missing."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from market_builders import API_KEY, save_campaign
from market_processes import query
from patroni import Pair, a_pair
from served import mortal

from tuan.kernel.audit import audit
from tuan.kernel.clock import utc_now
from tuan.kernel.embedded import create_databases
from tuan.kernel.migrate import upgrade
from tuan.market.store_audit import RULES

MIGRATIONS = Path(__file__).parents[2] / "src/tuan/market/migrations"
BUYERS_AT_ONCE = 8
WARM, AFTERWARDS = 200, 200
WITHIN_SECONDS = 120

pytestmark = pytest.mark.drill


@pytest.fixture
def pair() -> Iterator[Pair]:
    with a_pair() as pair:
        yield pair


@dataclass
class Load:
    """Buyers who ask for one seat after another, each until it is answered."""

    promised: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    ends: bool = False
    _next: int = 0

    async def buy(self, http: httpx.AsyncClient) -> None:
        while not self.ends:
            self._next += 1
            number = f"T{self._next}"
            seat = {"buyer_id": f"b{number}", "goods_id": "tea", "channel": "app", "campaign_id": "summer"}
            while not self.ends:
                answer = await http.put(f"/v1/seats/{number}", json=seat)
                if answer.status_code == 200:
                    self.promised.append(number)
                    self.at.append(time.monotonic())
                    break
                self.refused[answer.status_code] += 1
                await asyncio.sleep(0.1)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WITHIN_SECONDS):
            while len(self.promised) < count:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("through", ["nothing", "pgbouncer"])
async def test_a_standby_takes_over_and_nothing_promised_is_lost(
    through: str, pair: Pair, record_property: Callable[[str, object], None]
) -> None:
    create_databases(pair.url("postgres"), ["tuan_market"])
    url = pair.url("tuan_market")
    upgrade(url, MIGRATIONS)
    save_campaign(url)
    load = Load()
    settings = {"TUAN_MARKET_DATABASE_URL": url}
    if through == "pgbouncer":
        settings["TUAN_MARKET_POOLER_URL"] = pair.pooler_url("tuan_market")
    with mortal("market", settings) as (address, _):
        headers = {"authorization": f"Bearer {API_KEY}"}
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as http:
            buying = [asyncio.create_task(load.buy(http)) for _ in range(BUYERS_AT_ONCE)]
            await load.until(WARM)
            await asyncio.to_thread(pair.kill, "one")
            died, before = time.monotonic(), len(load.promised)
            await asyncio.to_thread(pair.await_role, "two", "primary")
            promoted = time.monotonic() - died
            await load.until(before + AFTERWARDS)
            load.ends = True
            await asyncio.gather(*buying)
        back = next(at for at in load.at[before:] if at > died) - died

    kept = {number for (number,) in query(url, "SELECT out_trade_no FROM seat")}
    assert [number for number in load.promised if number not in kept] == []
    assert set(load.refused) <= {503}
    assert audit(url, RULES, overdue=utc_now() - timedelta(hours=1)) == []
    pair.start("one")
    await asyncio.to_thread(pair.await_role, "one", "synchronous")
    told = f"promoted after {promoted:.1f} s, first seat after {back:.1f} s"
    record_property(f"fail-over through {through}", f"{told}; {len(load.promised)} seats promised, none lost")
