"""Who asks for a message queue is told at the broker of the same events, in the original's words or ours."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest
from console_builders import code_of
from market_original import SECRET, OldMall, an_old_mall
from market_processes import query

from tuan.kernel.db import build_pool
from tuan.kernel.queue import Message, NoQueue
from tuan.kernel.webhook import verify
from tuan.market.notify import NotTaken, Post
from tuan.market.published import ADDRESS

BY_QUEUE: dict[str, Any] = {
    "notifyUrl": None,
    "notifyConfigVO": {"notifyType": "MQ", "notifyMQ": "topic.team_success"},
}
ATTEMPTS = "SELECT status_code, answer FROM attempt ORDER BY at"


@dataclass
class Kept:
    """A broker that keeps what it was given; or has no queue for it."""

    has_queue: bool = True
    messages: list[Message] = field(default_factory=list)

    async def publish(self, messages: Sequence[Message]) -> None:
        if not self.has_queue:
            raise NoQueue("312 NO_ROUTE")
        self.messages += messages

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def mall(market_database: str) -> AsyncIterator[OldMall]:
    async with an_old_mall(market_database) as mall:
        mall.change(f"UPDATE endpoint SET url = '{ADDRESS}'")
        yield mall


async def publish_all(mall: OldMall, broker: Kept) -> None:
    async with build_pool(mall.url, size=1) as pool, httpx.AsyncClient() as client:
        post = Post(pool=pool, client=client, clock=mall.clock, broker=broker)
        for event_id, endpoint_id in query(
            mall.url, "SELECT event_id, endpoint_id FROM delivery WHERE status = 'pending' ORDER BY event_id"
        ):
            await post.deliver(event_id=str(event_id), endpoint_id=str(endpoint_id))


def read(message: Message, *, now: datetime) -> tuple[str, Any]:
    """Its topic and what it says, if it is signed."""
    verify(SECRET, message.body, message.headers, now=now)
    assert message.headers["webhook-id"] == message.id
    return message.topic, json.loads(message.body)


async def test_a_seat_is_locked_for_a_source_that_is_told_at_the_broker(mall: OldMall) -> None:
    locked = await mall.lock(1, **BY_QUEUE)
    elsewhere = await mall.lock(2)
    other = await mall.lock(3, **BY_QUEUE | {"notifyConfigVO": {"notifyType": "MQ", "notifyMQ": "mine"}})

    assert (locked["code"], elsewhere["code"], other["code"]) == ("0000", "0002", "0002")
    assert mall.counts() == [("forming", 1, 0)]


async def test_what_happens_to_a_team_is_published_in_the_originals_words(mall: OldMall) -> None:
    team = (await mall.lock(1, **BY_QUEUE))["data"]["teamId"]
    for n in (2, 3, 4):
        await mall.lock(n, team=team, **BY_QUEUE)
        if n == 2:
            await mall.settle(2)
            await mall.refund(2)
    await mall.refund(1)
    await mall.lock(5, team=team, **BY_QUEUE)
    for n in (3, 4, 5):
        await mall.settle(n)
    await mall.refund(3)

    broker = Kept()
    await publish_all(mall, broker)

    said = [read(message, now=mall.clock()) for message in broker.messages]
    seats = query(mall.url, "SELECT out_trade_no, number FROM original_seat")
    number = {str(order): str(number) for order, number in seats}

    def given_back(n: int, type: str) -> tuple[str, Any]:
        buyer, order = f"buyer-{n:04d}", f"{n:012d}"
        seat = {"userId": buyer, "teamId": team, "orderId": number[order], "outTradeNo": order}
        return "topic.team_refund", {"type": type, **seat, "activityId": 100123}

    formed = {"teamId": team, "outTradeNoList": [f"{n:012d}" for n in (3, 4, 5)]}
    assert said == [
        given_back(2, "paid_unformed"),
        given_back(1, "unpaid_unlock"),
        ("topic.team_success", formed),
        given_back(3, "paid_formed"),
    ]
    assert query(mall.url, "SELECT status, count(*) FROM delivery GROUP BY 1") == [("delivered", 4)]
    assert query(mall.url, ATTEMPTS) == [(200, "confirmed")] * 4


async def test_a_team_that_fails_is_published_seat_by_seat_each_under_its_own_id(mall: OldMall) -> None:
    team = (await mall.lock(1, **BY_QUEUE))["data"]["teamId"]
    await mall.lock(2, team=team, **BY_QUEUE)
    await mall.settle(1)
    mall.change("UPDATE seat SET hold_until = hold_until + interval '30 days'")
    mall.clock.turn(minutes=606)
    await mall.settle_down()

    broker = Kept()
    await publish_all(mall, broker)

    [(event,)] = query(mall.url, "SELECT id FROM event")
    assert [message.id for message in broker.messages] == [f"{event}.0", f"{event}.1"]
    said = [read(message, now=mall.clock())[1] for message in broker.messages]
    assert [(one["outTradeNo"], one["type"]) for one in said] == [
        (f"{1:012d}", "paid_unformed"),
        (f"{2:012d}", "unpaid_unlock"),
    ]


async def test_in_our_own_words_the_topic_is_the_event(mall: OldMall) -> None:
    mall.change("UPDATE endpoint SET format = 'standard'")
    await mall.lock(1, **BY_QUEUE)
    await mall.refund(1)

    broker = Kept()
    await publish_all(mall, broker)

    [(topic, body)] = [read(message, now=mall.clock()) for message in broker.messages]
    assert (topic, body["type"], body["data"]["out_trade_no"]) == (
        "seat.released",
        "seat.released",
        f"{1:012d}",
    )
    assert body["data"]["team_status"] == "forming"


async def test_what_the_broker_has_not_confirmed_is_owed(mall: OldMall) -> None:
    """Without a broker, and with one that has no queue for it."""
    await mall.lock(1, **BY_QUEUE)
    await mall.refund(1)

    await mall.settle_down()
    with pytest.raises(NotTaken):
        await publish_all(mall, Kept(has_queue=False))

    assert query(mall.url, ATTEMPTS) == [
        (None, "NotPublished('no broker is configured')"),
        (312, "312 NO_ROUTE"),
    ]
    assert query(mall.url, "SELECT status, tries FROM delivery") == [("pending", 2)]


async def test_an_endpoint_at_the_broker_needs_a_broker(
    admin: httpx.AsyncClient, market_database: str
) -> None:
    await admin.post("/sources", json={"id": "s09", "name": "九号商城"})

    refused = await admin.post("/endpoints", json={"source": "s09", "url": ADDRESS})
    elsewhere = await admin.post("/endpoints", json={"source": "s09", "url": "amqp://rival/exchange"})

    assert code_of(refused) == (422, "no_broker")
    assert code_of(elsewhere) == (422, "invalid_request")
    assert query(market_database, "SELECT count(*) FROM endpoint") == [(0,)]
