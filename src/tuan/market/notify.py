"""Tell a source what became of its team. Sent until it is taken; every attempt is on record."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import structlog

from tuan.kernel.clock import Clock
from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import NotFound, Refusal
from tuan.kernel.ids import new_id
from tuan.kernel.jobs import Again, Jobs, jittered
from tuan.kernel.log import REQUEST_ID_HEADER, request_id
from tuan.kernel.queue import NoBroker, NoQueue, NotPublished, Publisher
from tuan.kernel.webhook import signed_headers
from tuan.market import store_webhook as store
from tuan.market.delivery import DISABLED, Attempt, DeliveryStatus, Format, Parcel, put_off_seconds
from tuan.market.delivery_turn import Turns
from tuan.market.published import messages
from tuan.market.store_given_back import delivery_payloads, owe_deliveries
from tuan.market.webhook_address import AddressNotPublic

TIMEOUT_SECONDS = 10.0
ANSWER_READ_MAX_BYTES = 64 * 1024
ANSWER_KEPT_MAX_CHARACTERS = 2048
PROMPT_MILLISECONDS_MAX = 2000
REPLY_SUCCESS, NO_ROUTE = 200, 312  # As AMQP 0-9-1 numbers them.
log = structlog.get_logger()


class NotTaken(Again):
    """The endpoint did not take the webhook; it will be sent again."""


class NoTestEvent(Refusal):
    """An endpoint in the original's format hears of formed teams only."""

    code = "no_test_event"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    status_code: int | None = None
    answer: str = ""
    put_off_seconds: int = 0


@dataclass(frozen=True, kw_only=True)
class Post:
    """Delivers webhooks, one endpoint and event at a time; and what is to be published, at the broker."""

    pool: Pool
    client: httpx.AsyncClient
    clock: Clock
    broker: Publisher = field(default_factory=NoBroker)
    timeout_seconds: float = TIMEOUT_SECONDS
    turns: Turns = field(default_factory=Turns)

    async def deliver(self, *, event_id: str, endpoint_id: str) -> None:
        """Raises NotTaken, with the time to wait, or Again when the endpoint is as busy as we let it be."""
        async with transaction(self.pool) as connection:
            parcel = await store.parcel_of(connection, event_id=event_id, endpoint_id=endpoint_id)
        if parcel is None:
            return  # It was delivered already, or is dead.

        attempt = await self._try(parcel)
        status = parcel.status_after(attempt)
        async with transaction(self.pool) as connection:
            await store.save_attempt(connection, parcel, attempt, status)

        if status is DeliveryStatus.DEAD:
            log.error(
                "webhook_dead",
                event_id=event_id,
                kind=parcel.kind,
                endpoint_id=endpoint_id,
                tries=parcel.tries + 1,
                answered=attempt.status_code,
            )
        if status is DeliveryStatus.PENDING:
            raise NotTaken(
                f"{endpoint_id}: {attempt.status_code or attempt.answer}",
                after=jittered(parcel.wait_after(attempt)),
            )

    async def _try(self, parcel: Parcel) -> Attempt:
        if parcel.disabled_at is not None:
            return Attempt(at=self.clock(), status_code=None, milliseconds=0, answer=DISABLED)
        with self.turns.take(parcel.endpoint_id) as turn:
            attempt = await self._send(parcel, now=self.clock())
            answered = attempt.status_code is not None
            turn.was_prompt = answered and attempt.milliseconds < PROMPT_MILLISECONDS_MAX
        return attempt

    async def _send(self, parcel: Parcel, *, now: datetime) -> Attempt:
        began, carry = time.perf_counter(), self._publish if parcel.is_published else self._post
        try:
            async with asyncio.timeout(self.timeout_seconds):
                answered = await carry(parcel, now=now)
        except TimeoutError:
            answered = Answered(answer=f"no whole answer within {self.timeout_seconds:g} seconds")
        except NoQueue as error:
            answered = Answered(status_code=NO_ROUTE, answer=str(error))
        except (httpx.HTTPError, AddressNotPublic, NotPublished) as error:
            answered = Answered(answer=repr(error))
        return Attempt(
            at=now,
            status_code=answered.status_code,
            milliseconds=int((time.perf_counter() - began) * 1000),
            answer=answered.answer[:ANSWER_KEPT_MAX_CHARACTERS].replace("\0", ""),
            put_off_seconds=answered.put_off_seconds,
        )

    async def _post(self, parcel: Parcel, *, now: datetime) -> Answered:
        body = parcel.body()
        headers = signed_headers(*parcel.secrets(now=now), id=parcel.event_id, at=now, body=body)
        headers["accept-encoding"] = "identity"
        if origin := request_id():
            headers[REQUEST_ID_HEADER] = origin
        async with self.client.stream("POST", parcel.url, content=body, headers=headers) as response:
            answer = await _read(response)
        put_off = put_off_seconds(response.status_code, response.headers.get("retry-after", ""), now=now)
        return Answered(status_code=response.status_code, answer=answer, put_off_seconds=put_off)

    async def _publish(self, parcel: Parcel, *, now: datetime) -> Answered:
        await self.broker.publish(messages(parcel, now=now))
        return Answered(status_code=REPLY_SUCCESS, answer="confirmed")


async def redeliver(connection: Connection, jobs: Jobs, deliveries: Sequence[tuple[str, str]]) -> int:
    """Send again, from the start of the ladder, whatever became of it; or sooner, if it still waits.

    Deliveries are named by event and endpoint. Answers with how many there were whose endpoint is in use.
    Asking twice while one is pending owes it once.
    """
    opened = await store.open_again(connection, deliveries)
    await jobs.owe_now(connection, "deliver", delivery_payloads(opened))
    return len(opened)


async def test_event(connection: Connection, jobs: Jobs, endpoint_id: str, now: datetime) -> str:
    """Send an endpoint a `test.ping` that means nothing. Answers with the id of the event.

    Raises NotFound unless the endpoint is in use, and NoTestEvent for one in the original's format.
    """
    match await store.format_of(connection, endpoint_id):
        case None:
            raise NotFound("No endpoint in use has this id.")
        case Format.ORIGINAL:
            raise NoTestEvent

    event_id = new_id()
    await store.add_ping(connection, event_id=event_id, endpoint_id=endpoint_id, now=now)
    await owe_deliveries(connection, jobs, [(event_id, endpoint_id, event_id)])
    return event_id


async def _read(response: httpx.Response) -> str:
    """As far as we read. Nothing of a compressed body, which nobody asked for: it may swell without end."""
    if "content-encoding" in response.headers:
        return ""

    read = bytearray()
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) >= ANSWER_READ_MAX_BYTES:
            break
    return read[:ANSWER_READ_MAX_BYTES].decode(errors="replace")
