"""Which job is which flow."""

from tuan.kernel.jobs import QUICK_LADDER
from tuan.mall.doors import Doors
from tuan.mall.fulfil import fulfil
from tuan.mall.refund import REFUND_LADDER, make_refund
from tuan.mall.settle import settle

# A paid seat is settled however long the market is away: after the first hours, every four for a week.
SETTLE_LADDER = (*QUICK_LADDER, *[4 * 3600] * 42)


def assign(doors: Doors) -> None:
    async def do_settle(order_number: str) -> None:
        await settle(doors.pool, doors.jobs, doors.market, order_number=order_number, now=doors.clock())

    async def do_fulfil(order_number: str) -> None:
        await fulfil(doors.pool, order_number=order_number, now=doors.clock())

    async def do_refund(refund_number: str) -> None:
        await make_refund(doors.pool, doors.gateway, refund_number=refund_number, now=doors.clock())

    doors.jobs.does("settle", do_settle, steps=SETTLE_LADDER)
    doors.jobs.does("fulfil", do_fulfil)
    doors.jobs.does("refund", do_refund, steps=REFUND_LADDER)
