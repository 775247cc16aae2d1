"""What goes over the wire: both secrets sign, the original has its words, and nobody keeps us waiting."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from market_builders import API_KEY, save_campaign
from market_processes import query
from webhook_builders import DELIVERY, SECRET, Mall, add_endpoint, change, make_due, ping

from tuan.kernel.clock import utc_now
from tuan.kernel.db import Pool
from tuan.kernel.jobs import Jobs
from tuan.kernel.service import Service
from tuan.kernel.webhook import ForgedWebhook, verify
from tuan.market import notify
from tuan.market.app import build
from tuan.market.config import MarketSettings

OLD_SECRET = "whsec_dGhlIHNlY3JldCBiZWZvcmU="


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
        verify(secret, during.content, during.headers, now=utc_now())
    verify(SECRET, after.content, after.headers, now=utc_now())
    with pytest.raises(ForgedWebhook):
        verify(OLD_SECRET, after.content, after.headers, now=utc_now())


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
    alive, over, in_hand, in_hand_max = asyncio.Event(), asyncio.Event(), 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal in_hand, in_hand_max
        if request.url.host == "alive.example.com":
            alive.set()
            return httpx.Response(204)
        in_hand += 1
        in_hand_max = max(in_hand_max, in_hand)
        await over.wait()
        return httpx.Response(503)

    service = build(MarketSettings(database_url=market_database), transport=httpx.MockTransport(answer))
    for endpoint in (*["dead"] * 40, "alive"):
        await ping(pool, jobs, endpoint)
    async with service.opened():
        working = asyncio.create_task(service.work())
        async with asyncio.timeout(5):
            await alive.wait()
        working.cancel()
        over.set()
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
