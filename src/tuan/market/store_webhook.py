"""Events on their way to the sources' endpoints."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import class_row

from tuan.kernel.db import Connection

PARCEL: Final = """
    SELECT event_id, endpoint_id, kind, data, event.created_at, url, secret
    FROM delivery JOIN event ON event.id = event_id JOIN endpoint ON endpoint.id = endpoint_id
    WHERE (event_id, endpoint_id) = (%s, %s) AND delivery.status = 'pending' AND disabled_at IS NULL"""

SAVE_ATTEMPT: Final = """
    INSERT INTO attempt (event_id, endpoint_id, at, status_code, milliseconds, answer)
    VALUES (%s, %s, %s, %s, %s, %s)"""

DELIVERED: Final = """
    UPDATE delivery SET status = 'delivered', delivered_at = %s
    WHERE (event_id, endpoint_id) = (%s, %s) AND status = 'pending'"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    event_id: str
    endpoint_id: str
    kind: str
    data: dict[str, Any]
    created_at: datetime
    url: str
    secret: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    at: datetime
    status_code: int | None  # None: no answer came.
    milliseconds: int
    answer: str

    @property
    def taken(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


async def parcel_of(connection: Connection, *, event_id: str, endpoint_id: str) -> Parcel | None:
    async with connection.cursor(row_factory=class_row(Parcel)) as cursor:
        await cursor.execute(PARCEL, [event_id, endpoint_id])
        return await cursor.fetchone()


async def save_attempt(connection: Connection, parcel: Parcel, attempt: Attempt) -> None:
    key = [parcel.event_id, parcel.endpoint_id]
    await connection.execute(
        SAVE_ATTEMPT, [*key, attempt.at, attempt.status_code, attempt.milliseconds, attempt.answer]
    )
    if attempt.taken:
        await connection.execute(DELIVERED, [attempt.at, *key])
