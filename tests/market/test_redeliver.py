"""A webhook that is not taken: tried for three days, then dead with an alarm, and sent again by hand."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from market_processes import query
from structlog.testing import capture_logs
from webhook_builders import DELIVERY, JOBS, Mall, add_endpoint, change, make_due, ping, send_again

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.jobs import Jobs
from tuan.kernel.service import Service
from tuan.market import notify
from tuan.market.store_webhook import parcel_of


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


async def test_a_parcel_is_no_more_once_it_was_taken(told: Service, pool: Pool, jobs: Jobs) -> None:
    event_id = await ping(pool, jobs)
    await told.drain()

    async with transaction(pool) as connection:
        assert await parcel_of(connection, event_id=event_id, endpoint_id="e1") is None
