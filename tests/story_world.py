"""Both services and the sandbox in one room: every call between them is made, none through a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tuan.keyring import Keyring, load_or_make
from tuan.up import Parts, build_parts, load_demo, opened, whole

URL = "http://tuan.test"


class Room(httpx.AsyncBaseTransport):
    """Carries each request to the app that answers at its address."""

    def __init__(self) -> None:
        self.inside: httpx.AsyncBaseTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert self.inside, "the room is still empty"
        assert request.url.host == "tuan.test", f"somebody calls outside: {request.url}"
        return await self.inside.handle_async_request(request)


@dataclass(frozen=True)
class World:
    parts: Parts
    room: Room
    databases: dict[str, str]

    async def settle_down(self) -> None:
        """Let everybody do what is due, until nothing is."""
        for _ in range(4):
            for service in self.parts.by_prefix.values():
                await service.drain()


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return load_or_make(Path(tmp_path_factory.mktemp("keys"), "keys.json"))


@pytest.fixture
async def world(
    market_database: str, mall_database: str, sandbox_database: str, keyring: Keyring
) -> AsyncIterator[World]:
    databases = {"market": market_database, "mall": mall_database, "sandbox": sandbox_database}
    await load_demo(URL, databases, keyring)
    room = Room()
    parts = build_parts(URL, databases, keyring, transport=room)
    room.inside = httpx.ASGITransport(whole(parts))
    async with opened(list(parts.by_prefix.values())):
        yield World(parts, room, databases)


@pytest.fixture
async def working(world: World) -> AsyncIterator[World]:
    """Everybody works on their own, as in production."""
    tasks = [asyncio.create_task(service.work()) for service in world.parts.by_prefix.values()]
    yield world
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
