"""What became of each webhook, at the console: seen, sent again, tried out."""

import json
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from console_builders import Hands, Office, code_of
from market_processes import query

from tuan.kernel.clock import utc_now
from tuan.kernel.ids import new_id
from tuan.market.app import build
from tuan.market.config import MarketSettings

WHY = {"reason": "they were down"}
SECRET = "whsec_c2VjcmV0IG9mIHRoZSBtYWxs"


class Mall:
    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.taken.append((request.headers["webhook-id"], json.loads(request.content)["type"]))
        return httpx.Response(204)


@pytest.fixture
def mall() -> Mall:
    return Mall()


@pytest.fixture
async def office(market_database: str, mall: Mall) -> AsyncIterator[Office]:
    """With one endpoint, and the mall behind it."""
    with psycopg.connect(market_database) as connection:
        connection.execute("INSERT INTO source VALUES ('mall', 'mall', now())")
        connection.execute(
            "INSERT INTO endpoint (id, source, url, secret, created_at)"
            " VALUES ('e1', 'mall', 'https://mall.test/hooks', %s, now())",
            [SECRET],
        )
    clock = Hands(utc_now())
    settings = MarketSettings(database_url=market_database)
    service = build(settings, clock=clock, transport=httpx.MockTransport(mall))
    async with service.opened():
        yield Office(market_database, service, clock)


def a_delivery(url: str, status: str = "dead", *, about: str = "T1") -> dict[str, str]:
    """One that came to its end; its key."""
    event_id = new_id()
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO event VALUES (%s, 'mall', 'seat.released', %s, %s, now())",
            [event_id, about, json.dumps({"out_trade_no": about, "team_id": "t1"})],
        )
        connection.execute(
            "INSERT INTO delivery (event_id, endpoint_id, status, delivered_at, died_at) VALUES (%s, 'e1',"
            " %s, CASE WHEN %s = 'delivered' THEN now() END, CASE WHEN %s = 'dead' THEN now() END)",
            [event_id, status, status, status],
        )
        for code in (None, 500):
            connection.execute(
                "INSERT INTO attempt VALUES (%s, 'e1', clock_timestamp(), %s, 12, 'busy')", [event_id, code]
            )
    return {"event_id": event_id, "endpoint_id": "e1"}


async def test_a_delivery_is_seen_with_every_attempt(office: Office, operator: httpx.AsyncClient) -> None:
    key = a_delivery(office.url)

    story = (await operator.get(f"/deliveries/{key['event_id']}/e1")).json()
    assert story["data"] == {"out_trade_no": "T1", "team_id": "t1"}
    assert [attempt["status_code"] for attempt in story["attempts"]] == [None, 500]
    [listed] = (await operator.get("/deliveries")).json()["items"]
    assert listed == story["delivery"]
    assert (listed["status"], listed["attempts"], listed["last_status_code"]) == ("dead", 2, 500)
    assert code_of(await operator.get("/deliveries/none/e1")) == (404, "not_found")


async def test_deliveries_are_found_by_what_became_of_them_page_by_page(
    office: Office, operator: httpx.AsyncClient
) -> None:
    keys = [
        a_delivery(office.url, status, about=f"T{n}")
        for n, status in enumerate(["dead", "delivered", "dead"])
    ]
    events = [key["event_id"] for key in keys]

    async def found(**wanted: str) -> list[str]:
        items = (await operator.get("/deliveries", params=wanted)).json()["items"]
        return [item["event_id"] for item in items]

    assert await found(status="dead") == [events[2], events[0]]
    assert await found(about="T1", kind="seat.released", source="mall", endpoint_id="e1") == [events[1]]
    assert await found(endpoint_id="e2") == []
    first = (await operator.get("/deliveries", params={"limit": 2})).json()
    assert await found(cursor=first["next_cursor"]) == [events[0]]


async def test_what_was_given_up_is_sent_again_once_however_often_it_is_asked(
    office: Office, operator: httpx.AsyncClient, mall: Mall
) -> None:
    keys = [a_delivery(office.url, "dead", about="T1"), a_delivery(office.url, "delivered", about="T2")]
    body = {"deliveries": keys, **WHY}

    assert (await operator.post("/deliveries/redelivery", json=body)).status_code == 202
    assert (await operator.post("/deliveries/redelivery", json=body)).status_code == 202
    await office.service.drain()

    assert sorted(mall.taken) == [(key["event_id"], "seat.released") for key in keys]
    assert query(office.url, "SELECT status, count(*) FROM delivery GROUP BY status") == [("delivered", 2)]
    told = "SELECT action, reason, count(*) FROM audit_log GROUP BY action, reason"
    assert query(office.url, told) == [("delivery.redelivered", "they were down", 4)]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [("UPDATE endpoint SET disabled_at = now()", (409, "endpoint_disabled")), ("", (404, "not_found"))],
)
async def test_all_are_sent_again_or_none(
    office: Office, operator: httpx.AsyncClient, mall: Mall, change: str, refusal: tuple[int, str]
) -> None:
    keys = [a_delivery(office.url)]
    if change:
        with psycopg.connect(office.url) as connection:
            connection.execute(change.encode())
    else:
        keys.append({"event_id": "none", "endpoint_id": "e1"})

    refused = await operator.post("/deliveries/redelivery", json={"deliveries": keys, **WHY})
    assert code_of(refused) == refusal
    await office.service.drain()
    assert mall.taken == []
    state = "SELECT status, (SELECT count(*) FROM audit_log) FROM delivery"
    assert query(office.url, state) == [("dead", 0)]


async def test_an_endpoint_is_tried_out(office: Office, operator: httpx.AsyncClient, mall: Mall) -> None:
    tested = (await operator.post("/endpoints/e1/test", json={})).json()
    await office.service.drain()

    assert mall.taken == [(tested["event_id"], "test.ping")]
    story = (await operator.get(f"/deliveries/{tested['event_id']}/e1")).json()
    assert (story["delivery"]["status"], story["attempts"][0]["status_code"]) == ("delivered", 204)
    assert query(office.url, "SELECT action, about FROM audit_log") == [("endpoint.tested", "endpoint:e1")]
    assert code_of(await operator.post("/endpoints/none/test", json={})) == (404, "not_found")
