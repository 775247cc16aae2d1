"""Processes killed and connections cut in the middle: what was acknowledged stands, retries are safe."""

import asyncio
import signal
from datetime import timedelta

import httpx
import psycopg
from market_builders import API_KEY, NOW
from market_processes import query
from served import mortal, served

from tuan.kernel.audit import audit
from tuan.kernel.clock import utc_now
from tuan.market.store_audit import RULES

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
PAID = {"paid_at": NOW.isoformat()}
HEADERS = {"authorization": f"Bearer {API_KEY}"}
BUYERS = 60


def customer(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=20)


async def buy(http: httpx.AsyncClient, n: int) -> list[str]:
    """Lock and pay; returns what was acknowledged before whatever happened happened."""
    acknowledged = []
    try:
        locked = await http.put(f"/v1/seats/T{n}", json=LOCK | {"buyer_id": f"b{n}"})
        acknowledged += ["locked"] * locked.is_success
        settled = await http.put(f"/v1/seats/T{n}/settlement", json=PAID)
        acknowledged += ["settled"] * settled.is_success
    except httpx.HTTPError:
        pass
    return acknowledged


def check(url: str, acknowledged: list[list[str]]) -> None:
    """Nobody was promised what is not there; and no rule is broken."""
    rows: dict[object, object] = dict(query(url, "SELECT out_trade_no, status FROM seat"))  # type: ignore[arg-type]
    for n, words in enumerate(acknowledged):
        if "settled" in words:
            assert rows[f"T{n}"] == "settled"
        elif "locked" in words:
            assert rows[f"T{n}"] in ("locked", "settled")
    assert audit(url, RULES, overdue=utc_now() - timedelta(hours=1)) == []


async def test_a_process_killed_under_load_loses_nothing_it_acknowledged(selling: str) -> None:
    settings = {"TUAN_MARKET_DATABASE_URL": selling}
    with mortal("market", settings) as (address, process):
        async with customer(address) as http:
            buying = [asyncio.create_task(buy(http, n)) for n in range(BUYERS)]
            await asyncio.wait(buying[: BUYERS // 3], return_when=asyncio.FIRST_COMPLETED)
            process.send_signal(signal.SIGKILL)
            acknowledged = await asyncio.gather(*buying)
    check(selling, acknowledged)

    with served("market", settings) as address:
        async with customer(address) as http:
            again = await asyncio.gather(*(buy(http, n) for n in range(BUYERS)))
    assert again == [["locked", "settled"]] * BUYERS
    check(selling, again)
    assert query(selling, "SELECT count(*) FROM seat") == [(BUYERS,)]


async def test_connections_cut_again_and_again_lose_nothing_and_double_nothing(selling: str) -> None:
    with served("market", {"TUAN_MARKET_DATABASE_URL": selling}) as address:
        async with customer(address) as http:
            buying = [asyncio.create_task(buy(http, n)) for n in range(BUYERS)]
            for _ in range(5):
                cut_connections(selling)
                await asyncio.wait(buying, timeout=0.05)
            check(selling, await asyncio.gather(*buying))

            again: list[list[str]] = []
            async with asyncio.timeout(30):  # The pool replaces what was cut; callers try again meanwhile.
                while again != [["locked", "settled"]] * BUYERS:
                    again = await asyncio.gather(*(buy(http, n) for n in range(BUYERS)))
    check(selling, again)
    assert query(selling, "SELECT count(*) FROM seat") == [(BUYERS,)]


def cut_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
