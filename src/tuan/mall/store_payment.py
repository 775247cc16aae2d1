"""Every query about payments, refunds, and what gateways told us. Hold the order first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tuan.kernel.db import Connection, values_of
from tuan.kernel.ids import new_id
from tuan.mall.notify import RawNotify, Verdict
from tuan.mall.payment import Payment, PaymentStatus, Refund, RefundStatus, ToldBy

ADD = """
    INSERT INTO payment (number, order_number, gateway, amount_fen, opened_at, expires_at, status, ask_at)
    VALUES (%(number)s, %(order_number)s, %(gateway)s, %(amount_fen)s, %(opened_at)s, %(expires_at)s,
        %(status)s, %(ask_at)s)"""

FIND = "SELECT * FROM payment WHERE number = %(number)s"

HOLD = "SELECT * FROM payment WHERE number = %(number)s FOR UPDATE"

ALL_OF = "SELECT * FROM payment WHERE order_number = %(number)s ORDER BY opened_at, number FOR UPDATE"

# Several sweeps may look at once: each takes those that no other has in hand.
DUE = """
    SELECT * FROM payment WHERE ask_at <= %(now)s ORDER BY ask_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED"""

OPEN_OF = "SELECT * FROM payment WHERE order_number = ANY(%(numbers)s) AND status = 'open'"

HOLD_PAID = "SELECT * FROM payment WHERE order_number = %(number)s AND status = 'paid' FOR UPDATE"

SAVE = """
    UPDATE payment SET status = %(status)s, gateway_trade_no = %(gateway_trade_no)s, paid_at = %(paid_at)s,
        received_fen = %(received_fen)s, told_by = %(told_by)s, ask_at = %(ask_at)s
    WHERE number = %(number)s"""

OWE_REFUND = """
    INSERT INTO refund (number, payment_number, order_number, gateway, amount_fen, reason, created_at, status)
    VALUES (%(number)s, %(payment_number)s, %(order_number)s, %(gateway)s, %(amount_fen)s, %(reason)s,
        %(created_at)s, %(status)s)"""

REFUND = "SELECT * FROM refund WHERE number = %(number)s"

HOLD_REFUNDS_OF = "SELECT * FROM refund WHERE order_number = %(number)s ORDER BY number FOR UPDATE"

SAVE_REFUND = """
    UPDATE refund SET status = %(status)s, done_at = %(done_at)s, tries = %(tries)s, trouble = %(trouble)s
    WHERE number = %(number)s"""

LOG_NOTIFY = """
    INSERT INTO notify_log (id, gateway, received_at, payment_number, verdict, raw, headers, replay_of)
    VALUES (%(id)s, %(gateway)s, %(now)s, %(payment_number)s, %(verdict)s, %(raw)s, %(headers)s,
        %(replay_of)s)"""

# A replay is of what came first, and came when that came.
RAW_NOTIFY = """
    SELECT first.id, first.raw, first.headers, first.received_at FROM notify_log AS asked
    JOIN notify_log AS first ON first.id = coalesce(asked.replay_of, asked.id)
    WHERE asked.id = %(id)s AND asked.gateway = %(gateway)s"""


async def add(connection: Connection, payment: Payment) -> None:
    await connection.execute(ADD, values_of(payment))


async def find(connection: Connection, number: str) -> Payment | None:
    found = await _payments(connection, FIND, number=number)
    return found[0] if found else None


async def hold(connection: Connection, number: str) -> Payment:
    """Locks a payment that exists until the transaction ends."""
    [payment] = await _payments(connection, HOLD, number=number)
    return payment


async def hold_all(connection: Connection, order_number: str) -> list[Payment]:
    """Locks every payment of an order, oldest first."""
    return await _payments(connection, ALL_OF, number=order_number)


async def take_due(connection: Connection, *, now: datetime, limit: int) -> list[Payment]:
    """Locks payments about which it is time to ask, except those somebody else holds."""
    return await _payments(connection, DUE, now=now, limit=limit)


async def open_of(connection: Connection, order_numbers: Sequence[str]) -> dict[str, Payment]:
    """The open payment of each order that has one."""
    found = await _payments(connection, OPEN_OF, numbers=list(order_numbers))
    return {payment.order_number: payment for payment in found}


async def hold_paid(connection: Connection, order_number: str) -> Payment:
    """Locks the payment that a paid order was paid with."""
    [payment] = await _payments(connection, HOLD_PAID, number=order_number)
    return payment


async def save(connection: Connection, payment: Payment) -> None:
    await connection.execute(SAVE, values_of(payment))


async def owe_refund(connection: Connection, refund: Refund) -> None:
    await connection.execute(OWE_REFUND, values_of(refund))


async def find_refund(connection: Connection, number: str) -> Refund | None:
    found = await _refunds(connection, REFUND, number=number)
    return found[0] if found else None


async def hold_refunds(connection: Connection, order_number: str) -> list[Refund]:
    return await _refunds(connection, HOLD_REFUNDS_OF, number=order_number)


async def save_refund(connection: Connection, refund: Refund) -> None:
    await connection.execute(SAVE_REFUND, values_of(refund))


async def log_notify(
    connection: Connection,
    raw: RawNotify,
    *,
    gateway: str,
    payment_number: str | None,
    verdict: Verdict,
    replay_of: str | None,
    now: datetime,
) -> None:
    logged = {
        "id": new_id(),
        "gateway": gateway,
        "payment_number": payment_number,
        "verdict": verdict,
        "raw": raw.body,
        "headers": Jsonb(dict(raw.headers)),
        "replay_of": replay_of,
        "now": now,
    }
    await connection.execute(LOG_NOTIFY, logged)


async def raw_notify(connection: Connection, notify_id: str, *, gateway: str) -> tuple[str, RawNotify] | None:
    """As it came, and the id under which it came."""
    answer = await connection.execute(RAW_NOTIFY, {"id": notify_id, "gateway": gateway})
    if (found := await answer.fetchone()) is None:
        return None
    first_id, body, headers, received_at = found
    return first_id, RawNotify(body=bytes(body), headers=headers, received_at=received_at)


async def _payments(connection: Connection, query: LiteralString, **asked: object) -> list[Payment]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(query, asked)
    return [_payment(row) for row in await cursor.fetchall()]


async def _refunds(connection: Connection, query: LiteralString, **asked: object) -> list[Refund]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(query, asked)
    return [_refund(row) for row in await cursor.fetchall()]


def _payment(row: dict[str, Any]) -> Payment:
    told_by = row["told_by"]
    words = {"status": PaymentStatus(row["status"]), "told_by": ToldBy(told_by) if told_by else None}
    return Payment(**row | words)


def _refund(row: dict[str, Any]) -> Refund:
    return Refund(**row | {"status": RefundStatus(row["status"])})
