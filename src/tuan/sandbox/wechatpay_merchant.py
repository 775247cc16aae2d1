"""What a merchant may ask of WeChat Pay: order, look, close, give money back."""

from dataclasses import dataclass
from datetime import datetime

from tuan.kernel.db import Pool, transaction
from tuan.sandbox.notify_store import NotifyStore
from tuan.sandbox.wechatpay_content import RefundContent
from tuan.sandbox.wechatpay_notify import refund_notify
from tuan.sandbox.wechatpay_order import PayOrder, PayRefund, RefundMissing
from tuan.sandbox.wechatpay_store import WechatPayStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Refunded:
    order: PayOrder
    refund: PayRefund


async def place_order(pool: Pool, order: PayOrder) -> PayOrder:
    """Ordering again under the same number returns the first order, while it can be paid."""
    async with transaction(pool) as connection:
        store = WechatPayStore(connection)
        placed = await store.add(order)
        placed.order_again(order, now=order.created_at)
        await store.save(placed)
        return placed


async def find_order(pool: Pool, *, out_trade_no: str | None, transaction_id: str | None = None) -> PayOrder:
    async with transaction(pool) as connection:
        return await WechatPayStore(connection).find(out_trade_no=out_trade_no, transaction_id=transaction_id)


async def close_order(pool: Pool, out_trade_no: str, *, now: datetime) -> None:
    async with transaction(pool) as connection:
        store = WechatPayStore(connection)
        order = await store.hold(out_trade_no=out_trade_no)
        order.close(now)
        await store.save(order)


async def refund_order(pool: Pool, asked: RefundContent, *, now: datetime) -> Refunded:
    """The same number gives money back once, however often it is asked."""
    async with transaction(pool) as connection:
        store = WechatPayStore(connection)
        order = await store.hold(out_trade_no=asked.out_trade_no, transaction_id=asked.transaction_id)
        if earlier := await store.find_refund(asked.out_refund_no):
            earlier.require_same(order, refund_fen=asked.amount.refund)
            return Refunded(order=order, refund=earlier)

        refund = order.refund(
            refund_number=asked.out_refund_no,
            refund_fen=asked.amount.refund,
            total_fen=asked.amount.total,
            reason=asked.reason,
            notify_url=asked.notify_url,
            now=now,
        )
        await store.save(order)
        await store.add_refund(refund)
        await NotifyStore(connection).add(refund_notify(order, refund))
        return Refunded(order=order, refund=refund)


async def find_refund(pool: Pool, refund_number: str) -> Refunded:
    """Raises RefundMissing."""
    async with transaction(pool) as connection:
        store = WechatPayStore(connection)
        refund = await store.find_refund(refund_number)
        if refund is None:
            raise RefundMissing
        order = await store.find(out_trade_no=None, transaction_id=refund.transaction_id)
        return Refunded(order=order, refund=refund)
