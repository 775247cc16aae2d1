"""How soon everybody sees it: from the moment the gateway had the answer to the last payment's notify, until
each member's page shows the team as formed. Other teams buy at the same time: that is the load."""

import asyncio
from datetime import datetime

import httpx
import psycopg

from bench.load import Plan
from bench.report import Figure, figure
from bench.trade import MEMBERS, PRODUCT, buy, visitor_of
from bench.whole import Whole, a_whole
from tuan.kernel.clock import utc_now
from tuan.kernel.embedded import database_url
from tuan.story import Buyer, get, sign_in

TEAMS, TEAMS_AT_ONCE = 200, 4
LOOKS_EVERY_SECONDS = 0.1
PATIENCE_SECONDS = 60
ACKNOWLEDGED = """
    SELECT max(acknowledged_at) FROM notify JOIN trade USING (trade_no) WHERE out_trade_no = ANY(%s)"""


def formed_latency(plan: Plan) -> Figure:
    """Seconds: the p99 of all teams, in one stretch."""
    teams = 20 if plan.is_quick else TEAMS
    with a_whole() as whole:
        asyncio.run(waits(whole, TEAMS_AT_ONCE))  # Warms up.
        found = asyncio.run(waits(whole, teams))
    p99 = found[min(len(found) - 1, int(len(found) * 0.99))]
    more = {"p50_s": round(found[len(found) // 2], 3), "worst_s": round(found[-1], 3), "teams": teams}
    return figure([(p99, 1)], more=more)


async def waits(whole: Whole, teams: int) -> list[float]:
    """Of each team, in seconds, the shortest first."""
    async with httpx.AsyncClient(base_url=whole.url, timeout=30) as visitor:
        product = await get(visitor, f"/api/mall/v1/products/{PRODUCT}")
    turn = asyncio.Semaphore(TEAMS_AT_ONCE)

    async def play(team: int) -> float:
        async with turn:
            party = [visitor_of(whole, f"{team}-{one}") for one in range(MEMBERS)]
            try:
                await asyncio.gather(*(sign_in(buyer) for buyer in party))
                await buy(party, product)
                seen = max(await asyncio.gather(*(sees_it_formed(buyer) for buyer in party)))
            finally:
                await asyncio.gather(*(buyer.browser.aclose() for buyer in party))
        return (seen - await last_answered(whole, [buyer.number for buyer in party])).total_seconds()

    return sorted(await asyncio.gather(*(play(team) for team in range(teams))))


async def sees_it_formed(buyer: Buyer) -> datetime:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            order = await get(buyer.browser, f"/api/mall/v1/orders/{buyer.number}")
            if order["status"] in ("ready", "fulfilled"):
                return utc_now()
            await asyncio.sleep(LOOKS_EVERY_SECONDS)


async def last_answered(whole: Whole, numbers: list[str]) -> datetime:
    url = database_url(whole.server, "sandbox")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute(ACKNOWLEDGED, [numbers])).fetchone()
    if row is None or row[0] is None:
        raise RuntimeError(f"no notify of {numbers} was answered")
    answered: datetime = row[0]
    return answered
