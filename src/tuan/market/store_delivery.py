"""Deliveries of events as an operator sees them: what was sent, and what came back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tuan.kernel.db import Connection, row_of
from tuan.market.delivery import Attempt, DeliveryStatus

DELIVERY: Final = """
    SELECT event_id, endpoint_id, event.source, kind, about, event.created_at, delivery.status, delivered_at,
        died_at, attempts, last_attempt_at, last_status_code
    FROM delivery JOIN event ON event.id = event_id, LATERAL (
        SELECT count(*) AS attempts, max(at) AS last_attempt_at,
            (array_agg(status_code ORDER BY at DESC))[1] AS last_status_code
        FROM attempt
        WHERE (attempt.event_id, attempt.endpoint_id) = (delivery.event_id, delivery.endpoint_id)
    ) AS tried"""
DELIVERIES: Final = f"""{DELIVERY}
    WHERE (%(status)s::text IS NULL OR delivery.status = %(status)s)
        AND (%(source)s::text IS NULL OR event.source = %(source)s)
        AND (%(endpoint_id)s::text IS NULL OR endpoint_id = %(endpoint_id)s)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(about)s::text IS NULL OR about = %(about)s)
        AND (%(after_event)s::text IS NULL
            OR (event_id, endpoint_id) < (%(after_event)s, %(after_endpoint)s))
    ORDER BY event_id DESC, endpoint_id DESC LIMIT %(limit)s"""
ONE_DELIVERY: Final = f"{DELIVERY} WHERE (event_id, endpoint_id) = (%s, %s)"
EVENT_DATA: Final = "SELECT data FROM event WHERE id = %s"
ATTEMPTS: Final = """
    SELECT at, status_code, milliseconds, answer FROM attempt
    WHERE (event_id, endpoint_id) = (%s, %s) ORDER BY at"""

ASKED: Final = (
    "SELECT event_id, endpoint_id FROM json_to_recordset(%s) AS asked (event_id text, endpoint_id text)"
)
HOLD: Final = f"""
    SELECT event_id, endpoint_id, disabled_at IS NULL FROM delivery JOIN endpoint ON endpoint.id = endpoint_id
    WHERE (event_id, endpoint_id) IN ({ASKED}) ORDER BY event_id, endpoint_id FOR UPDATE OF delivery"""

DeliveryKey = tuple[str, str]  # event, endpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    event_id: str
    endpoint_id: str
    source: str
    kind: str
    about: str
    created_at: datetime
    status: DeliveryStatus
    delivered_at: datetime | None
    died_at: datetime | None
    attempts: int
    last_attempt_at: datetime | None
    last_status_code: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryFilter:
    status: DeliveryStatus | None = None
    source: str | None = None
    endpoint_id: str | None = None
    kind: str | None = None
    about: str | None = None


async def deliveries(
    connection: Connection, wanted: DeliveryFilter, *, after: DeliveryKey | None, limit: int
) -> Sequence[Delivery]:
    """The newest first."""
    after_event, after_endpoint = after or (None, None)
    asked = {
        "status": wanted.status,
        "source": wanted.source,
        "endpoint_id": wanted.endpoint_id,
        "kind": wanted.kind,
        "about": wanted.about,
        "after_event": after_event,
        "after_endpoint": after_endpoint,
        "limit": limit,
    }
    async with connection.cursor(row_factory=row_of(Delivery)) as cursor:
        await cursor.execute(DELIVERIES, asked)
        return await cursor.fetchall()


async def delivery_of(connection: Connection, key: DeliveryKey) -> Delivery | None:
    async with connection.cursor(row_factory=row_of(Delivery)) as cursor:
        await cursor.execute(ONE_DELIVERY, key)
        return await cursor.fetchone()


async def event_data(connection: Connection, event_id: str) -> dict[str, Any]:
    [(data,)] = await (await connection.execute(EVENT_DATA, [event_id])).fetchall()
    return dict(data)


async def attempts_of(connection: Connection, key: DeliveryKey) -> Sequence[Attempt]:
    async with connection.cursor(row_factory=row_of(Attempt)) as cursor:
        await cursor.execute(ATTEMPTS, key)
        return await cursor.fetchall()


async def hold_deliveries(connection: Connection, keys: Sequence[DeliveryKey]) -> dict[DeliveryKey, bool]:
    """Those there are, and whether their endpoint is enabled."""
    answer = await connection.execute(HOLD, [_asked(keys)])
    return {(event_id, endpoint_id): enabled for event_id, endpoint_id, enabled in await answer.fetchall()}


def _asked(keys: Sequence[DeliveryKey]) -> str:
    rows = [{"event_id": event_id, "endpoint_id": endpoint_id} for event_id, endpoint_id in keys]
    return msgspec.json.encode(rows).decode()
