"""Orders and refunds at WeChat Pay as rows. An order is locked before its refunds are read."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, LiteralString

from psycopg.rows import dict_row

from tuan.kernel.db import Connection
from tuan.kernel.errors import NotFound
from tuan.sandbox.wechatpay_order import OrderMissing, PayOrder, PayRefund, TradeState

ADD: Final = """
    INSERT INTO wechatpay_order (code, app_id, mch_id, out_trade_no, description, attach, total_fen,
        notify_url, created_at, expires_at, code_until, state)
    VALUES (%(code)s, %(app_id)s, %(mch_id)s, %(out_trade_no)s, %(description)s, %(attach)s, %(total_fen)s,
        %(notify_url)s, %(created_at)s, %(expires_at)s, %(code_until)s, %(state)s)
    ON CONFLICT (out_trade_no) DO NOTHING"""

SAVE: Final = """
    UPDATE wechatpay_order SET code_until = %(code_until)s, state = %(state)s,
        transaction_id = %(transaction_id)s, payer_openid = %(payer_openid)s, paid_at = %(paid_at)s,
        closed_at = %(closed_at)s, refunded_fen = %(refunded_fen)s
    WHERE out_trade_no = %(out_trade_no)s"""

BY_CODE: Final = "SELECT * FROM wechatpay_order WHERE code = %(code)s"

OF: Final = """
    SELECT * FROM wechatpay_order
    WHERE CASE WHEN %(transaction_id)s::text IS NULL
        THEN out_trade_no = %(out_trade_no)s ELSE transaction_id = %(transaction_id)s END"""

LATEST: Final = "SELECT * FROM wechatpay_order ORDER BY created_at DESC, code LIMIT %(limit)s"

PAID_WITHIN: Final = """
    SELECT * FROM wechatpay_order WHERE paid_at >= %(since)s AND paid_at < %(until)s
    ORDER BY paid_at, out_trade_no"""

ADD_REFUND: Final = """
    INSERT INTO wechatpay_refund (refund_number, transaction_id, refund_id, refund_fen, reason, notify_url,
        created_at, succeeds_at)
    VALUES (%(refund_number)s, %(transaction_id)s, %(refund_id)s, %(refund_fen)s, %(reason)s,
        %(notify_url)s, %(created_at)s, %(succeeds_at)s)"""

REFUND: Final = "SELECT * FROM wechatpay_refund WHERE refund_number = %(number)s"

REFUNDED_WITHIN: Final = """
    SELECT * FROM wechatpay_refund WHERE created_at >= %(since)s AND created_at < %(until)s
    ORDER BY created_at, refund_number"""


class WechatPayStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, order: PayOrder) -> PayOrder:
        """The order, locked; or the one that has its number."""
        await self._connection.execute(ADD, asdict(order))
        return await self.hold(out_trade_no=order.out_trade_no)

    async def save(self, order: PayOrder) -> None:
        await self._connection.execute(SAVE, asdict(order))

    async def find(self, *, out_trade_no: str | None, transaction_id: str | None = None) -> PayOrder:
        """By WeChat Pay's number where it is given. Raises OrderMissing."""
        return _one(await self._orders(OF, out_trade_no=out_trade_no, transaction_id=transaction_id))

    async def hold(self, *, out_trade_no: str | None, transaction_id: str | None = None) -> PayOrder:
        """Raises OrderMissing."""
        asked = {"out_trade_no": out_trade_no, "transaction_id": transaction_id}
        return _one(await self._orders(OF + " FOR UPDATE", **asked))

    async def by_code(self, code: str, *, held: bool = False) -> PayOrder:
        """Raises NotFound."""
        found = await self._orders(BY_CODE + " FOR UPDATE" if held else BY_CODE, code=code)
        if not found:
            raise NotFound("没有这个付款码。")
        return found[0]

    async def latest(self, limit: int) -> list[PayOrder]:
        return await self._orders(LATEST, limit=limit)

    async def paid_within(self, since: datetime, until: datetime) -> list[PayOrder]:
        return await self._orders(PAID_WITHIN, since=since, until=until)

    async def add_refund(self, refund: PayRefund) -> None:
        await self._connection.execute(ADD_REFUND, asdict(refund))

    async def find_refund(self, number: str) -> PayRefund | None:
        found = await self._refunds(REFUND, number=number)
        return found[0] if found else None

    async def refunded_within(self, since: datetime, until: datetime) -> list[PayRefund]:
        return await self._refunds(REFUNDED_WITHIN, since=since, until=until)

    async def _orders(self, query: LiteralString, **asked: object) -> list[PayOrder]:
        return [_order(row) for row in await self._rows(query, asked)]

    async def _refunds(self, query: LiteralString, **asked: object) -> list[PayRefund]:
        return [PayRefund(**row) for row in await self._rows(query, asked)]

    async def _rows(self, query: LiteralString, asked: Mapping[str, object]) -> list[dict[str, Any]]:
        cursor = self._connection.cursor(row_factory=dict_row)
        await cursor.execute(query, asked)
        return await cursor.fetchall()


def _one(found: list[PayOrder]) -> PayOrder:
    if not found:
        raise OrderMissing
    return found[0]


def _order(row: dict[str, Any]) -> PayOrder:
    return PayOrder(**row | {"state": TradeState(row["state"])})
