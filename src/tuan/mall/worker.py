"""Which job is which flow."""

from tuan.kernel.jobs import QUICK_LADDER
from tuan.mall.close import close_unpaid, release_seat
from tuan.mall.doors import Doors
from tuan.mall.fulfil import fulfil
from tuan.mall.message import MESSAGE_LADDER
from tuan.mall.refund import REFUND_LADDER, make_refund
from tuan.mall.settle import settle
from tuan.mall.take_back import take_back

# A paid seat is settled however long the market is away: after the first hours, every four for a week.
SETTLE_LADDER = (*QUICK_LADDER, *[4 * 3600] * 42)


def assign(doors: Doors) -> None:
    async def do_settle(order_number: str) -> None:
        await settle(doors.pool, doors.jobs, doors.market, order_number=order_number, now=doors.clock())

    async def do_release(order_number: str) -> None:
        await release_seat(doors.market, order_number=order_number)

    async def do_close(order_number: str) -> None:
        await close_unpaid(
            doors.pool,
            doors.jobs,
            doors.gateways,
            doors.market,
            order_number=order_number,
            now=doors.clock(),
        )

    async def do_take_back(order_number: str) -> None:
        await take_back(doors.pool, doors.jobs, doors.market, order_number=order_number, now=doors.clock())

    async def do_fulfil(order_number: str) -> None:
        await fulfil(doors.pool, order_number=order_number, now=doors.clock())

    async def do_refund(refund_number: str) -> None:
        await make_refund(doors.pool, doors.gateways, refund_number=refund_number, now=doors.clock())

    doors.jobs.does("settle", do_settle, steps=SETTLE_LADDER)
    doors.jobs.does("release", do_release)
    doors.jobs.does("close", do_close)
    doors.jobs.does("take_back", do_take_back)
    doors.jobs.does("fulfil", do_fulfil)
    doors.jobs.does("refund", do_refund, steps=REFUND_LADDER)
    doors.jobs.does("tell_signed_in", doors.messages.tell_signed_in, steps=MESSAGE_LADDER)
    doors.jobs.does("tell_team_formed", doors.messages.tell_team_formed, steps=MESSAGE_LADDER)
