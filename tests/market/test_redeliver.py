"""A webhook that is not taken: tried for three days, then dead with an alarm, and sent again by hand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from market_builders import API_KEY, save_campaign
from market_processes import query
from structlog.testing import capture_logs

from tuan.kernel.clock import utc_now
from tuan.kernel.db import Pool, build_pool, transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.jobs import Jobs
from tuan.kernel.service import Service
from tuan.kernel.webhook import ForgedWebhook, verify
from tuan.market import notify
from tuan.market.app import build
from tuan.market.config import MarketSettings
from tuan.market.store_webhook import parcel_of

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBtYWxs"
OLD_SECRET = "whsec_dGhlIHNlY3JldCBiZWZvcmU="
DELIVERY = "SELECT status, tries, delivered_at IS NOT NULL, died_at IS NOT NULL FROM delivery"
JOBS = "SELECT status FROM procrastinate_jobs WHERE status <> 'succeeded'"


class Mall:
    """Takes what it is sent, unless it has another answer ready."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response] = []
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else httpx.Response(204)


@pytest.fixture
def mall() -> Mall:
    return Mall()


@pytest.fixture
async def told(market_database: str, mall: Mall) -> AsyncIterator[Service]:
    save_campaign(market_database)
    add_endpoint(market_database, "e1")
    service = build(MarketSettings(database_url=market_database), transport=httpx.MockTransport(mall))
    async with service.opened():
        yield service


@pytest.fixture
def jobs(market_database: str) -> Jobs:
    return Jobs(market_database)


@pytest.fixture
async def pool(market_database: str) -> AsyncIterator[Pool]:
    async with build_pool(market_database, size=2) as pool:
        yield pool


def add_endpoint(url: str, id: str, *, format: str = "standard") -> None:
    change(
        url,
        "INSERT INTO endpoint (id, source, url, secret, format, created_at)"
        f" VALUES ('{id}', 'mall', 'https://{id}.example.com/hooks', '{SECRET}', '{format}', now())",
    )


def change(url: str, sql: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(sql.encode())


def make_due(url: str) -> None:
    change(url, "UPDATE procrastinate_jobs SET scheduled_at = NULL")


async def ping(pool: Pool, jobs: Jobs, endpoint_id: str = "e1") -> str:
    async with transaction(pool) as connection:
        return await notify.test_event(connection, jobs, endpoint_id, utc_now())


async def send_again(pool: Pool, jobs: Jobs, *deliveries: tuple[str, str]) -> int:
    async with transaction(pool) as connection:
        return await notify.redeliver(connection, jobs, deliveries)


async def test_a_test_event_reaches_its_endpoint_alone(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    add_endpoint(market_database, "e2")
    event_id = await ping(pool, jobs)

    await told.drain()

    [request] = mall.requests
    body = json.loads(request.content)
    assert (request.url.host, body["type"], body["data"]) == (
        "e1.example.com",
        "test.ping",
        {"endpoint_id": "e1"},
    )
    assert request.headers["webhook-id"] == event_id
    assert query(market_database, DELIVERY) == [("delivered", 1, True, False)]


async def test_an_endpoint_that_is_not_in_use_gets_no_test_event(
    told: Service, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    add_endpoint(market_database, "original", format="original")
    change(market_database, "UPDATE endpoint SET disabled_at = now() WHERE id = 'e1'")

    for endpoint, refusal in (("nobody", NotFound), ("e1", NotFound), ("original", notify.NoTestEvent)):
        with pytest.raises(refusal):
            await ping(pool, jobs, endpoint)
    assert query(market_database, "SELECT count(*) FROM event") == [(0,)]


async def test_the_next_try_waits_as_long_as_the_ladder_says(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    await ping(pool, jobs)
    for tries, (step, header) in enumerate(
        [(2, {}), (5, {}), (900, {"retry-after": "900"}), (120, {})], start=1
    ):
        mall.answers = [httpx.Response(429, headers=header)]
        began = datetime.now(UTC)
        await told.drain()

        [(scheduled_at,)] = query(market_database, "SELECT scheduled_at FROM procrastinate_jobs")
        assert isinstance(scheduled_at, datetime)
        waits = (scheduled_at - began).total_seconds()
        assert step <= waits <= step * 1.1 + 5
        assert query(market_database, DELIVERY) == [("pending", tries, False, False)]
        make_due(market_database)


async def test_after_the_ladder_it_is_dead_and_the_alarm_rings_once(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    event_id = await ping(pool, jobs)
    change(market_database, "UPDATE delivery SET tries = 12")
    mall.answers = [httpx.Response(500), httpx.Response(503)]
    with capture_logs() as lines:
        await told.drain()
        assert query(market_database, DELIVERY) == [("pending", 13, False, False)]
        make_due(market_database)
        await told.drain()
        await told.drain()

    assert query(market_database, DELIVERY) == [("dead", 14, False, True)]
    assert (query(market_database, JOBS), len(mall.requests)) == ([], 2)
    alarms = [line for line in lines if line["event"] == "webhook_dead"]
    assert [(line["log_level"], line["event_id"], line["answered"]) for line in alarms] == [
        ("error", event_id, 503)
    ]


@pytest.mark.parametrize("why", ["gone", "disabled"])
async def test_an_endpoint_that_is_gone_is_given_up_at_once_and_not_in_silence(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str, why: str
) -> None:
    await ping(pool, jobs)
    if why == "gone":
        mall.answers = [httpx.Response(410)]
    else:
        change(market_database, "UPDATE endpoint SET disabled_at = now()")

    with capture_logs() as lines:
        await told.drain()

    assert query(market_database, DELIVERY) == [("dead", 1, False, True)]
    assert (query(market_database, JOBS), len(mall.requests)) == ([], 1 if why == "gone" else 0)
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["webhook_dead"]


@pytest.mark.parametrize("before", ["dead", "delivered"])
async def test_what_is_dead_or_delivered_is_sent_again_under_its_old_id(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str, before: str
) -> None:
    event_id = await ping(pool, jobs)
    mall.answers = [httpx.Response(410 if before == "dead" else 200)]
    await told.drain()
    assert query(market_database, "SELECT status FROM delivery") == [(before,)]

    assert await send_again(pool, jobs, (event_id, "e1")) == 1
    assert query(market_database, DELIVERY) == [("pending", 0, False, False)]
    assert await send_again(pool, jobs, (event_id, "e1")) == 1
    assert query(market_database, JOBS) == [("todo",)]
    await told.drain()

    assert [request.headers["webhook-id"] for request in mall.requests] == [event_id, event_id]
    assert query(market_database, DELIVERY) == [("delivered", 1, True, False)]


async def test_what_waits_for_its_next_try_is_tried_now_and_once(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    event_id = await ping(pool, jobs)
    change(market_database, "UPDATE delivery SET tries = 11")
    mall.answers = [httpx.Response(500)]
    await told.drain()
    await told.drain()
    assert len(mall.requests) == 1

    for _ in range(2):
        assert await send_again(pool, jobs, (event_id, "e1")) == 1
    assert query(market_database, JOBS) == [("todo",)]
    await told.drain()

    assert (len(mall.requests), query(market_database, DELIVERY)) == (2, [("delivered", 1, True, False)])


async def test_nothing_is_sent_again_that_never_was_or_to_nobody(
    told: Service, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    event_id = await ping(pool, jobs)
    await told.drain()
    change(market_database, "UPDATE endpoint SET disabled_at = now()")

    assert await send_again(pool, jobs, (event_id, "e1"), ("no-event", "e1"), (event_id, "e2")) == 0
    assert query(market_database, DELIVERY) == [("delivered", 1, True, False)]
    assert query(market_database, JOBS) == []


async def test_both_secrets_verify_while_one_replaces_the_other(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    for until in ("now() + interval '1 hour'", "now() - interval '1 second'"):
        change(
            market_database,
            f"UPDATE endpoint SET previous_secret = '{OLD_SECRET}', previous_secret_until = {until}",
        )
        await ping(pool, jobs)
        await told.drain()

    during, after = mall.requests
    assert [len(request.headers["webhook-signature"].split()) for request in (during, after)] == [2, 1]
    for secret in (SECRET, OLD_SECRET):
        verify(secret, during.content, during.headers)
    verify(SECRET, after.content, after.headers)
    with pytest.raises(ForgedWebhook):
        verify(OLD_SECRET, after.content, after.headers)


async def test_the_original_hears_of_formed_teams_in_its_own_words(
    told: Service, mall: Mall, market_database: str
) -> None:
    add_endpoint(market_database, "original", format="original")
    change(market_database, "UPDATE endpoint SET disabled_at = now() WHERE id = 'e1'")
    change(market_database, "UPDATE terms SET seats_target = 1")
    mall.answers = [httpx.Response(200, text="error"), httpx.Response(200, text="success")]
    team_id = await form_and_refund(told)

    await told.drain()
    assert query(market_database, DELIVERY) == [("pending", 1, False, False)]
    make_due(market_database)
    await told.drain()

    bodies = [json.loads(request.content) for request in mall.requests]
    assert bodies == [{"teamId": team_id, "outTradeNoList": ["T1"]}] * 2
    assert query(market_database, DELIVERY) == [("delivered", 2, True, False)]
    assert query(market_database, "SELECT kind FROM event ORDER BY kind") == [
        ("seat.refunded",),
        ("team.formed",),
    ]


async def form_and_refund(service: Service) -> str:
    headers = {"authorization": f"Bearer {API_KEY}"}
    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://market", headers=headers) as http:
        body = {"campaign_id": "summer", "goods_id": "tea", "channel": "app", "buyer_id": "b1"}
        seat = (await http.put("/v1/seats/T1", json=body)).json()
        await http.put("/v1/seats/T1/settlement", json={"paid_at": seat["locked_at"]})
        assert (await http.put("/v1/seats/T1/release", json={})).json()["status"] == "refunded"
    return str(seat["team_id"])


async def test_an_endpoint_that_never_answers_delays_no_other(
    market_database: str, pool: Pool, jobs: Jobs
) -> None:
    """Forty webhooks for one, then one for another, which is taken while the first has answered none."""
    save_campaign(market_database)
    for endpoint in ("dead", "alive"):
        add_endpoint(market_database, endpoint)
    alive, in_hand, in_hand_max = asyncio.Event(), 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal in_hand, in_hand_max
        if request.url.host == "alive.example.com":
            alive.set()
            return httpx.Response(204)
        in_hand += 1
        in_hand_max = max(in_hand_max, in_hand)
        await asyncio.Event().wait()
        raise AssertionError

    service = build(MarketSettings(database_url=market_database), transport=httpx.MockTransport(answer))
    for endpoint in (*["dead"] * 40, "alive"):
        await ping(pool, jobs, endpoint)
    async with service.opened():
        working = asyncio.create_task(service.work())
        async with asyncio.timeout(5):
            await alive.wait()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    assert in_hand_max == 4
    assert query(
        market_database, "SELECT DISTINCT endpoint_id, status_code FROM attempt WHERE status_code = 204"
    ) == [("alive", 204)]


@pytest.mark.parametrize("chunk", [b"x" * 1024, b"x"])
async def test_an_answer_without_end_is_cut_off_in_time_and_size(
    told: Service, pool: Pool, jobs: Jobs, market_database: str, chunk: bytes
) -> None:
    """A flood is read as far as 64 KiB; a trickle until time is up, and then it is no answer."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += len(chunk)
            yield chunk
            await asyncio.sleep(0.02 if len(chunk) == 1 else 0)

    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=endless())

    event_id = await ping(pool, jobs)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        post = notify.Post(pool=pool, client=client, clock=utc_now, timeout_seconds=0.3)
        with suppress(notify.NotTaken):
            await post.deliver(event_id=event_id, endpoint_id="e1")

    [(status_code, kept)] = query(market_database, "SELECT status_code, length(answer) FROM attempt")
    if len(chunk) > 1:
        assert (status_code, kept, sent) == (200, 2048, 64 * 1024)
    else:
        assert status_code is None
        assert query(market_database, "SELECT answer FROM attempt") == [
            ("no whole answer within 0.3 seconds",)
        ]


async def test_a_compressed_answer_is_not_unfolded(
    told: Service, mall: Mall, pool: Pool, jobs: Jobs, market_database: str
) -> None:
    mall.answers = [httpx.Response(200, content=b"", headers={"content-encoding": "gzip"})]
    await ping(pool, jobs)
    await told.drain()

    assert mall.requests[0].headers["accept-encoding"] == "identity"
    assert query(market_database, "SELECT status_code, answer FROM attempt") == [(200, "")]


async def test_a_parcel_is_no_more_once_it_was_taken(told: Service, pool: Pool, jobs: Jobs) -> None:
    event_id = await ping(pool, jobs)
    await told.drain()

    async with transaction(pool) as connection:
        assert await parcel_of(connection, event_id=event_id, endpoint_id="e1") is None
