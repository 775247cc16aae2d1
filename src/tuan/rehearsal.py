"""A rehearsal of the worst day: both databases are lost, restored to an earlier hour, and made good.

The gateway's stand-in loses nothing, as the real one would not: it knows of every payment and refund that
our backup does not, and its bills tell.
"""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from tuan import up
from tuan.audits import report
from tuan.kernel.clock import beijing_day
from tuan.kernel.database_clock import time_at
from tuan.kernel.demo_clock import DemoClock
from tuan.kernel.embedded import create_databases, database_url, program
from tuan.kernel.ids import new_id
from tuan.keyring import load_or_make
from tuan.rehearsal_books import make_good, pass_by, refund_by_hand
from tuan.rehearsal_stage import URL, Stage
from tuan.story import Buyer, StoryBroken, await_status, get, pay, post, sign_in, tell

LOST: Final = ("market", "mall")
BOOK, TEA, COFFEE = "9890001", "9890002", "9890003"  # In teams of three, two and three.
PATIENCE_SECONDS: Final = 120.0


@dataclass(frozen=True)
class People:
    ann: Buyer  # Has paid in a team of two.
    bob: Buyer  # Sits in it, and pays after the backup.
    cai: Buyer  # Has paid in a team that fails after the backup.
    dan: Buyer  # Was delivered, and is refunded after the backup.
    eve: Buyer  # Orders and pays after the backup.


def rehearse(server: str, home: Path, console: Console) -> int:
    """Returns how many rules are broken in the end, and 1 for a story that went another way."""
    began = time.monotonic()
    created = create_databases(server, [f"tuan_{name}" for name in up.SERVICES])
    databases = {name: created[f"tuan_{name}"] for name in up.SERVICES}
    up.migrate_all(databases)
    keyring = load_or_make(home / "keys.json")
    clock = DemoClock(home / "clock", partial(time_at, databases["mall"]))
    stage = Stage(server=server, home=home, databases=databases, keyring=keyring, clock=clock)
    try:
        asyncio.run(_play(stage, console))
    except (StoryBroken, TimeoutError) as trouble:
        console.print(f"[red]It did not come back as told:[/] {trouble!r}")
        return 1
    broken = report({name: databases[name] for name in LOST}, console, clock=clock)
    console.print(f"restore drill: {time.monotonic() - began:.0f} s, {broken} rules broken", soft_wrap=True)
    return broken


async def _play(stage: Stage, console: Console) -> None:
    async with AsyncExitStack() as browsers:
        await up.load_demo(URL, stage.databases, stage.keyring)
        first_day = beijing_day(stage.clock())
        people = await _until_all_is_lost(stage, browsers, console)
        _restore(stage)
        console.print("Lost both databases, and restored them.")
        await _come_back(stage, people, console, since=first_day)


async def _until_all_is_lost(stage: Stage, browsers: AsyncExitStack, console: Console) -> People:
    async with stage.opened() as start:
        for name in up.SERVICES:
            start(name)
        people = await _trade(stage, browsers, console)
        console.print(f"Backed up: {_back_up(stage)}.")
        await _trade_on(stage, people)
    console.print("Traded on: one team formed, one failed; a refund by hand, and an order the backup lacks.")
    _lose(stage)
    return people


async def _come_back(stage: Stage, people: People, console: Console, *, since: date) -> None:
    async with stage.opened() as start:
        # The market's worker comes last: teams must not fail before payments made in time are known.
        start("sandbox")
        start("mall")
        await _until(partial(_has_formed, people.bob))
        start("market")
        await asyncio.gather(
            *(await_status(buyer, "fulfilled") for buyer in (people.ann, people.bob)),
            await_status(people.cai, "refunded"),
        )
        console.print("What the gateway knew came back by itself: one team formed, the other failed.")
        await make_good(stage, people.dan, since=since, console=console)


async def _trade(stage: Stage, stack: AsyncExitStack, console: Console) -> People:
    if await tell(URL, BOOK, console, transport=stage.inside):
        raise StoryBroken("no team formed before the backup")
    buyers = []
    for name in ("安安", "小博", "彩彩", "丁丁", "恩恩"):
        buyer = Buyer(name, await stack.enter_async_context(stage.browser()), "alipay")
        await sign_in(buyer)
        buyers.append(buyer)
    people = People(*buyers)

    team = await _order(people.ann, TEA)
    await _order(people.bob, TEA, team=team)
    await _order(people.cai, COFFEE)
    await _order(people.dan, TEA, kind="alone")
    for buyer in (people.ann, people.cai, people.dan):
        await pay(buyer)
    await asyncio.gather(
        *(await_status(buyer, "paid") for buyer in (people.ann, people.cai)),
        await_status(people.dan, "fulfilled"),
    )
    return people


async def _trade_on(stage: Stage, people: People) -> None:
    await pay(people.bob)
    await _order(people.eve, TEA, kind="alone")
    await pay(people.eve)
    await asyncio.gather(*(await_status(one, "fulfilled") for one in (people.ann, people.bob, people.eve)))
    await refund_by_hand(stage, people.dan.number)
    await await_status(people.dan, "refunded")
    await pass_by(stage, timedelta(hours=25))
    await await_status(people.cai, "refunded")


def _back_up(stage: Stage) -> str:
    """Both while nobody trades: two dumps are two moments, one of each."""
    for name in LOST:
        _run("pg_dump", "--format=custom", f"--file={stage.home / name}.dump", stage.databases[name])
    sizes = (f"{name} {(stage.home / f'{name}.dump').stat().st_size // 1024} KiB" for name in LOST)
    return ", ".join(sizes)


def _lose(stage: Stage) -> None:
    for name in LOST:
        _run("dropdb", "--force", f"--maintenance-db={stage.server}", f"tuan_{name}")


def _restore(stage: Stage) -> None:
    for name in LOST:
        _run("createdb", f"--maintenance-db={stage.server}", f"tuan_{name}")
        url = database_url(stage.server, f"tuan_{name}")
        _run("pg_restore", "--no-owner", f"--dbname={url}", f"{stage.home / name}.dump")
    up.migrate_all({name: stage.databases[name] for name in LOST})


def _run(name: str, *arguments: str) -> None:
    subprocess.run([program(name), *arguments], check=True, timeout=PATIENCE_SECONDS)  # noqa: S603


async def _order(buyer: Buyer, product_id: str, *, team: str | None = None, kind: str = "group") -> str:
    """Answers with the team, "" for who buys alone."""
    product = await get(buyer.browser, f"/api/mall/v1/products/{product_id}")
    wanted: dict[str, object] = {"product_id": product_id, "kind": kind, "gateway": buyer.gateway}
    if kind == "group":
        wanted |= {"campaign_id": product["group"]["campaign_id"], "team_id": team}
    key = {"idempotency-key": new_id()}
    order = await post(buyer.browser, "/api/mall/v1/orders", wanted, headers=key)
    buyer.number, buyer.pay_url = order["number"], order["pay_url"]
    return order["team_id"] or ""


async def _has_formed(buyer: Buyer) -> bool:
    order = await get(buyer.browser, f"/api/mall/v1/orders/{buyer.number}")
    return bool(order["team"]) and order["team"]["status"] == "formed"


async def _until(happens: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if await happens():
                return
            await asyncio.sleep(0.2)
