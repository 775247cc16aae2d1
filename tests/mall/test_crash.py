"""Killed between any two steps, each flow is taken up again, and the books are right."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from mall_builders import API, SHOP, TEA, Shopper, World, some_settings
from tables import forget_allowances

from tuan.kernel.db import Pool, build_pool
from tuan.kernel.ids import new_id
from tuan.kernel.jobs import Jobs
from tuan.mall.checkout import OrderRequest, PaymentTerms, place_order
from tuan.mall.close import cancel_order
from tuan.mall.fulfil import fulfil
from tuan.mall.gateways.offered import Gateways, build_gateways
from tuan.mall.market_client import MarketClient
from tuan.mall.order import OrderKind
from tuan.mall.own_orders import own_order
from tuan.mall.refund import make_refund
from tuan.mall.settle import settle
from tuan.mall.sweep import Sweep
from tuan.mall.take_back import ask_refund

STEPS_MAX = 40


class Killed(BaseException):
    """What no code of ours can catch."""


@dataclass
class Life:
    """So many steps, then death. A step is a transaction begun, a call begun, or an answer received."""

    steps: int

    def step(self) -> None:
        if self.steps == 0:
            raise Killed
        self.steps -= 1


@dataclass
class MortalTransport(httpx.AsyncBaseTransport):
    inside: httpx.AsyncBaseTransport
    life: Life

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.life.step()
        response = await self.inside.handle_async_request(request)
        self.life.step()
        return response


@dataclass(kw_only=True)
class Process:
    pool: Pool
    jobs: Jobs
    gateways: Gateways
    market: MarketClient
    world: World

    @property
    def sweep(self) -> Sweep:
        return Sweep(
            pool=self.pool,
            jobs=self.jobs,
            gateways=self.gateways,
            market=self.market,
            clock=self.world.clock,
        )


@asynccontextmanager
async def a_process(world: World, life: Life) -> AsyncIterator[Process]:
    http = httpx.AsyncClient(transport=MortalTransport(world.network, life))
    async with build_pool(world.database, size=2) as pool, http:
        lend = pool.connection

        def connection(timeout: float | None = None) -> Any:
            life.step()
            return lend(timeout)

        pool.connection = connection  # type: ignore[method-assign]
        yield Process(
            pool=pool,
            jobs=Jobs(world.database),
            gateways=build_gateways(some_settings(world.database), http, public_url=f"{SHOP}{API}"),
            market=MarketClient(http, url="http://market.test", api_key="market-key", channel="c01"),
            world=world,
        )


Prepare = Callable[[World, Shopper], Awaitable[str]]
Flow = Callable[[Process, Shopper, str], Awaitable[None]]


async def nothing(world: World, ann: Shopper) -> str:
    return ""


async def ordered(world: World, ann: Shopper) -> str:
    number = str((await ann.ordered())["number"])
    world.alipay.pay(number, "108.00", trade_status="WAIT_BUYER_PAY")
    return number


async def out_of_time(world: World, ann: Shopper) -> str:
    """The next sweep finds this one, and none that died before."""
    world.clock.pass_by(seconds=15)
    await world.service.drain()
    number = await ordered(world, ann)
    world.clock.pass_by(minutes=15)
    return number


async def paid_in_silence(world: World, ann: Shopper) -> str:
    """At the cashier; no notify ever comes."""
    number = await ordered(world, ann)
    world.alipay.pay(number, "108.00")
    world.clock.pass_by(seconds=5)
    return number


async def paid(world: World, ann: Shopper) -> str:
    order = await ann.ordered()
    await world.pay(order)
    return str(order["number"])


async def settled(world: World, ann: Shopper) -> str:
    number = await paid(world, ann)
    await world.service.drain()
    return number


async def seat_lost(world: World, ann: Shopper) -> str:
    number = await paid(world, ann)
    world.market.seats[number]["status"] = "released"
    return number


async def refund_is_owed(world: World, ann: Shopper) -> str:
    number = await settled(world, ann)
    await ann.ask_refund(number)
    return number


async def paid_alone(world: World, ann: Shopper) -> str:
    order = await ann.buy_alone()
    await world.pay(order)
    return str(order["number"])


async def place(process: Process, ann: Shopper, number: str) -> None:
    request = OrderRequest(
        buyer_id=ann.id,
        idempotency_key=new_id(),
        product_id=TEA,
        kind=OrderKind.GROUP,
        campaign_id="summer",
        team_id=None,
    )
    terms = PaymentTerms(gateway="alipay", pay_within=timedelta(minutes=15))
    await place_order(
        process.pool, process.jobs, process.market, request, terms=terms, now=process.world.clock.now
    )


async def sweep(process: Process, ann: Shopper, number: str) -> None:
    await process.sweep.sweep()


async def cancel(process: Process, ann: Shopper, number: str) -> None:
    await cancel_order(
        process.pool,
        process.jobs,
        process.gateways,
        process.market,
        order_number=number,
        now=process.world.clock.now,
    )


async def want_refund(process: Process, ann: Shopper, number: str) -> None:
    order = await own_order(process.pool, number, buyer_id=ann.id)
    now = process.world.clock.now
    await ask_refund(process.pool, process.jobs, process.market, order, reason="no", now=now)


async def settling(process: Process, ann: Shopper, number: str) -> None:
    now = process.world.clock.now
    await settle(process.pool, process.jobs, process.market, order_number=number, now=now)


async def refunding(process: Process, ann: Shopper, number: str) -> None:
    now = process.world.clock.now
    await make_refund(process.pool, process.gateways, refund_number=f"{number}R", now=now)


async def fulfilling(process: Process, ann: Shopper, number: str) -> None:
    await fulfil(process.pool, order_number=number, now=process.world.clock.now)


# What is prepared, what is killed in the middle, and how its order may end.
FLOWS: dict[str, tuple[Prepare, Flow, set[str]]] = {
    "placing an order": (nothing, place, {"closed"}),
    "closing what nobody paid": (out_of_time, sweep, {"closed"}),
    "finding money no notify told of": (paid_in_silence, sweep, {"paid"}),
    "cancelling": (ordered, cancel, {"closed"}),
    "settling": (paid, settling, {"paid"}),
    "settling a seat that is gone": (seat_lost, settling, {"refunded"}),
    "asking for a refund": (settled, want_refund, {"paid", "refunded"}),
    "refunding": (refund_is_owed, refunding, {"refunded"}),
    "delivering": (paid_alone, fulfilling, {"fulfilled"}),
}


async def forget_jobs(world: World) -> None:
    """The worst of deaths: what was owed is owed by the status alone."""
    async with build_pool(world.database, size=1) as pool, pool.connection() as connection:
        await connection.execute("DELETE FROM procrastinate_jobs")


@pytest.mark.parametrize("jobs_too", [False, True], ids=["", "its jobs lost too"])
@pytest.mark.parametrize("name", FLOWS)
async def test_killed_between_any_two_steps_it_ends_well(
    world: World, ann: Shopper, name: str, jobs_too: bool
) -> None:
    prepare, flow, ends = FLOWS[name]
    deaths = 0
    for steps in range(STEPS_MAX):
        forget_allowances(world.database)
        number = await prepare(world, ann)
        async with a_process(world, Life(steps)) as process:
            try:
                await flow(process, ann, number)
            except Killed:
                deaths += 1
            else:
                break
        if jobs_too:
            await forget_jobs(world)
    assert 1 <= deaths < STEPS_MAX

    for _ in range(2):
        world.clock.pass_by(minutes=20)
        await world.settle_down()
    assert {status for (status,) in world.rows("SELECT status FROM mall_order")} <= ends
    assert await world.findings() == []
    held = world.rows("SELECT number FROM mall_order WHERE status = 'paid' AND kind = 'group'")
    live = {no for no, seat in world.market.seats.items() if seat["status"] in ("locked", "settled")}
    assert live == {no for (no,) in held}


async def test_three_sweeps_at_once_ask_about_each_payment_once(world: World, ann: Shopper) -> None:
    for _ in range(20):
        forget_allowances(world.database)
        await ordered(world, ann)
    world.clock.pass_by(minutes=15)
    processes = [a_process(world, Life(10_000)) for _ in range(3)]
    async with processes[0] as one, processes[1] as two, processes[2] as three:
        await asyncio.gather(one.sweep.sweep(), two.sweep.sweep(), three.sweep.sweep())

    assert world.rows("SELECT status, count(*) FROM mall_order GROUP BY 1") == [("closed", 20)]
    asked = [content["out_trade_no"] for method, content in world.alipay.asked if method.endswith("query")]
    assert len(asked) == len(set(asked)) == 20
    assert await world.findings() == []
