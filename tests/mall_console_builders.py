"""Operators at the mall's console, signed in at the market; and what they need to press."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from mall_builders import API, SHOP, World
from starlette.applications import Starlette
from starlette.routing import Mount

from tuan.kernel.ids import new_secret
from tuan.mall.operator import Role

CONSOLE = f"{API}/v1/console"
WAITING_FOR_A_LOCK = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""
WHY = {"reason": "顾客来电"}


@asynccontextmanager
async def a_browser(
    world: World, role: Role | None = None, *, name: str | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Of an operator whom the market knows by that name, which is also their id; of nobody without a role."""
    transport = httpx.ASGITransport(Starlette(routes=[Mount(API, world.service.app)]))
    cookies = {} if role is None else {"tuan_operator": a_session(world, role, name=name or role)}
    async with httpx.AsyncClient(
        transport=transport, base_url=f"{SHOP}{CONSOLE}", cookies=cookies
    ) as browser:
        yield browser


def a_session(world: World, role: str, *, name: str) -> str:
    """The secret in the cookie of an operator who has just signed in at the market."""
    secret = new_secret()
    world.market.operators[secret] = {"id": name, "name": name, "role": role}
    return secret


@pytest.fixture
async def olga(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with a_browser(world, Role.OPERATOR, name="olga") as browser:
        yield browser


@pytest.fixture
async def oleg(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Another operator, who may do the same."""
    async with a_browser(world, Role.OPERATOR, name="oleg") as browser:
        yield browser


@pytest.fixture
async def ada(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with a_browser(world, Role.ADMIN, name="ada") as browser:
        yield browser


async def until_they_wait(world: World, *, how_many: int) -> None:
    """For a lock that somebody else holds."""
    while world.rows(WAITING_FOR_A_LOCK) != [(how_many,)]:
        await asyncio.sleep(0.01)


async def warmed(*consoles: httpx.AsyncClient) -> None:
    """Known here, so that they meet at the lock and nowhere before."""
    await asyncio.gather(*(console.get("/deeds") for console in consoles))


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """The status of a refusal, and its code."""
    return answer.status_code, answer.json()["code"]


def deeds(world: World) -> list[Any]:
    """What is on record: who did what, to what, and why."""
    return world.rows("SELECT operator_name, action, about, reason FROM deed ORDER BY id")
