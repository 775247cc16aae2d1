"""After a restore: what the gateway's bills say that the backup does not, and what is done about it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Final

import httpx
from rich.console import Console

from tuan import up
from tuan.kernel.clock import beijing_day, midnight
from tuan.mall.app import reconcile_once
from tuan.mall.gateways.offered import build_gateways
from tuan.mall.payment import full_refund, new_payment
from tuan.mall.reconciliation import BreakKind
from tuan.mall.store_break import BreakSeen
from tuan.market.demo import ADMIN
from tuan.rehearsal_stage import URL, Stage
from tuan.story import Buyer, StoryBroken, await_status

CONSOLE: Final = "/api/mall/v1/console"
BILLED_BY: Final = timedelta(hours=10, minutes=5)  # Of the next morning.
WHY: Final = {"reason": "restored from a backup"}


async def make_good(stage: Stage, refunded: Buyer, *, since: date, console: Console) -> None:
    """Each day since the backup is held against its bill until nothing is open. `refunded` had their money
    back after the backup, by an operator's hand, which is done once more: under the number it had."""
    last = beijing_day(stage.clock())
    await pass_by(stage, midnight(last + timedelta(days=1)) + BILLED_BY - stage.clock())
    days = [since + timedelta(days=n) for n in range((last - since).days + 1)]

    found = await _reconcile(stage, days)
    for one in found:
        console.print(f"  {one.day} {one.kind} {one.about}: {one.bill_fen} fen")
        match one.kind:
            case BreakKind.REFUND_UNKNOWN if refunded.number in one.about:
                await refund_by_hand(stage, refunded.number)
                await await_status(refunded, "refunded")
            case BreakKind.PAYMENT_UNKNOWN:
                await _give_back_at_the_gateway(stage, one)
                await _resolve(stage, one)
            case _:
                raise StoryBroken(f"nobody expected {one.kind} of {one.about}")
    if left := await _reconcile(stage, days):
        raise StoryBroken(f"still open: {left}")
    console.print(f"Reconciled {len(days)} days: {len(found)} breaks, all made good.")


async def refund_by_hand(stage: Stage, order_number: str) -> None:
    async with _operator(stage) as browser:
        answer = await browser.post(f"{CONSOLE}/orders/{order_number}/refund", json=WHY)
    if answer.status_code != 200:
        raise StoryBroken(f"no refund by hand: {answer.text}")


async def pass_by(stage: Stage, span: timedelta) -> None:
    async with stage.browser() as hand:
        await hand.post("/sandbox/admin/clock", json={"seconds": int(span.total_seconds())})


async def _reconcile(stage: Stage, days: list[date]) -> list[BreakSeen]:
    """What is open of these days."""
    _, for_mall, _ = up.settings_for(URL, stage.databases, stage.keyring)
    found: list[BreakSeen] = []
    for day in days:
        for gateway in ("alipay", "wechatpay"):
            _, left = await reconcile_once(
                for_mall, gateway=gateway, day=day, clock=stage.clock, transport=stage.inside
            )
            found += left
    return found


async def _give_back_at_the_gateway(stage: Stage, unknown: BreakSeen) -> None:
    """As in its own console: no order of ours has this money any more."""
    _, for_mall, _ = up.settings_for(URL, stage.databases, stage.keyring)
    now = stage.clock()
    async with httpx.AsyncClient(transport=stage.inside) as http:
        gateway = build_gateways(for_mall, http, public_url=for_mall.public_url)[unknown.gateway]
        payment = new_payment(
            number=unknown.about,
            order_number=unknown.about,
            gateway=unknown.gateway,
            amount_fen=unknown.bill_fen or 0,
            expires_at=now,
            now=now,
        )
        await gateway.refund(full_refund(payment, reason=WHY["reason"], now=now), now=now)


async def _resolve(stage: Stage, one: BreakSeen) -> None:
    async with _operator(stage) as browser:
        answer = await browser.put(f"{CONSOLE}/breaks/{one.id}/resolution", json=WHY)
    if answer.is_error:
        raise StoryBroken(f"not resolved: {answer.text}")


@asynccontextmanager
async def _operator(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    who = {"name": ADMIN, "password": stage.keyring.operator_password}
    async with stage.browser() as browser:
        (await browser.post("/api/market/console/v1/sessions", json=who)).raise_for_status()
        yield browser
