"""The cashier: a merchant's request opens it, a buyer signs in to it, pays, and is sent back."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import Refusal
from tuan.sandbox.notify import notify_of
from tuan.sandbox.notify_store import NotifyStore
from tuan.sandbox.trade import Buyer, Cashier, Trade
from tuan.sandbox.trade_store import TradeStore

PASSWORD: Final = "111111"  # noqa: S105 -- every buyer of Alipay's own sandbox has it.


class WrongPassword(Refusal):
    """支付密码不正确"""

    code = "wrong_password"
    status = 422


class NotSignedIn(Refusal):
    """请先登录再付款"""

    code = "not_signed_in"


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What the cashier's page shows: no trade until a buyer has signed in here."""

    cashier: Cashier
    trade: Trade | None


async def open_cashier(pool: Pool, cashier: Cashier) -> None:
    """Raises Declined when this out_trade_no is already paid, closed, or asks for something else."""
    async with transaction(pool) as connection:
        store = TradeStore(connection)
        if trade := await store.find(app_id=cashier.app_id, out_trade_no=cashier.out_trade_no):
            trade.require_payable(cashier.opened_at)
            trade.require_same(cashier)
        await store.add_cashier(cashier)


async def visit(pool: Pool, cashier_id: str) -> Visit:
    async with transaction(pool) as connection:
        store = TradeStore(connection)
        cashier = await store.cashier(cashier_id)
        if cashier.buyer_logon_id is None:
            return Visit(cashier=cashier, trade=None)
        trade = await store.find(app_id=cashier.app_id, out_trade_no=cashier.out_trade_no)
        return Visit(cashier=cashier, trade=trade)


async def sign_in(pool: Pool, cashier_id: str, *, buyer: Buyer, now: datetime) -> None:
    """Only here does Alipay come to know the trade: before, query and close find nothing."""
    async with transaction(pool) as connection:
        store = TradeStore(connection)
        cashier = await store.cashier(cashier_id, held=True)
        await store.hold_number(cashier.out_trade_no)
        trade = await store.find(app_id=cashier.app_id, out_trade_no=cashier.out_trade_no, held=True)

        if trade is None:
            await store.save(cashier.open_trade(buyer=buyer, now=now))
        else:
            trade.require_payable(now)
            trade.require_same(cashier)
            trade.require_buyer(buyer)

        await store.sign_in(replace(cashier, buyer_logon_id=buyer.logon_id))


async def pay(pool: Pool, cashier_id: str, *, password: str, seller_id: str, now: datetime) -> Trade:
    """Paying again what this buyer has paid changes nothing: a browser may send its form twice."""
    if password != PASSWORD:
        raise WrongPassword

    async with transaction(pool) as connection:
        store = TradeStore(connection)
        cashier = await store.cashier(cashier_id)
        if cashier.buyer_logon_id is None:
            raise NotSignedIn
        buyer = Buyer(logon_id=cashier.buyer_logon_id)
        trade = await store.hold(app_id=cashier.app_id, out_trade_no=cashier.out_trade_no)
        if trade.paid_at:
            return trade

        trade.pay(buyer, now=now)
        await store.save(trade)
        await NotifyStore(connection).add(notify_of(trade, seller_id=seller_id, now=now))
        return trade
