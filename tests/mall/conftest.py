from collections.abc import AsyncIterator

import pytest
from mall_builders import Shopper, World, a_shopper, a_world


@pytest.fixture
async def world(mall_database: str) -> AsyncIterator[World]:
    """Whatever a test does, its orders and its books must be sound when it ends."""
    async with a_world(mall_database) as world:
        yield world
        assert await world.findings(only_always=True) == []


@pytest.fixture
async def ann(world: World) -> AsyncIterator[Shopper]:
    async with a_shopper(world, "o-ann") as shopper:
        yield shopper


@pytest.fixture
async def bob(world: World) -> AsyncIterator[Shopper]:
    async with a_shopper(world, "o-bob") as shopper:
        yield shopper
