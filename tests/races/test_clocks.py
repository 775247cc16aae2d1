"""Processes whose clocks are minutes and hours apart, or jump: what counts is the database's time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from market_builders import API_KEY, TERMS
from market_processes import query
from served import served, started
from webhook_builders import add_endpoint, change
from wrong_clocks import off_by, own_time, set_clock

from tuan.kernel.database_clock import time_at

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
HEADERS = {"authorization": f"Bearer {API_KEY}"}
TEAM_LASTS, HOLD_LASTS = timedelta(minutes=TERMS.team_minutes), timedelta(minutes=TERMS.hold_minutes)
MINUTE, HOUR, SECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=1)
SHIFTS = [10 * MINUTE, -10 * MINUTE, HOUR]


@pytest.fixture
async def doors(selling: str, tmp_path: Path) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Ten minutes ahead, ten minutes behind; and a worker that is an hour ahead."""
    settings = {"TUAN_MARKET_DATABASE_URL": selling}
    add_endpoint(selling, "e1")  # At which nobody is at home.
    clocks = [off_by(shift, tmp_path / f"clock-{n}") for n, shift in enumerate(SHIFTS)]
    for clock, shift in zip(clocks, SHIFTS, strict=True):
        assert abs(own_time(clock) - shift - datetime.now(UTC)) < 5 * SECOND
    async with AsyncExitStack() as stack:
        stack.enter_context(started("market", "worker", settings=settings | clocks[2]))
        addresses = [stack.enter_context(served("market", settings | clock)) for clock in clocks[:2]]
        yield [
            await stack.enter_async_context(httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=20))
            for address in addresses
        ]


async def lock(http: httpx.AsyncClient, number: str, team_id: str | None = None) -> dict[str, str]:
    body = LOCK | {"buyer_id": f"buyer-of-{number}", "team_id": team_id}
    seat: dict[str, str] = (await http.put(f"/v1/seats/{number}", json=body)).raise_for_status().json()
    return seat


async def test_deadlines_agree_whatever_the_clocks_show_and_however_they_jump(
    doors: list[httpx.AsyncClient], selling: str, tmp_path: Path
) -> None:
    await show_that_deadlines_agree(doors, selling, "before")
    await show_that_nothing_ends_early(doors, selling, "before")

    for n, shift in enumerate([HOUR, -HOUR, -HOUR]):
        set_clock(tmp_path / f"clock-{n}", shift)

    await show_that_deadlines_agree(doors, selling, "after")
    await show_that_nothing_ends_early(doors, selling, "after")


async def show_that_deadlines_agree(doors: list[httpx.AsyncClient], url: str, when: str) -> None:
    for n, http in enumerate(doors):
        earliest = time_at(url) - SECOND
        seat = await lock(http, f"{when}-{n}")
        latest = time_at(url) + SECOND

        locked_at, hold_until = (datetime.fromisoformat(seat[name]) for name in ("locked_at", "hold_until"))
        assert earliest < locked_at < latest
        assert hold_until == locked_at + HOLD_LASTS
        closes_at = "SELECT closes_at FROM team JOIN seat ON team_id = id WHERE out_trade_no = '{}'"
        assert query(url, closes_at.format(seat["out_trade_no"])) == [(locked_at + TEAM_LASTS,)]

        for ahead, status in ((6 * MINUTE, 422), (timedelta(), 200)):
            paid = {"paid_at": (time_at(url) + ahead).isoformat()}
            settled = await http.put(f"/v1/seats/{when}-{n}/settlement", json=paid)
            assert settled.status_code == status


async def show_that_nothing_ends_early(doors: list[httpx.AsyncClient], url: str, when: str) -> None:
    """What is due is released and told of, twice within seconds; what is not due, is not."""
    due, not_due = f"{when}-due", f"{when}-not-due"
    for number in (not_due, due):
        await lock(doors[0], number)
    change(url, f"UPDATE seat SET hold_until = locked_at + interval '1ms' WHERE out_trade_no = '{due}'")

    of_due = f"FROM attempt JOIN event ON id = event_id WHERE about = '{due}'"
    tries, last_try = f"SELECT count(*) {of_due}", f"SELECT now() - max(at) < '1 minute' {of_due}"
    async with asyncio.timeout(30):
        while query(url, tries) != [(2,)]:
            await asyncio.sleep(0.05)
    statuses = (
        "SELECT out_trade_no, status FROM seat WHERE out_trade_no LIKE '%due' AND out_trade_no LIKE '{}%'"
    )
    assert {*query(url, statuses.format(when))} == {(due, "released"), (not_due, "locked")}
    assert query(url, last_try) == [(True,)]
