"""Cashiers, trades and refunds as rows. Locks are taken in this order: cashier, out_trade_no, trade."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from tuan.kernel.db import Connection
from tuan.kernel.errors import NotFound
from tuan.sandbox.trade import Cashier, Product, Refund, Trade, TradeMissing, TradeStatus

ADD_CASHIER = """
    INSERT INTO cashier (id, app_id, product, out_trade_no, subject, body, total_fen, notify_url,
        return_url, quit_url, passback_params, opened_at, expires_at, buyer_logon_id)
    VALUES (%(id)s, %(app_id)s, %(product)s, %(out_trade_no)s, %(subject)s, %(body)s, %(total_fen)s,
        %(notify_url)s, %(return_url)s, %(quit_url)s, %(passback_params)s, %(opened_at)s,
        %(expires_at)s, %(buyer_logon_id)s)"""

CASHIER = "SELECT * FROM cashier WHERE id = %s"

HOLD_CASHIER = "SELECT * FROM cashier WHERE id = %s FOR UPDATE"

SIGN_IN = "UPDATE cashier SET buyer_logon_id = %(buyer_logon_id)s WHERE id = %(id)s"

# A trade that is not there yet cannot be locked; its number can.
HOLD_NUMBER = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

TRADE = """
    SELECT * FROM trade
    WHERE app_id = %(app_id)s AND CASE WHEN %(trade_no)s::text IS NULL
        THEN out_trade_no = %(out_trade_no)s ELSE trade_no = %(trade_no)s END"""

HOLD_TRADE = TRADE + " FOR UPDATE"

HOLD_EXPIRED = """
    SELECT * FROM trade WHERE status = 'WAIT_BUYER_PAY' AND expires_at <= %s
    ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED"""

LATEST_TRADES = "SELECT * FROM trade ORDER BY created_at DESC, trade_no LIMIT %s"

SAVE_TRADE = """
    INSERT INTO trade (trade_no, app_id, product, out_trade_no, subject, body, total_fen, buyer_id,
        buyer_logon_id, notify_url, passback_params, status, refunded_fen, created_at, expires_at,
        paid_at, closed_at)
    VALUES (%(trade_no)s, %(app_id)s, %(product)s, %(out_trade_no)s, %(subject)s, %(body)s,
        %(total_fen)s, %(buyer_id)s, %(buyer_logon_id)s, %(notify_url)s, %(passback_params)s,
        %(status)s, %(refunded_fen)s, %(created_at)s, %(expires_at)s, %(paid_at)s, %(closed_at)s)
    ON CONFLICT (trade_no) DO UPDATE SET status = excluded.status, refunded_fen = excluded.refunded_fen,
        paid_at = excluded.paid_at, closed_at = excluded.closed_at"""

NOTE_QUERY = "UPDATE trade SET queried_at = %s WHERE trade_no = %s AND queried_at IS NULL"

REFUND = "SELECT * FROM refund WHERE trade_no = %s AND refund_number = %s"

ADD_REFUND = """
    INSERT INTO refund (trade_no, refund_number, refund_fen, reason, refunded_at)
    VALUES (%(trade_no)s, %(refund_number)s, %(refund_fen)s, %(reason)s, %(refunded_at)s)"""


class TradeStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection.cursor(row_factory=dict_row)

    async def add_cashier(self, cashier: Cashier) -> None:
        await self._connection.execute(ADD_CASHIER, asdict(cashier))

    async def cashier(self, cashier_id: str, *, held: bool = False) -> Cashier:
        """Raises NotFound."""
        await self._rows.execute(HOLD_CASHIER if held else CASHIER, [cashier_id])
        if row := await self._rows.fetchone():
            return Cashier(**row | {"product": Product(row["product"])})
        raise NotFound("没有这个收银台。")

    async def sign_in(self, cashier: Cashier) -> None:
        await self._connection.execute(SIGN_IN, asdict(cashier))

    async def hold_number(self, out_trade_no: str) -> None:
        await self._connection.execute(HOLD_NUMBER, [out_trade_no])

    async def find(
        self, *, app_id: str, out_trade_no: str | None, trade_no: str | None = None, held: bool = False
    ) -> Trade | None:
        """By Alipay's number where it is given, else by the merchant's."""
        keys = {"app_id": app_id, "out_trade_no": out_trade_no, "trade_no": trade_no}
        await self._rows.execute(HOLD_TRADE if held else TRADE, keys)
        row = await self._rows.fetchone()
        return _trade(row) if row else None

    async def hold(self, *, app_id: str, out_trade_no: str | None, trade_no: str | None = None) -> Trade:
        """Raises TradeMissing."""
        trade = await self.find(app_id=app_id, out_trade_no=out_trade_no, trade_no=trade_no, held=True)
        if trade is None:
            raise TradeMissing
        return trade

    async def hold_expired(self, *, now: datetime, limit: int) -> list[Trade]:
        """Those another instance is closing already are left to it."""
        await self._rows.execute(HOLD_EXPIRED, [now, limit])
        return [_trade(row) for row in await self._rows.fetchall()]

    async def latest(self, limit: int) -> list[Trade]:
        await self._rows.execute(LATEST_TRADES, [limit])
        return [_trade(row) for row in await self._rows.fetchall()]

    async def save(self, trade: Trade) -> None:
        await self._connection.execute(SAVE_TRADE, asdict(trade))

    async def note_query(self, trade: Trade, *, now: datetime) -> None:
        await self._connection.execute(NOTE_QUERY, [now, trade.trade_no])

    async def find_refund(self, trade: Trade, refund_number: str) -> Refund | None:
        await self._rows.execute(REFUND, [trade.trade_no, refund_number])
        row = await self._rows.fetchone()
        return Refund(**row) if row else None

    async def add_refund(self, refund: Refund) -> None:
        await self._connection.execute(ADD_REFUND, asdict(refund))


def _trade(row: Mapping[str, Any]) -> Trade:
    return Trade(**{**row, "product": Product(row["product"]), "status": TradeStatus(row["status"])})
