from collections.abc import AsyncIterator

import httpx
import pytest
from console_builders import Hands, Office, admin, office, operator
from market_builders import API_KEY, NOW
from market_processes import processes, selling
from webhook_builders import jobs, mall, pool, told

from tuan.kernel.service import Service
from tuan.market.app import build
from tuan.market.config import MarketSettings
from tuan.market.operator import Role

__all__ = ["admin", "jobs", "mall", "office", "operator", "pool", "processes", "selling", "told"]


@pytest.fixture
async def market(selling: str) -> AsyncIterator[Service]:
    service = build(MarketSettings(database_url=selling))
    async with service.opened():
        yield service


@pytest.fixture
async def http(market: Service) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {API_KEY}"}
    transport = httpx.ASGITransport(market.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://market", headers=headers) as http:
        yield http


@pytest.fixture
def trading(market: Service, selling: str) -> Office:
    """The console of a market that sells."""
    return Office(selling, market, Hands(NOW))


@pytest.fixture
async def console(trading: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with trading.browser(Role.OPERATOR, name="olga") as console:
        yield console
