"""Carries a message to the merchant and brings back what it answered, whatever happened on the way."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import httpx

ANSWER_MAX_BYTES = 4096  # Only the beginning matters, and an endless body must not hold us.


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`status` is None when nothing answered; then `body` names what went wrong."""

    sent_at: datetime
    status: int | None
    body: bytes
    milliseconds: int

    def says(self, *words: bytes) -> bool:
        return self.status == httpx.codes.OK and self.body in words

    @property
    def text(self) -> str:
        """Fit for the database and for a page: PostgreSQL keeps no NUL."""
        return self.body.decode("utf-8", "replace").replace("\0", "�")


async def post(
    client: httpx.AsyncClient,
    url: str,
    letter: Letter,
    *,
    params: Mapping[str, str] | None = None,
    within_seconds: float,
    now: datetime,
) -> Answer:
    """No redirect is followed, as the real ones follow none. Never raises for what the other side does."""
    began = time.perf_counter()
    status: int | None
    try:
        async with asyncio.timeout(within_seconds):
            request = httpx.URL(url).copy_merge_params(params or {})
            async with client.stream(
                "POST", request, content=letter.content, headers=letter.headers
            ) as response:
                status, body = response.status_code, await _beginning(response)
    except TimeoutError:
        status, body = None, b"timeout"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        status, body = None, type(error).__name__.encode()
    took = int((time.perf_counter() - began) * 1000)
    return Answer(sent_at=now, status=status, body=body, milliseconds=took)


def lost(*, now: datetime) -> Answer:
    """Of a message that never left."""
    return Answer(sent_at=now, status=None, body=b"lost", milliseconds=0)


async def _beginning(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= ANSWER_MAX_BYTES:
            break
    return body[:ANSWER_MAX_BYTES]
