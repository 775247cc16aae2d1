"""Operators at the console, signed in; valid by default."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from tuan.kernel.ids import fingerprint, new_id, new_secret
from tuan.kernel.service import Service
from tuan.market.app import build
from tuan.market.config import MarketSettings
from tuan.market.operator import Role

ADDRESS = "http://market"
ROOT = "/console/v1"


@dataclass
class Hands:
    """A clock that goes only when it is told to."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **how_long: float) -> None:
        self.now += timedelta(**how_long)


@dataclass(frozen=True)
class Office:
    url: str
    service: Service
    clock: Hands

    def session(self, role: Role | None, *, name: str | None = None) -> dict[str, str]:
        """The cookie of a new operator's session; no cookie for nobody."""
        if role is None:
            return {}
        return {"tuan_operator": self.appointed(role, name=name)[1]}

    def appointed(self, role: Role, *, name: str | None = None) -> tuple[str, str]:
        """A new operator's id, and the secret of their session."""
        return appoint(self.url, role, name=name, now=self.clock())

    @asynccontextmanager
    async def browser(
        self, role: Role | None = None, *, name: str | None = None
    ) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.service.app),
            base_url=f"{ADDRESS}{ROOT}",
            cookies=self.session(role, name=name),
        ) as browser:
            yield browser


def appoint(url: str, role: Role, *, name: str | None = None, now: datetime) -> tuple[str, str]:
    """A new operator's id, and the secret of their session."""
    operator_id, secret = new_id(), new_secret()
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO operator (id, name, password_hash, role, created_at)"
            " VALUES (%s, %s, 'none', %s, %s)",
            [operator_id, name or operator_id, role, now],
        )
        connection.execute(
            "INSERT INTO operator_session VALUES (%s, %s, %s, %s, %s)",
            [fingerprint(secret), operator_id, now, now, now + timedelta(hours=12)],
        )
    return operator_id, secret


@pytest.fixture
async def office(market_database: str) -> AsyncIterator[Office]:
    clock = Hands(datetime.now(UTC).replace(microsecond=0))
    service = build(MarketSettings(database_url=market_database), clock=clock)
    async with service.opened():
        yield Office(market_database, service, clock)


@pytest.fixture
async def admin(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with office.browser(Role.ADMIN, name="ada") as browser:
        yield browser


@pytest.fixture
async def operator(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with office.browser(Role.OPERATOR, name="olga") as browser:
        yield browser


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """The status of a refusal, and its code."""
    return answer.status_code, answer.json()["code"]


def a_campaign(discount_id: str, /, *, now: datetime, **changes: object) -> dict[str, object]:
    terms = {
        "discount_id": discount_id,
        "seats_target": 3,
        "take_limit": 1,
        "team_minutes": 60,
        "hold_minutes": 15,
    }
    return {
        "name": "秋日拼团",
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(days=7)).isoformat(),
        "terms": terms | {name: changes.pop(name) for name in list(changes) if name in (*terms, "audience")},
    } | changes


TEN_OFF = {"name": "满100减10", "terms": {"plan": "threshold", "over_fen": 100_00, "off_fen": 10_00}}
