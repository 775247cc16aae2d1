"""A quarter of an hour is a quarter of an hour, also in the night when the clocks are changed."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from console_builders import Hands
from market_builders import API_KEY, CAMPAIGN, TERMS, save_campaign
from market_processes import query
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tuan.market.app import build
from tuan.market.config import MarketSettings

LOCK = {"buyer_id": "b1", "campaign_id": "summer", "goods_id": "tea", "channel": "app"}
SPRING_FORWARD = datetime(2026, 3, 8, 6, 55, tzinfo=UTC)  # In New York five minutes later it is three.
FALL_BACK = datetime(2026, 11, 1, 5, 55, tzinfo=UTC)  # And five minutes later one again.
ENDS = "SELECT hold_until - locked_at, closes_at - opened_at FROM seat JOIN team ON team.id = team_id"


@pytest.fixture
def elsewhere(market_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A process in New York, and a database in Beijing."""
    name = sql.Identifier(str(conninfo_to_dict(market_database)["dbname"]))
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    with psycopg.connect(market_database, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} SET timezone = 'Asia/Shanghai'").format(name))
        yield market_database
        connection.execute(sql.SQL("ALTER DATABASE {} RESET timezone").format(name))
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("moment", [SPRING_FORWARD, FALL_BACK])
async def test_deadlines_in_the_night_of_the_change(elsewhere: str, moment: datetime) -> None:
    year = timedelta(days=365)
    save_campaign(elsewhere, replace(CAMPAIGN, starts_at=moment - year, ends_at=moment + year))
    clock = Hands(moment)
    service = build(MarketSettings(database_url=elsewhere), clock=clock)
    headers = {"authorization": f"Bearer {API_KEY}"}
    transport = httpx.ASGITransport(service.app)
    async with (
        service.opened(),
        httpx.AsyncClient(transport=transport, base_url="http://market", headers=headers) as http,
    ):
        locked = (await http.put("/v1/seats/T1", json=LOCK)).json()
        assert datetime.fromisoformat(locked["locked_at"]) == moment
        lasts = timedelta(minutes=TERMS.hold_minutes), timedelta(minutes=TERMS.team_minutes)
        assert query(elsewhere, ENDS) == [lasts]

        clock.forward(minutes=TERMS.hold_minutes, seconds=-1)
        await service.drain()
        assert query(elsewhere, "SELECT status FROM seat") == [("locked",)]
        clock.forward(seconds=1)
        await service.drain()
        assert query(elsewhere, "SELECT status FROM seat") == [("released",)]
