"""By hand: an operator closes an unpaid order, asks the gateway, tries a refund or a notify once more."""

from collections.abc import Mapping

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.jobs import Jobs
from tuan.mall import store_console_money, store_order, store_payment
from tuan.mall.close import cancel_order
from tuan.mall.gateways.gateway import Gateway, TradeStatus
from tuan.mall.market_client import MarketClient
from tuan.mall.notify import Verdict
from tuan.mall.operator import Deed
from tuan.mall.order import AlreadyPaid, Order, OrderMovedOn, OrderStatus
from tuan.mall.pay import ask_gateway, replay_notify
from tuan.mall.payment import Refund, UnknownPayment
from tuan.mall.refund import owe_refund_again
from tuan.mall.store_deed import record


async def close_by_hand(
    pool: Pool,
    jobs: Jobs,
    gateways: Mapping[str, Gateway],
    market: MarketClient,
    *,
    order_number: str,
    deed: Deed,
) -> Order:
    """Closing again returns the order as it is. Raises NotFound, and what cancel_order raises."""
    async with transaction(pool) as connection:
        held = await store_order.hold_all(connection, [order_number])
        if not held:
            raise NotFound("There is no such order.")
        [order] = held
        if order.status is OrderStatus.CLOSED:
            return order
        if order.paid_at is not None:
            raise AlreadyPaid
        if not order.is_cancellable:
            raise OrderMovedOn

        await record(
            connection,
            deed,
            "order.close_asked",
            about=f"order:{order_number}",
            before={"status": order.status},
        )
    return await cancel_order(pool, jobs, gateways, market, order_number=order_number, now=deed.at)


async def ask_by_hand(
    pool: Pool, jobs: Jobs, gateways: Mapping[str, Gateway], *, payment_number: str, deed: Deed
) -> TradeStatus:
    """What the gateway says; money it tells of is taken in.

    Raises UnknownPayment, NotFound, and what Gateway.query raises.
    """
    async with transaction(pool) as connection:
        payment = await store_payment.find(connection, payment_number)
        if payment is None:
            raise UnknownPayment
        gateway = _gateway(gateways, payment.gateway)
        await record(connection, deed, "payment.asked", about=f"payment:{payment_number}")
    trade = await ask_gateway(pool, jobs, gateway, payment_number, now=deed.at)
    return trade.status


async def refund_by_hand(pool: Pool, jobs: Jobs, *, refund_number: str, deed: Deed) -> Refund:
    """Tries it now, and from the start of the ladder. Raises NotFound, RefundMade."""
    async with transaction(pool) as connection:
        refund = await owe_refund_again(connection, jobs, refund_number)
        await record(
            connection,
            deed,
            "refund.retried",
            about=f"refund:{refund_number}",
            before={"trouble": refund.trouble},
        )
    return refund


async def replay_by_hand(
    pool: Pool, jobs: Jobs, gateways: Mapping[str, Gateway], *, notify_id: str, deed: Deed
) -> Verdict:
    """What we make of it now. Raises NotFound."""
    async with transaction(pool) as connection:
        notify = await store_console_money.notify_of(connection, notify_id)
        if notify is None:
            raise NotFound("There is no such notify.")
        gateway = _gateway(gateways, notify.gateway)
        await record(
            connection,
            deed,
            "notify.replayed",
            about=f"notify:{notify_id}",
            before={"verdict": notify.verdict},
        )
    return await replay_notify(pool, jobs, gateway, notify_id, now=deed.at)


def _gateway(gateways: Mapping[str, Gateway], name: str) -> Gateway:
    """Raises NotFound for one that we no longer deal with."""
    if name not in gateways:
        raise NotFound("We no longer deal with this gateway.")
    return gateways[name]
