"""Events on their way to the sources' endpoints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from tuan.kernel.db import Connection, row_of
from tuan.market.delivery import Attempt, DeliveryStatus, Format, Parcel

PARCEL: Final = """
    SELECT event_id, endpoint_id, kind, data, event.created_at, number AS team_number, tries, url, format,
        secret, previous_secret, previous_secret_until, disabled_at,
        CASE WHEN NOT starts_with(url, 'amqp:') THEN '[]' ELSE (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'out_trade_no', out_trade_no, 'buyer_id', buyer_id, 'number', known.number,
                'was_paid', paid_at IS NOT NULL
            ) ORDER BY out_trade_no), '[]')
            FROM seat LEFT JOIN original_seat AS known USING (source, out_trade_no)
            WHERE (source, out_trade_no) IN (
                SELECT event.source, jsonb_array_elements_text(coalesce(data -> 'out_trade_no', '[]')
                    || coalesce(data -> 'out_trade_nos', '[]')
                    || coalesce(data -> 'released_out_trade_nos', '[]')))
        ) END AS seats
    FROM delivery JOIN event ON event.id = event_id JOIN endpoint ON endpoint.id = endpoint_id
    LEFT JOIN original_team ON original_team.team_id = coalesce(data ->> 'team_id', about)
    WHERE (event_id, endpoint_id) = (%s, %s) AND delivery.status = 'pending'"""

SAVE_ATTEMPT: Final = """
    INSERT INTO attempt (event_id, endpoint_id, at, status_code, milliseconds, answer)
    VALUES (%s, %s, %s, %s, %s, %s)"""

SAVE_STATUS: Final = """
    UPDATE delivery SET status = new.status, tries = tries + 1,
        delivered_at = CASE WHEN new.status = 'delivered' THEN new.at END,
        died_at = CASE WHEN new.status = 'dead' THEN new.at END
    FROM (VALUES (%s, %s::timestamptz)) AS new (status, at)
    WHERE (event_id, endpoint_id) = (%s, %s) AND delivery.status = 'pending'"""

OPEN_AGAIN: Final = """
    UPDATE delivery SET status = 'pending', tries = 0, delivered_at = NULL, died_at = NULL
    FROM json_to_recordset(%s) AS asked (event_id text, endpoint_id text), event, endpoint
    WHERE (delivery.event_id, delivery.endpoint_id) = (asked.event_id, asked.endpoint_id)
        AND event.id = asked.event_id AND endpoint.id = asked.endpoint_id AND disabled_at IS NULL
    RETURNING delivery.event_id, delivery.endpoint_id, coalesce(data ->> 'team_id', about)"""

FORMAT: Final = "SELECT format FROM endpoint WHERE id = %s AND disabled_at IS NULL"

ADD_PING: Final = """
    WITH happened AS (
        INSERT INTO event (id, source, kind, about, data, created_at)
        SELECT %s, source, 'test.ping', %s, jsonb_build_object('endpoint_id', id), %s
        FROM endpoint WHERE id = %s
        RETURNING id
    )
    INSERT INTO delivery (event_id, endpoint_id) SELECT id, %s FROM happened"""


async def parcel_of(connection: Connection, *, event_id: str, endpoint_id: str) -> Parcel | None:
    """None when nothing is to be sent: it was delivered, or is dead."""
    async with connection.cursor(row_factory=row_of(Parcel)) as cursor:
        await cursor.execute(PARCEL, [event_id, endpoint_id])
        return await cursor.fetchone()


async def save_attempt(
    connection: Connection, parcel: Parcel, attempt: Attempt, status: DeliveryStatus
) -> None:
    key = [parcel.event_id, parcel.endpoint_id]
    await connection.execute(
        SAVE_ATTEMPT, [*key, attempt.at, attempt.status_code, attempt.milliseconds, attempt.answer]
    )
    await connection.execute(SAVE_STATUS, [status, attempt.at, *key])


async def open_again(
    connection: Connection, deliveries: Sequence[tuple[str, str]]
) -> list[tuple[str, str, str]]:
    """Deliveries by event and endpoint. Returns event, endpoint, team of those whose endpoint is in use."""
    asked = [{"event_id": event, "endpoint_id": endpoint} for event, endpoint in sorted(deliveries)]
    answer = await connection.execute(OPEN_AGAIN, [msgspec.json.encode(asked).decode()])
    return sorted(await answer.fetchall())


async def format_of(connection: Connection, endpoint_id: str) -> Format | None:
    """None unless the endpoint is in use."""
    row = await (await connection.execute(FORMAT, [endpoint_id])).fetchone()
    return Format(row[0]) if row else None


async def add_ping(connection: Connection, *, event_id: str, endpoint_id: str, now: datetime) -> None:
    await connection.execute(ADD_PING, [event_id, event_id, now, endpoint_id, endpoint_id])
