"""The mall's api and worker killed between any two steps of taking money, settling, refunding, handing over:
started anew, each order comes to its end, and nothing happens twice."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import pytest
from forked import Nursery
from mall_processes import WAITED_SECONDS, Mall, Piece, Surroundings, a_mall, surroundings
from market_processes import query
from procrastinate.sql import queries
from story_people import Person, a_product
from story_world import keyring
from wire import COMMITTED, STATEMENTS, Passing

from tuan.keyring import Keyring
from tuan.mall import store_order, store_payment

__all__ = ["keyring"]

TEA = "9890002"  # In teams of two.
SETTLED = "status = 'paid' AND settled_at IS NOT NULL"
REFUNDED = "status = 'refunded'"
ASK_LATER = "UPDATE payment SET ask_at = ask_at + interval '1 hour' WHERE status = 'open'"
NOBODY_COUNTS = "DELETE FROM allowance"  # More refunds than a person may ask for in an hour.
FULFILLED = "status = 'fulfilled'"


@pytest.fixture(scope="module")
def around(forks: Nursery, shared_databases: dict[str, str], keyring: Keyring) -> Iterator[Surroundings]:
    with surroundings(forks, shared_databases, keyring) as around:
        yield around


@pytest.fixture
async def mall(around: Surroundings) -> AsyncIterator[Mall]:
    async with a_mall(around) as mall:
        yield mall


class Errand(NamedTuple):
    orders: Sequence[str]
    run: Callable[[], Awaitable[object]]


class Buyers(NamedTuple):
    mall: Mall
    ann: Person
    bob: Person

    async def pay_alone(self) -> Errand:
        order = await self.ann.order_alone(await a_product(self.ann.world, TEA))
        return await self._pay(self.ann, order["number"])

    async def pay_for_a_seat(self) -> Errand:
        order = await self.ann.order(await a_product(self.ann.world, TEA))
        return await self._pay(self.ann, order["number"])

    async def fill_a_team(self) -> Errand:
        [opened], pay = await self.pay_for_a_seat()
        await pay()
        await self.mall.come_to(SETTLED, [opened])
        product, team_id = await a_product(self.bob.world, TEA), (await self.ann.see(opened))["team_id"]
        [joined], pay = await self._pay(self.bob, (await self.bob.order(product, team_id))["number"])
        return Errand([opened, joined], pay)

    async def take_back(self) -> Errand:
        [number], pay = await self.pay_for_a_seat()
        await pay()
        await self.mall.come_to(SETTLED, [number])
        return Errand([number], partial(self.ann.ask_refund, number))

    async def _pay(self, buyer: Person, number: str) -> Errand:
        """At the cashier; only the gateway will tell of it."""
        tab = await buyer.open_cashier(number)
        assert tab
        await buyer.enter(tab)
        await self.mall.change(ASK_LATER)
        await self.mall.change(NOBODY_COUNTS)
        return Errand([number], partial(buyer.pay, tab))


@pytest.fixture
async def buyers(mall: Mall) -> Buyers:
    return Buyers(mall, await mall.a_buyer("安安"), await mall.a_buyer("小博"))


class Flow(NamedTuple):
    prepare: Callable[[Buyers], Awaitable[Errand]]
    dies: Piece
    ends: str
    begins: Sequence[str]  # The statements that its transactions begin with.
    call: str = ""  # That it makes, or is.


FLOWS = {
    "pay": Flow(Buyers.pay_alone, "api", FULFILLED, [store_payment.FIND], "/hooks/alipay"),
    "settle": Flow(
        Buyers.pay_for_a_seat, "worker", SETTLED, [store_order.FIND, store_order.HOLD], "/settlement"
    ),
    "refund": Flow(
        Buyers.take_back, "worker", REFUNDED, [store_payment.REFUND, store_order.HOLD], "alipay.trade.refund"
    ),
    "form": Flow(Buyers.fill_a_team, "api", FULFILLED, [store_order.NEW_WEBHOOK], "/hooks/market"),
    "hand over": Flow(Buyers.pay_alone, "worker", FULFILLED, [store_order.HOLD, queries["finish_job"]]),
}


@pytest.mark.parametrize("name", FLOWS)
async def test_killed_at_any_statement(mall: Mall, buyers: Buyers, name: str) -> None:
    flow = FLOWS[name]

    async def killed(begins: str, counted: Passing, at: int) -> bool:
        orders, run = await flow.prepare(buyers)
        point = mall.kill_at(flow.dies, begins, counted, at)
        await run()
        await happens(point.over)
        if point.happened:
            await mall.start(flow.dies)
        await mall.come_to(flow.ends, orders)
        return point.happened

    for begins in flow.begins:
        for n in itertools.count(1):
            if not await killed(begins, STATEMENTS, at=n):
                break
        assert n > 2  # A statement and a commit, at the least.
        assert await killed(begins, COMMITTED, at=1)
    await end_well(mall)


async def test_killed_as_it_takes_a_job(mall: Mall, buyers: Buyers) -> None:
    for counted, at in ((STATEMENTS, 1), (STATEMENTS, 2), (COMMITTED, 1)):
        mall.kill("worker")
        orders, pay = await buyers.pay_for_a_seat()
        await pay()
        await mall.owes_a_job()
        point = mall.kill_at("worker", queries["fetch_job"], counted, at)
        await mall.start("worker")
        await happens(point.over)
        assert point.happened
        await mall.start("worker")
        await mall.come_to(SETTLED, orders)
    await end_well(mall)


async def test_killed_around_any_call(mall: Mall, buyers: Buyers) -> None:
    """As it leaves, or arrives; and once it was answered, before that is heard."""
    for flow in FLOWS.values():
        for is_answered in (False, True) if flow.call else ():
            orders, run = await flow.prepare(buyers)
            stop = mall.kill_when(flow.dies, flow.call, is_answered=is_answered)
            await run()
            await happens(stop.happened)
            await mall.start(flow.dies)
            await mall.come_to(flow.ends, orders)
    await end_well(mall)


async def happens(event: asyncio.Event) -> None:
    async with asyncio.timeout(WAITED_SECONDS):
        await event.wait()


async def end_well(mall: Mall) -> None:
    await mall.end_all()
    assert await mall.findings() == []
    assert query(mall.databases["mall"], "SELECT DISTINCT told_by FROM payment") == [("notify",)]
