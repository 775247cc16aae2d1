"""Every query about refunds that need a second operator. Whoever holds the order holds its requests."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final, LiteralString

from tuan.kernel.db import Connection, row_of
from tuan.mall.refund_request import RefundRequest, RequestStatus

ADD: Final = """
    INSERT INTO refund_request (id, order_number, amount_fen, reason, asked_by, asked_by_name, asked_at,
        expires_at, status)
    VALUES (%(id)s, %(order_number)s, %(amount_fen)s, %(reason)s, %(asked_by)s, %(asked_by_name)s,
        %(asked_at)s, %(expires_at)s, %(status)s)"""

FIND: Final = "SELECT * FROM refund_request WHERE id = %(id)s"

WAITING: Final = "SELECT * FROM refund_request WHERE order_number = %(order_number)s AND status = 'waiting'"

OF_ORDER: Final = "SELECT * FROM refund_request WHERE order_number = %(order_number)s ORDER BY id"

SAVE: Final = """
    UPDATE refund_request SET status = %(status)s, decided_by = %(decided_by)s,
        decided_by_name = %(decided_by_name)s, decided_at = %(decided_at)s
    WHERE id = %(id)s"""

# An id begins with the moment it was made at. One that waits too long has expired, whatever its row says.
NEWEST: Final = """
    SELECT * FROM refund_request
    WHERE (%(order_number)s::text IS NULL OR order_number = %(order_number)s)
        AND (%(status)s::text IS NULL OR %(status)s = CASE
            WHEN status = 'waiting' AND expires_at <= %(now)s THEN 'expired' ELSE status END)
        AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s"""


async def add(connection: Connection, request: RefundRequest) -> None:
    await connection.execute(ADD, asdict(request))


async def find(connection: Connection, request_id: str) -> RefundRequest | None:
    found = await _requests(connection, FIND, id=request_id)
    return found[0] if found else None


async def waiting(connection: Connection, order_number: str) -> RefundRequest | None:
    """The one that nobody has decided; it may have expired."""
    found = await _requests(connection, WAITING, order_number=order_number)
    return found[0] if found else None


async def of_order(connection: Connection, order_number: str) -> Sequence[RefundRequest]:
    """Oldest first."""
    return await _requests(connection, OF_ORDER, order_number=order_number)


async def save(connection: Connection, request: RefundRequest) -> None:
    await connection.execute(SAVE, asdict(request))


async def newest(
    connection: Connection,
    *,
    status: RequestStatus | None,
    order_number: str | None,
    now: datetime,
    after: str | None,
    limit: int,
) -> Sequence[RefundRequest]:
    asked = {"status": status, "order_number": order_number, "now": now, "after": after, "limit": limit}
    return await _requests(connection, NEWEST, **asked)


async def _requests(connection: Connection, query: LiteralString, **asked: object) -> list[RefundRequest]:
    async with connection.cursor(row_factory=row_of(RefundRequest)) as cursor:
        await cursor.execute(query, asked)
        return await cursor.fetchall()
