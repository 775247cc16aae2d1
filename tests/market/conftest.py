from collections.abc import AsyncIterator

import httpx
import pytest
from market_builders import API_KEY
from market_processes import processes, selling

from tuan.kernel.service import Service
from tuan.market.app import build
from tuan.market.config import MarketSettings

__all__ = ["processes", "selling"]


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
