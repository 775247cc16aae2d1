"""A formed team is told to its source: once, signed, and until it is taken."""

import json
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from market_builders import API_KEY, save_campaign
from market_processes import query

from tuan.kernel.clock import utc_now
from tuan.kernel.service import Service
from tuan.kernel.webhook import verify
from tuan.market.app import build
from tuan.market.config import MarketSettings

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBtYWxs"
LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}


class Mall:
    """Takes webhooks, or refuses them."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.taken: list[dict[str, object]] = []
        self.ids: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        verify(SECRET, request.content, request.headers, now=utc_now())
        self.ids.append(request.headers["webhook-id"])
        status = self.answers.pop(0) if self.answers else 204
        if status == 204:
            self.taken.append(json.loads(request.content))
        return httpx.Response(
            status, text="busy" if status >= 400 else "", headers={"location": "http://169.254.169.254/"}
        )


@pytest.fixture
def mall() -> Mall:
    return Mall()


@pytest.fixture
async def told(market_database: str, mall: Mall) -> AsyncIterator[Service]:
    save_campaign(market_database)
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE terms SET seats_target = 2")
        connection.execute(
            "INSERT INTO endpoint VALUES ('e1', 'mall', 'http://mall.test/hooks/market', %s, now(), NULL)",
            [SECRET],
        )
    service = build(MarketSettings(database_url=market_database), transport=httpx.MockTransport(mall))
    async with service.opened():
        yield service


async def form_a_team(service: Service) -> str:
    headers = {"authorization": f"Bearer {API_KEY}"}
    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://market", headers=headers) as http:
        opened = (await http.put("/v1/seats/T1", json=LOCK | {"buyer_id": "b1"})).json()
        await http.put("/v1/seats/T2", json=LOCK | {"buyer_id": "b2", "team_id": opened["team_id"]})
        for number in ("T1", "T2", "T2"):
            settled = await http.put(f"/v1/seats/{number}/settlement", json={"paid_at": opened["locked_at"]})
            assert settled.status_code == 200
    return str(opened["team_id"])


async def test_every_seat_of_a_formed_team_is_named_once(
    told: Service, mall: Mall, market_database: str
) -> None:
    team_id = await form_a_team(told)

    await told.drain()
    await told.drain()

    [event] = mall.taken
    data = event["data"]
    assert isinstance(data, dict)
    assert (event["type"], data["team_id"], data["out_trade_nos"]) == ("team.formed", team_id, ["T1", "T2"])
    assert query(market_database, "SELECT status, delivered_at IS NOT NULL FROM delivery") == [
        ("delivered", True)
    ]
    assert query(market_database, "SELECT status_code FROM attempt") == [(204,)]


@pytest.mark.parametrize("status", [500, 404, 302, 429])
async def test_what_is_not_taken_is_sent_again_under_the_same_id(
    told: Service, mall: Mall, market_database: str, status: int
) -> None:
    mall.answers = [status]
    await form_a_team(told)

    await told.drain()
    assert (mall.taken, query(market_database, "SELECT status FROM delivery")) == ([], [("pending",)])

    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
    await told.drain()

    assert len(mall.taken) == 1
    assert len(mall.ids) == 2
    assert len(set(mall.ids)) == 1
    assert query(market_database, "SELECT status_code FROM attempt ORDER BY at") == [(status,), (204,)]


async def test_the_event_and_its_job_are_saved_with_the_team_or_not_at_all(
    told: Service, market_database: str
) -> None:
    with psycopg.connect(market_database) as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON procrastinate_jobs EXECUTE FUNCTION refuse()"
        )
    try:
        with pytest.raises(AssertionError, match="500"):
            await form_a_team(told)
    finally:
        with psycopg.connect(market_database) as connection:
            connection.execute("DROP FUNCTION refuse CASCADE")

    left = "SELECT status, seats_settled, (SELECT count(*) FROM event) FROM team"
    assert query(market_database, left) == [("forming", 1, 0)]
