"""What can happen to a team of two whose first seat is paid for, and what each step leaves behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import httpx
from market_builders import API_KEY, CAMPAIGN, NOW, TERMS, save_campaign
from market_processes import query
from webhook_builders import add_endpoint, change

from tuan.kernel.clock import utc_now
from tuan.kernel.db import build_pool
from tuan.kernel.errors import Refusal
from tuan.kernel.jobs import Jobs
from tuan.market.app import build
from tuan.market.config import MarketSettings
from tuan.market.store import HOLD_BUYERS, HOLD_TEAMS_OF
from tuan.market.store_given_back import DUE_TEAMS, TEAMS_OF_DUE_SEATS
from tuan.market.sweep import Sweep

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
PAID = {"paid_at": NOW.isoformat()}
HEADERS = {"authorization": f"Bearer {API_KEY}"}
HOLD_ENDS = "UPDATE seat SET hold_until = locked_at + interval '1 microsecond' WHERE out_trade_no = 'T{n}'"
TEAM_ENDS = """
    UPDATE team SET opened_at = opened_at - interval '1 day', closes_at = closes_at - interval '1 day'
    WHERE opener_id = 'f{n}';
    UPDATE seat SET locked_at = locked_at - interval '1 day', paid_at = paid_at - interval '1 day'
    WHERE out_trade_no IN ('F{n}', 'T{n}')"""
TEAM = """
    SELECT team.status, array_agg(seat.status ORDER BY out_trade_no),
        (SELECT count(*) FROM event WHERE data ->> 'team_id' = team.id),
        (SELECT count(*) FROM delivery JOIN event ON id = event_id WHERE data ->> 'team_id' = team.id)
    FROM team JOIN seat ON team_id = team.id WHERE team.opener_id = 'f{n}' GROUP BY team.id"""


class Step(NamedTuple):
    begins: str  # The statement that its transaction begins with.
    leaves: tuple[str, list[str], int, int]  # The team, seats F and T, the events of them, their deliveries.
    path: str | None = None  # What is asked for; without it, time does it.
    body: dict[str, str] | None = None
    time_passes: str = ""


LOCKING = Step(HOLD_BUYERS, ("forming", ["settled", "locked"], 0, 0), "T{n}")
STEPS = {
    "lock": LOCKING,
    "settle": Step(HOLD_TEAMS_OF, ("formed", ["settled", "settled"], 1, 1), "T{n}/settlement", PAID),
    "release": Step(HOLD_TEAMS_OF, ("forming", ["refunded", "locked"], 1, 1), "F{n}/release", {}),
    "expire": Step(TEAMS_OF_DUE_SEATS, ("forming", ["settled", "released"], 1, 1), time_passes=HOLD_ENDS),
    "fail": Step(DUE_TEAMS, ("failed", ["refunded", "released"], 1, 1), time_passes=TEAM_ENDS),
}


class Market(NamedTuple):
    """A process of the market: who answers, and who sweeps."""

    http: httpx.AsyncClient
    sweep: Sweep

    async def do(self, step: Step, n: int, body: dict[str, str]) -> int:
        """The status of the answer; of a sweep, what it would be."""
        if step.path:
            return (await self.http.put(f"/v1/seats/{step.path.format(n=n)}", json=body)).status_code
        try:
            await self.sweep.sweep()
        except Refusal as refusal:
            return refusal.status
        return 200


@asynccontextmanager
async def a_market(url: str) -> AsyncIterator[Market]:
    service = build(MarketSettings(database_url=url))
    transport = httpx.ASGITransport(service.app)
    async with (
        service.opened(),
        build_pool(url, size=2) as pool,
        httpx.AsyncClient(transport=transport, base_url="http://market", headers=HEADERS) as http,
    ):
        yield Market(http, Sweep(pool=pool, jobs=Jobs(url), clock=utc_now, grace=timedelta(minutes=5)))


def sell_to_teams_of_two(url: str) -> None:
    save_campaign(url, replace(CAMPAIGN, terms=replace(TERMS, seats_target=2)))
    add_endpoint(url, "e1")


async def prepare(market: Market, url: str, step: Step, n: int) -> dict[str, str]:
    """The n-th team, ready for the step; returns the body to ask with."""
    opened = await market.http.put(f"/v1/seats/F{n}", json=LOCK | {"buyer_id": f"f{n}"})
    await market.http.put(f"/v1/seats/F{n}/settlement", json=PAID)
    joining = LOCK | {"buyer_id": f"t{n}", "team_id": opened.json()["team_id"]}
    if step is LOCKING:
        return joining

    await market.http.put(f"/v1/seats/T{n}", json=joining)
    if step.time_passes:
        change(url, step.time_passes.format(n=n))
    return step.body or {}


def team(url: str, n: int) -> tuple[object, ...]:
    [found] = query(url, TEAM.format(n=n))
    return found
