from collections.abc import AsyncIterator, Iterator

import pytest
from console_builders import office
from forked import Nursery, nursery
from market_builders import save_campaign
from market_processes import processes, selling
from receiver import Receiver, receiving
from webhook_builders import add_endpoint, change
from wire import Wire, wired

__all__ = ["office", "processes", "selling"]


@pytest.fixture(scope="session")
def forks() -> Iterator[Nursery]:
    with nursery() as forks:
        yield forks


@pytest.fixture
async def wire(market_database: str) -> AsyncIterator[Wire]:
    async with wired(market_database) as wire:
        yield wire


@pytest.fixture
async def receiver(market_database: str) -> AsyncIterator[Receiver]:
    save_campaign(market_database)
    add_endpoint(market_database, "e1")
    async with receiving() as (receiver, address):
        change(market_database, f"UPDATE endpoint SET url = '{address}'")
        yield receiver
