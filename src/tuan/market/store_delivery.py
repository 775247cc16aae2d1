"""Deliveries of events as an operator sees them: what was sent, and what came back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tuan.kernel.db import Connection, row_of
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.market.delivery import Attempt, DeliveryStatus

TRIED: Final = """
    FROM attempt WHERE (attempt.event_id, attempt.endpoint_id) = (delivery.event_id, delivery.endpoint_id)"""
TRIES: Final = f"(SELECT count(*) {TRIED})"
# What was tried is looked up for the page alone, after all deliveries were sorted: a join would come before.
DELIVERY: Final = f"""
    SELECT event_id, endpoint_id, event.source, kind, about, event.created_at, delivery.status, delivered_at,
        died_at, {TRIES} AS attempts, (SELECT max(at) {TRIED}) AS last_attempt_at,
        (SELECT status_code {TRIED} ORDER BY at DESC LIMIT 1) AS last_status_code
    FROM delivery JOIN event ON event.id = event_id"""
FOUND: Final = f"""{DELIVERY}
    WHERE (%(status)s::text IS NULL OR delivery.status = %(status)s)
        AND (%(source)s::text IS NULL OR event.source = %(source)s)
        AND (%(endpoint_id)s::text IS NULL OR endpoint_id = %(endpoint_id)s)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(about)s::text IS NULL OR about = %(about)s)"""
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


DELIVERIES: Final = Sorting[Delivery](
    columns={
        # An event's id begins with the moment it came about.
        "created": Column("event_id", Kind.TEXT, lambda delivery: delivery.event_id),
        "kind": Column("kind", Kind.TEXT, lambda delivery: delivery.kind),
        "status": Column("delivery.status", Kind.TEXT, lambda delivery: delivery.status),
        "source": Column("event.source", Kind.TEXT, lambda delivery: delivery.source),
        "attempts": Column(TRIES, Kind.NUMBER, lambda delivery: delivery.attempts),
    },
    key=("event_id", "endpoint_id"),
    key_of=lambda delivery: (delivery.event_id, delivery.endpoint_id),
)


async def deliveries(
    connection: Connection, wanted: DeliveryFilter, turn: Turn, *, limit: int
) -> Sequence[Delivery]:
    """`turn` is one of DELIVERIES."""
    asked = {
        "status": wanted.status,
        "source": wanted.source,
        "endpoint_id": wanted.endpoint_id,
        "kind": wanted.kind,
        "about": wanted.about,
        "limit": limit,
        **turn.values,
    }
    async with connection.cursor(row_factory=row_of(Delivery)) as cursor:
        await cursor.execute(FOUND + turn.sql, asked)
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
