"""The mall in processes that die and are started anew; around it a market and a sandbox that live.

All are found at one address. Between the mall's processes and PostgreSQL are wires that break.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, cast

import httpx
from forked import Nursery, is_ready, kill
from front import Front, Stop, a_front
from market_processes import query
from pydantic import SecretStr
from pydantic_settings import BaseSettings
from served import free_port
from story_books import audits, doubts
from story_people import Person
from story_world import World
from webhook_builders import change
from wire import Break, Passing, Wire, wired

from tuan.kernel.clock import utc_now
from tuan.keyring import Keyring
from tuan.up import load_demo, settings_for

Piece = Literal["api", "worker"]

A_MINUTE_PASSES = "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 minute'"
NOBODY_WAITS = "UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE scheduled_at > now()"
JOBS = "SELECT task_name FROM procrastinate_jobs"
# What somebody has still to do. The market's own jobs are as good as its deliveries.
IN_HAND = {
    "mall": f"{JOBS} UNION ALL SELECT number FROM mall_order WHERE status IN ('paid', 'ready', 'refunding')",
    "market": "SELECT id FROM team WHERE status = 'forming'"
    " UNION ALL SELECT event_id FROM delivery WHERE status <> 'delivered'",
    "sandbox": "SELECT id FROM notify WHERE next_at IS NOT NULL",
}
A_DAY_PASSES = """
    UPDATE seat SET locked_at = locked_at - interval '25 hours', paid_at = paid_at - interval '25 hours',
        hold_until = hold_until - interval '25 hours', given_back_at = given_back_at - interval '25 hours'
    FROM team WHERE team.id = team_id AND team.status = 'forming';
    UPDATE team SET opened_at = opened_at - interval '25 hours', closes_at = closes_at - interval '25 hours'
    WHERE status = 'forming'"""
TAKE_ALL_YOU_WANT = "UPDATE terms SET take_limit = 100"
READY_WITHIN_SECONDS = 90
WAITED_SECONDS = 40  # Shorter than the minute after which a sweep owes what is not owed.
TOLD_AGAIN_WITHIN_SECONDS = 0.1  # Where the gateway's first step on its ladder is four minutes.


@dataclass(frozen=True)
class Surroundings:
    forks: Nursery
    databases: dict[str, str]
    settings: dict[str, dict[str, str]]  # Of each service, as its environment.
    port: int  # Of the front.
    behind: dict[str, str]


@contextmanager
def surroundings(forks: Nursery, databases: dict[str, str], keyring: Keyring) -> Iterator[Surroundings]:
    """The market and the sandbox at work, and things to buy."""
    port, ports = free_port(), {"market": free_port(), "sandbox": free_port()}
    url = f"http://127.0.0.1:{port}"
    settings = {
        name: environment(one)
        for name, one in zip(databases, settings_for(url, databases, keyring), strict=True)
    }
    settings["sandbox"]["TUAN_SANDBOX_NOTIFY_TIME_SCALE"] = str(TOLD_AGAIN_WITHIN_SECONDS / 240)
    asyncio.run(load_demo(url, databases, keyring))
    change(databases["market"], TAKE_ALL_YOU_WANT)
    with ExitStack() as stack:
        for service, own_port in ports.items():
            api = (service, "api", "--port", str(own_port))
            stack.enter_context(forks.process(*api, settings=settings[service]))
            stack.enter_context(forks.process(service, "worker", settings=settings[service]))
        asyncio.run(become_ready(*ports.values()))
        behind = {"/api/market": f"http://127.0.0.1:{ports['market']}"}
        behind["/sandbox"] = f"http://127.0.0.1:{ports['sandbox']}"
        yield Surroundings(forks, databases, settings, port, behind)


def environment(settings: BaseSettings) -> dict[str, str]:
    """The variables that it would be read from."""
    given = settings.model_dump(exclude_unset=True, exclude_none=True)
    prefix = settings.model_config["env_prefix"]
    found: dict[str, str] = {}
    for name, value in given.items():
        parts = value if isinstance(value, dict) else {"": value}
        for part, said in parts.items():
            variable = f"{prefix}{name}_{part}".rstrip("_").upper()
            found[variable] = said.get_secret_value() if isinstance(said, SecretStr) else str(said)
    return found


async def become_ready(*ports: int) -> None:
    async with asyncio.timeout(READY_WITHIN_SECONDS):
        for port in ports:
            while not await is_ready(port):
                await asyncio.sleep(0.01)


@dataclass
class Mall:
    around: Surroundings
    front: Front
    wires: dict[Piece, Wire]
    stack: AsyncExitStack
    pids: dict[Piece, int] = field(default_factory=dict)
    lives: dict[Piece, AsyncExitStack] = field(default_factory=dict)

    @property
    def databases(self) -> dict[str, str]:
        return self.around.databases

    def clock(self) -> datetime:
        """When all that was owed is overdue."""
        return utc_now() + timedelta(minutes=30)

    async def start(self, piece: Piece) -> None:
        """What a dead worker held is handed on when it has shown no life for half a minute; what a dead api
        was to be told is told in a while. Neither is waited for."""
        if piece in self.lives:
            await self.lives[piece].aclose()  # At once: its process id may soon be somebody else's.
        life = self.lives[piece] = await self.stack.enter_async_context(AsyncExitStack())
        await self.change(A_MINUTE_PASSES)
        settings = self.around.settings["mall"] | {"TUAN_MALL_DATABASE_URL": self.wires[piece].url}
        forks = self.around.forks
        if piece == "worker":
            self.pids[piece] = life.enter_context(forks.process("mall", "worker", settings=settings))
            return
        serving = forks.serving("mall", settings=settings)
        self.front.behind["/api/mall"], self.pids[piece] = await life.enter_async_context(serving)
        change(self.databases["market"], NOBODY_WAITS)

    def kill(self, piece: Piece) -> None:
        kill(self.pids[piece])

    def kill_at(self, piece: Piece, begins: str, counted: Passing, at: int) -> Break:
        return self.wires[piece].break_at(begins, counted, at, then=lambda: self.kill(piece))

    def kill_when(self, piece: Piece, about: str, *, is_answered: bool) -> Stop:
        """When a call passes the front, or its answer does."""
        self.front.stop = Stop(about=about.encode(), is_answered=is_answered, then=lambda: self.kill(piece))
        return self.front.stop

    async def come_to(self, end: str, numbers: Sequence[str]) -> None:
        """These orders, with no job left."""
        listed = ", ".join(f"'{number}'" for number in numbers)
        waiting = f"SELECT number FROM mall_order WHERE number IN ({listed}) AND NOT ({end})"
        await self._until_none("mall", f"{waiting} UNION ALL {JOBS}")

    async def end_all(self) -> None:
        """Teams that still form fail."""
        change(self.databases["market"], A_DAY_PASSES)
        for service in ("market", "mall", "sandbox"):
            await self._until_none(service, IN_HAND[service])

    async def _until_none(self, service: str, rows: str) -> None:
        async with asyncio.timeout(WAITED_SECONDS):
            while query(self.databases[service], rows):
                await asyncio.sleep(0.05)

    async def change(self, sql: str) -> None:
        """Who holds what this waits for, alive or dead, lets go through our wires, which must not stand."""
        await asyncio.to_thread(change, self.databases["mall"], sql)

    async def owes_a_job(self) -> None:
        while not query(self.databases["mall"], JOBS):
            await asyncio.sleep(0.02)

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.around.port}", timeout=30)

    async def a_buyer(self, name: str) -> Person:
        browser = await self.stack.enter_async_context(self.browser())
        person = Person(name, cast("World", self), browser)  # Who asks it for nothing but a browser.
        assert await person.sign_in()
        return person

    async def findings(self) -> list[str]:
        return [*doubts(self), *(await asyncio.to_thread(audits, self)).splitlines()]


@asynccontextmanager
async def a_mall(around: Surroundings) -> AsyncIterator[Mall]:
    async with (
        wired(around.databases["mall"]) as to_api,
        wired(around.databases["mall"]) as to_worker,
        a_front(around.port, dict(around.behind)) as front,
        AsyncExitStack() as stack,
    ):
        mall = Mall(around, front, {"api": to_api, "worker": to_worker}, stack)
        await mall.start("api")
        await mall.start("worker")
        yield mall
