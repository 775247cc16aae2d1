"""Tell a source what became of its team. Sent until it is taken; every attempt is on record."""

import time
from dataclasses import dataclass
from datetime import datetime

import httpx
import msgspec

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.log import REQUEST_ID_HEADER, request_id
from tuan.kernel.webhook import signed_headers
from tuan.market.store_webhook import Attempt, Parcel, parcel_of, save_attempt

ANSWER_MAX_BYTES = 2048
TIMEOUT_SECONDS = 10.0

# Seconds between tries; all in all a little over three days.
LADDER = (2, 5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 86400)


class NotTaken(Exception):
    """The endpoint did not take the webhook; it will be sent again."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """Delivers webhooks, one endpoint and event at a time."""

    pool: Pool
    client: httpx.AsyncClient
    clock: Clock

    async def deliver(self, *, event_id: str, endpoint_id: str) -> None:
        async with transaction(self.pool) as connection:
            parcel = await parcel_of(connection, event_id=event_id, endpoint_id=endpoint_id)
        if parcel is None:
            return  # It was delivered already, or its endpoint is gone.

        attempt = await self._send(parcel, now=self.clock())
        async with transaction(self.pool) as connection:
            await save_attempt(connection, parcel, attempt)
        if not attempt.taken:
            raise NotTaken(f"{endpoint_id}: {attempt.status_code or attempt.answer}")

    async def _send(self, parcel: Parcel, *, now: datetime) -> Attempt:
        body = msgspec.json.encode(
            {"type": parcel.kind, "timestamp": parcel.created_at, "data": parcel.data}
        ).decode()
        headers = signed_headers(parcel.secret, id=parcel.event_id, at=now, body=body)
        if origin := request_id():
            headers[REQUEST_ID_HEADER] = origin

        began = time.perf_counter()
        status_code, answer = None, ""
        try:
            response = await self.client.post(
                parcel.url, content=body, headers=headers, timeout=TIMEOUT_SECONDS
            )
            status_code, answer = response.status_code, response.text[:ANSWER_MAX_BYTES]
        except httpx.HTTPError as error:
            answer = repr(error)[:ANSWER_MAX_BYTES]
        return Attempt(
            at=now,
            status_code=status_code,
            milliseconds=int((time.perf_counter() - began) * 1000),
            answer=answer.replace("\0", ""),
        )
