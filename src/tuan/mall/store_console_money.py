"""Payments, refunds and notifies as an operator finds them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from tuan.kernel.db import Connection, row_of
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.mall.notify import Verdict
from tuan.mall.payment import Payment, PaymentStatus, Refund, RefundStatus

FOUND_PAYMENTS: Final = """
    SELECT * FROM payment
    WHERE (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
        AND (%(order_number)s::text IS NULL OR order_number = %(order_number)s)
        AND (%(gateway_trade_no)s::text IS NULL OR gateway_trade_no = %(gateway_trade_no)s)
        AND (%(since)s::timestamptz IS NULL OR opened_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR opened_at < %(until)s)"""
PAYMENTS: Final = Sorting[Payment](
    columns={
        "opened": Column("opened_at", Kind.MOMENT, lambda payment: payment.opened_at),
        "paid": Column("paid_at", Kind.MOMENT, lambda payment: payment.paid_at, may_be_empty=True),
        "amount": Column("amount_fen", Kind.NUMBER, lambda payment: payment.amount_fen),
    },
    key=("number",),
    key_of=lambda payment: (payment.number,),
)

FOUND_REFUNDS: Final = """
    SELECT * FROM refund
    WHERE (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
        AND (%(order_number)s::text IS NULL OR order_number = %(order_number)s)
        AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)"""
REFUNDS: Final = Sorting[Refund](
    columns={
        "created": Column("created_at", Kind.MOMENT, lambda refund: refund.created_at),
        "done": Column("done_at", Kind.MOMENT, lambda refund: refund.done_at, may_be_empty=True),
        "amount": Column("amount_fen", Kind.NUMBER, lambda refund: refund.amount_fen),
        "tries": Column("tries", Kind.NUMBER, lambda refund: refund.tries),
    },
    key=("number",),
    key_of=lambda refund: (refund.number,),
)

PAYMENTS_OF: Final = "SELECT * FROM payment WHERE order_number = %(number)s ORDER BY opened_at, number"
REFUNDS_OF: Final = "SELECT * FROM refund WHERE order_number = %(number)s ORDER BY created_at, number"

NOTIFY_COLUMNS: Final = "id, gateway, received_at, payment_number, verdict, replay_of"

FOUND_NOTIFIES: Final = f"""
    SELECT {NOTIFY_COLUMNS} FROM notify_log
    WHERE (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
        AND (%(verdict)s::text IS NULL OR verdict = %(verdict)s)
        AND (%(payment_number)s::text IS NULL OR payment_number = %(payment_number)s)
        AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR received_at < %(until)s)"""

NOTIFY: Final = f"SELECT {NOTIFY_COLUMNS} FROM notify_log WHERE id = %(id)s"


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentFilter:
    status: PaymentStatus | None = None
    gateway: str | None = None
    order_number: str | None = None
    gateway_trade_no: str | None = None
    since: datetime | None = None  # When it was opened.
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundFilter:
    status: RefundStatus | None = None
    gateway: str | None = None
    order_number: str | None = None
    since: datetime | None = None  # When it was owed.
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifyFilter:
    gateway: str | None = None
    verdict: Verdict | None = None
    payment_number: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Notify:
    id: str
    gateway: str
    received_at: datetime
    payment_number: str | None
    verdict: Verdict
    replay_of: str | None


NOTIFIES: Final = Sorting[Notify](
    columns={
        # A notify's id begins with the moment it was received at.
        "received": Column("id", Kind.TEXT, lambda notify: notify.id),
        "verdict": Column("verdict", Kind.TEXT, lambda notify: notify.verdict),
        "payment": Column(
            "payment_number", Kind.TEXT, lambda notify: notify.payment_number, may_be_empty=True
        ),
    },
    key=("id",),
    key_of=lambda notify: (notify.id,),
)


async def payments(
    connection: Connection, wanted: PaymentFilter, turn: Turn, *, limit: int
) -> Sequence[Payment]:
    """`turn` is one of PAYMENTS."""
    async with connection.cursor(row_factory=row_of(Payment)) as cursor:
        await cursor.execute(FOUND_PAYMENTS + turn.sql, asdict(wanted) | turn.values | {"limit": limit})
        return await cursor.fetchall()


async def refunds(
    connection: Connection, wanted: RefundFilter, turn: Turn, *, limit: int
) -> Sequence[Refund]:
    """`turn` is one of REFUNDS."""
    async with connection.cursor(row_factory=row_of(Refund)) as cursor:
        await cursor.execute(FOUND_REFUNDS + turn.sql, asdict(wanted) | turn.values | {"limit": limit})
        return await cursor.fetchall()


async def payments_of(connection: Connection, order_number: str) -> Sequence[Payment]:
    """Oldest first, and none of them locked."""
    async with connection.cursor(row_factory=row_of(Payment)) as cursor:
        await cursor.execute(PAYMENTS_OF, {"number": order_number})
        return await cursor.fetchall()


async def refunds_of(connection: Connection, order_number: str) -> Sequence[Refund]:
    """Oldest first, and none of them locked."""
    async with connection.cursor(row_factory=row_of(Refund)) as cursor:
        await cursor.execute(REFUNDS_OF, {"number": order_number})
        return await cursor.fetchall()


async def notifies(
    connection: Connection, wanted: NotifyFilter, turn: Turn, *, limit: int
) -> Sequence[Notify]:
    """`turn` is one of NOTIFIES."""
    async with connection.cursor(row_factory=row_of(Notify)) as cursor:
        await cursor.execute(FOUND_NOTIFIES + turn.sql, asdict(wanted) | turn.values | {"limit": limit})
        return await cursor.fetchall()


async def notify_of(connection: Connection, notify_id: str) -> Notify | None:
    async with connection.cursor(row_factory=row_of(Notify)) as cursor:
        await cursor.execute(NOTIFY, {"id": notify_id})
        return await cursor.fetchone()
