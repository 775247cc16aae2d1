"""Where the time of a whole trade goes: microseconds of each step, one buyer after another.

    python -m bench.stages_trade [--teams 30]

All services in one process, each called over a socket, as by `tuan up`; their steps with a clock around each.
The gateway is the sandbox, which is no part of a trade and is not counted.
"""

import argparse
import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import uvloop

from bench.load import within
from bench.market import a_server, free_port
from bench.stages import Spent, awaited, timed
from bench.trade import MEMBERS, PRODUCT
from tuan.kernel import log
from tuan.kernel.embedded import create_databases
from tuan.kernel.serve import Proxy
from tuan.keyring import load_or_make
from tuan.mall import api, checkout, hand_over, hooks, worker
from tuan.mall import pay as paid
from tuan.mall.gateways import alipay, alipay_signing
from tuan.mall.market_client import MarketClient
from tuan.market import app as market
from tuan.market.notify import Post
from tuan.story import Buyer, await_status, get, pay, place_order, sign_in
from tuan.up import SERVICES, build_parts, load_demo, migrate_all, serve

WARM_TEAMS = 10
STEPS = {
    "an order is placed": (awaited, api, "place_order"),
    "… it is saved": (awaited, checkout, "_save"),
    "… a seat is locked, over HTTP": (awaited, checkout, "_hold_seat"),
    "… … in the market: by memory, in one trip": (awaited, market, "lock_alone"),
    "… … in the market: the long way": (awaited, market, "lock_seats"),
    "… its payment opens": (awaited, checkout, "_open_payment"),
    "the page to the cashier is made": (awaited, hand_over, "way_to_pay"),
    "… signed (RSA)": (timed, alipay, "sign"),
    "a notify is taken": (awaited, hooks, "take_notify"),
    "… verified (RSA)": (timed, alipay_signing, "verifies"),
    "… it is judged and booked": (awaited, paid, "_judge"),
    "a seat is settled": (awaited, worker, "settle"),
    "… over HTTP": (awaited, MarketClient, "settle"),
    "… … in the market": (awaited, market, "settle_seats"),
    "a team's webhook is sent": (awaited, Post, "deliver"),
    "… it is taken": (awaited, hooks, "take_team_formed"),
    "an order is delivered": (awaited, worker, "fulfil"),
}


def counted(calls: Counter[str], name: str, of: Callable[..., Any]) -> Callable[..., Any]:
    def measured(*given: Any, **named: Any) -> Any:
        calls[name] += 1
        return of(*given, **named)

    return measured


async def run(server: str, home: Path, teams: int) -> None:
    databases = create_databases(server, list(SERVICES))
    migrate_all(databases)
    keyring, port = load_or_make(home / "keys.json"), free_port()
    url = f"http://127.0.0.1:{port}"
    await load_demo(url, databases, keyring)
    spent, calls, listening = defaultdict[str, float](float), Counter[str](), asyncio.Event()
    with ExitStack() as stack:
        for name, (clocked, owner, attribute) in STEPS.items():
            clock = clocked(spent, name, getattr(owner, attribute))
            stack.enter_context(patch.object(owner, attribute, counted(calls, name, clock)))
        parts = build_parts(url, databases, keyring)
        serving = asyncio.create_task(
            serve(parts, host="127.0.0.1", port=port, proxy=Proxy(), announce=listening.set)
        )
        await listening.wait()
        await trades(url, WARM_TEAMS)
        spent.clear()
        calls.clear()
        await trades(url, teams)
        show(spent, calls, teams * MEMBERS)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def trades(url: str, teams: int) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as visitor:
        product = await get(visitor, f"/api/mall/v1/products/{PRODUCT}")
    for team in range(teams):
        party = [
            Buyer(f"{team}-{one}", httpx.AsyncClient(base_url=url, timeout=30), "alipay")
            for one in range(MEMBERS)
        ]
        for buyer in party:
            await sign_in(buyer)
        team_id = None
        for buyer in party:
            team_id = await place_order(buyer, product, team_id)
        for buyer in party:
            await pay(buyer)
        for buyer in party:
            await await_status(buyer, "fulfilled")
            await buyer.browser.aclose()


def show(spent: Spent, calls: Counter[str], trades: int) -> None:
    print("| step | times a trade | µs each |\n|---|---|---|")
    for name in STEPS:
        each = f"{1e6 * spent[name] / calls[name]:.0f}" if calls[name] else "–"
        print(f"| {name} | {calls[name] / trades:.2f} | {each} |")


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench.stages_trade")
    asked.add_argument("--teams", type=int, default=30)
    teams = asked.parse_args().teams
    with Path(os.devnull).open("w") as lines, within(300), a_server() as (server, home):
        log.configure(lines, level=log.LogLevel.INFO.number)
        uvloop.run(run(server, home, teams))


if __name__ == "__main__":
    main()
