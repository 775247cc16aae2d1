"""What a merchant may ask of a trade that exists: look at it, close it, give money back."""

from dataclasses import dataclass
from datetime import datetime

from tuan.kernel.db import Pool, transaction
from tuan.sandbox.notify import notify_of
from tuan.sandbox.notify_store import NotifyStore
from tuan.sandbox.trade import InvalidParameter, Refund, RefundReused, Trade, TradeMissing
from tuan.sandbox.trade_store import TradeStore


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeKey:
    """Alipay's number wins where both are given."""

    app_id: str
    out_trade_no: str | None
    trade_no: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refunded:
    trade: Trade
    refund: Refund
    moved: bool  # False when this request number was served before.


async def query_trade(pool: Pool, key: TradeKey, *, now: datetime) -> Trade:
    async with transaction(pool) as connection:
        store = TradeStore(connection)
        trade = await _find(store, key)
        if trade.paid_at and trade.queried_at is None:
            await store.note_query(trade, now=now)
        return trade


async def close_trade(pool: Pool, key: TradeKey, *, seller_id: str, now: datetime) -> Trade:
    async with transaction(pool) as connection:
        store = TradeStore(connection)
        trade = await _hold(store, key)

        trade.close(now)
        await store.save(trade)
        await NotifyStore(connection).add(notify_of(trade, seller_id=seller_id, now=now))
        return trade


async def refund_trade(
    pool: Pool,
    key: TradeKey,
    *,
    refund_number: str | None,
    refund_fen: int,
    reason: str | None,
    seller_id: str,
    now: datetime,
) -> Refunded:
    """The same request number gives money back once, however often it is asked.

    Without a number the refund must be of the whole trade, and out_trade_no is its number.
    """
    async with transaction(pool) as connection:
        store = TradeStore(connection)
        trade = await _hold(store, key)
        if refund_number is None and refund_fen != trade.total_fen:
            raise InvalidParameter("部分退款必须传入 out_request_no")
        number = refund_number or trade.out_trade_no
        if earlier := await store.find_refund(trade, number):
            if earlier.refund_fen != refund_fen:
                raise RefundReused
            return Refunded(trade=trade, refund=earlier, moved=False)

        refund = trade.refund(refund_number=number, refund_fen=refund_fen, reason=reason, now=now)
        await store.save(trade)
        await store.add_refund(refund)
        notify = notify_of(trade, seller_id=seller_id, now=now, refund=refund)
        await NotifyStore(connection).add(notify)
        return Refunded(trade=trade, refund=refund, moved=True)


async def query_refund(pool: Pool, key: TradeKey, *, refund_number: str) -> tuple[Trade, Refund | None]:
    """No refund means that this request number never arrived: Alipay answers success, and nothing more."""
    async with transaction(pool) as connection:
        store = TradeStore(connection)
        trade = await _find(store, key)
        return trade, await store.find_refund(trade, refund_number)


async def _find(store: TradeStore, key: TradeKey) -> Trade:
    trade = await store.find(app_id=key.app_id, out_trade_no=key.out_trade_no, trade_no=key.trade_no)
    if trade is None:
        raise TradeMissing
    return trade


async def _hold(store: TradeStore, key: TradeKey) -> Trade:
    return await store.hold(app_id=key.app_id, out_trade_no=key.out_trade_no, trade_no=key.trade_no)
