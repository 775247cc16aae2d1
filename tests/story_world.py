"""Both services and the sandbox in one room: every call between them is made, none through a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import LiteralString

import httpx
import psycopg
import pytest
from canary import know
from cut_off import Wire
from msgspec.structs import astuple

from tuan.kernel.clock import beijing_day, midnight, utc_now
from tuan.keyring import Keyring, load_or_make
from tuan.up import Parts, build_parts, load_demo, opened, whole

URL = "http://tuan.test"
BEGINS_AT = 12


@dataclass
class Ahead:
    """A clock that runs, and can be moved ahead."""

    by: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.by

    def pass_by(self, **span: float) -> None:
        self.by += timedelta(**span)


class Standing(Ahead):
    """A clock that stands still until it is moved. It begins at noon in Beijing, whatever the hour of the
    run, and more than a day ahead, so that no queue's clock is ahead of it."""

    def __init__(self) -> None:
        super().__init__()
        self._began = midnight(beijing_day(utc_now()) + timedelta(days=2)) + timedelta(hours=BEGINS_AT)

    def __call__(self) -> datetime:
        return self._began + self.by


@dataclass
class Room(httpx.AsyncBaseTransport):
    """Carries each request to the app that answers at its address, unless that one is away."""

    inside: httpx.AsyncBaseTransport | None = None
    away: set[str] = field(default_factory=set)  # By the beginning of their path.
    broken: list[str] = field(default_factory=list)  # What was answered as nobody should.

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert self.inside, "the room is still empty"
        assert request.url.host == "tuan.test", f"somebody calls outside: {request.url}"
        if request.url.path.startswith(tuple(self.away)):
            raise httpx.ConnectError("away", request=request)
        answer = await self.inside.handle_async_request(request)
        if answer.status_code == 500:
            self.broken.append(f"{request.method} {request.url.path}")
        return answer


@dataclass(frozen=True, kw_only=True)
class World:
    parts: Parts
    room: Room
    databases: dict[str, str]
    clock: Ahead

    async def settle_down(self) -> None:
        """Let everybody do what is due, and what that makes due: money comes, a team forms, goods leave."""
        for service in (self.parts.sandbox, self.parts.mall, self.parts.market, self.parts.mall):
            await service.drain()

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=URL, transport=self.room, timeout=10)

    def rows(self, service: str, query: LiteralString) -> list[tuple[object, ...]]:
        with psycopg.connect(self.databases[service]) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    keyring = load_or_make(Path(tmp_path_factory.mktemp("keys"), "keys.json"))
    know(astuple(keyring))
    return keyring


@asynccontextmanager
async def a_world(
    databases: dict[str, str], keyring: Keyring, *, clock: Ahead, demo_clock: Path | None = None
) -> AsyncIterator[World]:
    await load_demo(URL, databases, keyring)
    room = Room()
    parts = build_parts(URL, databases, keyring, transport=room, clock=clock, demo_clock=demo_clock)
    room.inside = Wire(whole(parts))
    async with opened(list(parts.by_prefix.values())):
        yield World(parts=parts, room=room, databases=databases, clock=clock)


@pytest.fixture
def empty(market_database: str, mall_database: str, sandbox_database: str) -> dict[str, str]:
    return {"market": market_database, "mall": mall_database, "sandbox": sandbox_database}


@pytest.fixture
async def world(empty: dict[str, str], keyring: Keyring) -> AsyncIterator[World]:
    async with a_world(empty, keyring, clock=Ahead()) as world:
        yield world


@pytest.fixture
async def standing(empty: dict[str, str], keyring: Keyring) -> AsyncIterator[World]:
    """Time passes only when told."""
    async with a_world(empty, keyring, clock=Standing()) as world:
        yield world


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[None]:
    """Everybody works on their own, as in production."""
    tasks = [asyncio.create_task(service.work()) for service in world.parts.by_prefix.values()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def working(world: World) -> AsyncIterator[World]:
    async with at_work(world):
        yield world
