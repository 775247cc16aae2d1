"""How it ends when a seat stays empty: the clock passes the team's end, and all have their money back."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from tuan.story import Browsers, Buyer, Plot, StoryBroken, await_status, get, post

# The market waits a little for word of payments that were made in time.
WAITS_FOR_WORD_SECONDS = 15 * 60
ONE_PAGE = 1_000


async def all_refunded(browsers: Browsers, buyers: Sequence[Buyer]) -> None:
    """Needs a server whose clock can be moved."""
    await asyncio.gather(*(await_status(buyer, "paid") for buyer in buyers))
    await _pass_the_end(buyers[0])
    await asyncio.gather(*(await_status(buyer, "refunded") for buyer in buyers))
    async with browsers.open() as witness:
        alipay = await get(witness, f"/sandbox/admin/trades?limit={ONE_PAGE}")
        wechatpay = await get(witness, f"/sandbox/admin/orders?limit={ONE_PAGE}")
    _require_refunded([*alipay["items"], *wechatpay["items"]], buyers)


TEAM_FAILS = Plot(1, {"paid": "paid_at", "refunded": "refunded_at"}, all_refunded)


async def _pass_the_end(buyer: Buyer) -> None:
    """Twice: people would see the team out of time first, and failed a little later."""
    order = await get(buyer.browser, f"/api/mall/v1/orders/{buyer.number}")
    if order["team"] is None:
        raise StoryBroken("the market does not say when the team ends")
    left = datetime.fromisoformat(order["team"]["closes_at"]) - datetime.fromisoformat(order["server_time"])
    for seconds in (int(left.total_seconds()) + 1, WAITS_FOR_WORD_SECONDS):
        buyer.doing = "waits, and time flies"
        await post(buyer.browser, "/sandbox/admin/clock", {"seconds": seconds})


def _require_refunded(trades: Sequence[dict[str, object]], buyers: Sequence[Buyer]) -> None:
    """By the books of who took the money, not by ours."""
    back = {trade["out_trade_no"]: trade["refunded_fen"] for trade in trades}
    for buyer in buyers:
        if back.get(buyer.number) != buyer.paid_fen:
            raise StoryBroken(f"{buyer.name} paid {buyer.paid_fen} fen and got {back.get(buyer.number)} back")
