"""Notifies that are owed, and every delivery that was tried, as rows."""

from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from tuan.kernel.db import Connection
from tuan.kernel.errors import NotFound
from tuan.sandbox.courier import Answer
from tuan.sandbox.notify import Notify

ADD_NOTIFY = """
    INSERT INTO notify (id, gateway, trade_no, url, content, attempts, next_at, acknowledged_at, created_at)
    VALUES (%(id)s, %(gateway)s, %(trade_no)s, %(url)s, %(content)s, %(attempts)s, %(next_at)s,
        %(acknowledged_at)s, %(created_at)s)"""

# Taken with its retry already booked: an instance that dies while it sends only sends late.
CLAIM_DUE = """
    UPDATE notify SET attempts = attempts + 1, next_at = %(retry_at)s
    WHERE id IN (
        SELECT id FROM notify WHERE next_at <= %(now)s
        ORDER BY next_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING id, gateway, trade_no, url, content, attempts, next_at, acknowledged_at, created_at,
        kept_back_by"""

SAVE_HEARD = """
    UPDATE notify SET next_at = %(next_at)s,
        acknowledged_at = coalesce(acknowledged_at, %(acknowledged_at)s)
    WHERE id = %(id)s"""

ADD_DELIVERY = """
    INSERT INTO delivery (notify_id, attempt, sent_at, status, answer, milliseconds)
    VALUES (%s, %s, %s, %s, %s, %s)"""

SAVE_WAITING = """
    UPDATE notify SET attempts = %(attempts)s, next_at = %(next_at)s, kept_back_by = %(kept_back_by)s
    WHERE id = %(id)s"""

SURROUNDINGS = """
    SELECT trade.queried_at IS NOT NULL AS is_queried,
        EXISTS (SELECT FROM notify AS younger JOIN delivery ON notify_id = younger.id
            WHERE younger.created_at > %(created_at)s) AS is_overtaken
    FROM trade WHERE trade_no = %(trade_no)s"""

SEND_AGAIN = "UPDATE notify SET next_at = %s WHERE id = %s RETURNING id"

LATEST_NOTIFIES = """
    SELECT id, gateway, trade_no, url, content, attempts, next_at, acknowledged_at, created_at, kept_back_by
    FROM notify ORDER BY created_at DESC, id LIMIT %s"""

LATEST_DELIVERIES = """
    SELECT delivery.notify_id, notify.trade_no, notify.content->>'out_trade_no' AS out_trade_no,
        coalesce(notify.content->>'trade_status', notify.content->>'trade_state',
            'REFUND ' || (notify.content->>'refund_status')) AS trade_status,
        notify.gateway, notify.url, delivery.attempt,
        delivery.sent_at, delivery.status, delivery.answer, delivery.milliseconds
    FROM delivery JOIN notify ON notify.id = notify_id
    ORDER BY delivery.id DESC LIMIT %s"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    notify_id: str
    trade_no: str
    out_trade_no: str
    trade_status: str
    gateway: str
    url: str
    attempt: int
    sent_at: datetime
    status: int | None
    answer: str
    milliseconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What else was said about its trade, and to its merchant."""

    is_queried: bool
    is_overtaken: bool


class NotifyStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, notify: Notify | None) -> None:
        if notify is not None:
            await self._connection.execute(ADD_NOTIFY, asdict(notify) | {"content": Jsonb(notify.content)})

    async def claim_due(self, *, now: datetime, retry_at: datetime, limit: int) -> list[Notify]:
        rows = self._connection.cursor(row_factory=class_row(Notify))
        await rows.execute(CLAIM_DUE, {"now": now, "retry_at": retry_at, "limit": limit})
        return await rows.fetchall()

    async def surroundings(self, notify: Notify) -> Surroundings:
        rows = self._connection.cursor(row_factory=class_row(Surroundings))
        await rows.execute(SURROUNDINGS, {"created_at": notify.created_at, "trade_no": notify.trade_no})
        [found] = await rows.fetchall()
        return found

    async def save_waiting(self, notify: Notify) -> None:
        await self._connection.execute(SAVE_WAITING, asdict(notify))

    async def record(self, notify: Notify, answer: Answer) -> None:
        delivery = [
            notify.id,
            notify.attempts,
            answer.sent_at,
            answer.status,
            answer.text,
            answer.milliseconds,
        ]
        await self._connection.execute(ADD_DELIVERY, delivery)
        heard = {"id": notify.id, "next_at": notify.next_at, "acknowledged_at": notify.acknowledged_at}
        await self._connection.execute(SAVE_HEARD, heard)

    async def send_again(self, notify_id: str, *, now: datetime) -> None:
        """Raises NotFound."""
        answer = await self._connection.execute(SEND_AGAIN, [now, notify_id])
        if await answer.fetchone() is None:
            raise NotFound("没有这条通知。")

    async def latest(self, limit: int) -> list[Notify]:
        rows = self._connection.cursor(row_factory=class_row(Notify))
        await rows.execute(LATEST_NOTIFIES, [limit])
        return await rows.fetchall()

    async def deliveries(self, limit: int) -> list[Delivery]:
        rows = self._connection.cursor(row_factory=dict_row)
        await rows.execute(LATEST_DELIVERIES, [limit])
        return [Delivery(**row) for row in await rows.fetchall()]
