"""Every query about orders and their deliveries, and the order of the mall's locks.

Order, then payment, then refund; several orders in the order of their numbers. Whoever holds an
order holds what belongs to it. What locks returns the row as it is once locked; everything else a
lock guards is read by a later statement. An order's number never changes, and so its lock lets pass who
only refers to it: a payment that is asked about writes a step of its order without waiting for it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row, dict_row

from tuan.kernel.db import Connection, values_of
from tuan.mall.order import Order, OrderKind, OrderStatus

ADD = """
    INSERT INTO mall_order (number, buyer_id, idempotency_key, request_fingerprint, kind, product_id,
        product_title, product_picture, campaign_id, team_id, list_fen, discount_fen, payable_fen,
        created_at, status)
    VALUES (%(number)s, %(buyer_id)s, %(idempotency_key)s, %(request_fingerprint)s, %(kind)s,
        %(product_id)s, %(product_title)s, %(product_picture)s, %(campaign_id)s, %(team_id)s,
        %(list_fen)s, %(discount_fen)s, %(payable_fen)s, %(created_at)s, %(status)s)
    ON CONFLICT (buyer_id, idempotency_key) DO NOTHING"""

OF_KEY = "SELECT * FROM mall_order WHERE buyer_id = %(buyer_id)s AND idempotency_key = %(key)s"

FIND = "SELECT * FROM mall_order WHERE number = %(number)s"

# A buyer's orders are also those of each guest who became this buyer.
OWN: LiteralString = """
    buyer_id IN (SELECT id FROM buyer WHERE id = %(buyer_id)s OR became = %(buyer_id)s)"""

OF_BUYER = f"SELECT * FROM mall_order WHERE number = %(number)s AND {OWN}"

HOLD = "SELECT * FROM mall_order WHERE number = ANY(%(numbers)s) ORDER BY number FOR NO KEY UPDATE"

PAGE = f"""
    SELECT * FROM mall_order
    WHERE {OWN} AND status = ANY(%(statuses)s)
        AND (%(before)s::timestamptz IS NULL OR (created_at, number) < (%(before)s, %(number)s))
    ORDER BY created_at DESC, number DESC LIMIT %(limit)s"""

# Every order of a buyer has a place among them, which it keeps: none is ever deleted, or made earlier. Only a
# guest's, who becomes this buyer, come in between, once.
PAGE_BY_PLACE = f"""
    SELECT * FROM (
        SELECT row_number() OVER (ORDER BY created_at, number) AS place, mall_order.* FROM mall_order
        WHERE {OWN}
    ) AS placed
    WHERE place > %(after)s ORDER BY place LIMIT %(limit)s"""

ENDED = """
    SELECT count(*) FROM mall_order
    WHERE buyer_id = %(buyer_id)s AND request_fingerprint = %(fingerprint)s
        AND status NOT IN ('created', 'awaiting_payment')"""

TEAM_IDS = """
    SELECT DISTINCT team_id FROM mall_order WHERE number = ANY(%(numbers)s) AND team_id IS NOT NULL"""

SAVE = """
    UPDATE mall_order SET status = %(status)s, team_id = %(team_id)s, discount_fen = %(discount_fen)s,
        payable_fen = %(payable_fen)s, hold_until = %(hold_until)s,
        paid_at = %(paid_at)s, settled_at = %(settled_at)s,
        ready_at = %(ready_at)s, fulfilled_at = %(fulfilled_at)s, closed_at = %(closed_at)s,
        refund_asked_at = %(refund_asked_at)s, refund_reason = %(refund_reason)s,
        refunding_at = %(refunding_at)s, refunded_at = %(refunded_at)s,
        refusal_code = %(refusal_code)s, refusal_status = %(refusal_status)s,
        refusal_detail = %(refusal_detail)s
    WHERE number = %(number)s"""

DELIVER = """
    INSERT INTO delivery (order_number, code, delivered_at) VALUES (%(number)s, %(code)s, %(now)s)"""

DELIVERIES = """
    SELECT order_number, code, delivered_at FROM delivery WHERE order_number = ANY(%(numbers)s)"""

NEW_WEBHOOK = """
    INSERT INTO inbox (webhook_id, received_at) VALUES (%(id)s, %(now)s)
    ON CONFLICT DO NOTHING RETURNING webhook_id"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    order_number: str
    code: str
    delivered_at: datetime


async def add(connection: Connection, order: Order) -> Order:
    """Saves the order; returns the one that already has its idempotency key, where there is one."""
    await connection.execute(ADD, values_of(order))
    [saved] = await _orders(connection, OF_KEY, buyer_id=order.buyer_id, key=order.idempotency_key)
    return saved


async def find(connection: Connection, number: str) -> Order | None:
    found = await _orders(connection, FIND, number=number)
    return found[0] if found else None


async def find_of_key(connection: Connection, *, buyer_id: str, key: str) -> Order | None:
    found = await _orders(connection, OF_KEY, buyer_id=buyer_id, key=key)
    return found[0] if found else None


async def find_of_buyer(connection: Connection, number: str, *, buyer_id: str) -> Order | None:
    found = await _orders(connection, OF_BUYER, number=number, buyer_id=buyer_id)
    return found[0] if found else None


async def hold(connection: Connection, number: str) -> Order:
    """Locks an order that exists until the transaction ends."""
    [order] = await hold_all(connection, [number])
    return order


async def hold_all(connection: Connection, numbers: Sequence[str]) -> list[Order]:
    """Locks those that exist, in the order of their numbers."""
    return await _orders(connection, HOLD, numbers=list(numbers))


async def page(
    connection: Connection,
    *,
    buyer_id: str,
    statuses: Collection[OrderStatus],
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Order]:
    """A buyer's orders, newest first; `before` is the creation time and number of the last one seen."""
    moment, number = before or (None, "")
    asked = {"buyer_id": buyer_id, "statuses": list(statuses)}
    return await _orders(connection, PAGE, **asked, before=moment, number=number, limit=limit)


async def page_by_place(
    connection: Connection, *, buyer_id: str, after: int, limit: int
) -> list[tuple[int, Order]]:
    """A buyer's orders, oldest first, each with its place among them: 1, 2, 3."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(PAGE_BY_PLACE, {"buyer_id": buyer_id, "after": after, "limit": limit})
    return [(row.pop("place"), order_of_row(row)) for row in await cursor.fetchall()]


async def count_ended(connection: Connection, *, buyer_id: str, request_fingerprint: bytes) -> int:
    """How many orders for this very thing the buyer has placed that wait for no payment any more."""
    asked = {"buyer_id": buyer_id, "fingerprint": request_fingerprint}
    [(count,)] = await (await connection.execute(ENDED, asked)).fetchall()
    return int(count)


async def team_ids_of(connection: Connection, numbers: Sequence[str]) -> set[str]:
    answer = await connection.execute(TEAM_IDS, {"numbers": list(numbers)})
    return {team_id for (team_id,) in await answer.fetchall()}


async def save(connection: Connection, order: Order) -> None:
    await connection.execute(SAVE, values_of(order))


async def deliver(connection: Connection, number: str, *, code: str, now: datetime) -> None:
    await connection.execute(DELIVER, {"number": number, "code": code, "now": now})


async def deliveries(connection: Connection, numbers: Sequence[str]) -> dict[str, Delivery]:
    cursor = connection.cursor(row_factory=class_row(Delivery))
    await cursor.execute(DELIVERIES, {"numbers": list(numbers)})
    return {delivery.order_number: delivery for delivery in await cursor.fetchall()}


async def is_new_webhook(connection: Connection, webhook_id: str, *, now: datetime) -> bool:
    """Remembers the webhook; False when it was acted on before."""
    answer = await connection.execute(NEW_WEBHOOK, {"id": webhook_id, "now": now})
    return await answer.fetchone() is not None


async def _orders(connection: Connection, query: LiteralString, **asked: object) -> list[Order]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(query, asked)
    return [order_of_row(row) for row in await cursor.fetchall()]


def order_of_row(row: dict[str, Any]) -> Order:
    words = {"status": OrderStatus(row["status"]), "kind": OrderKind(row["kind"])}
    return Order(**row | words)
