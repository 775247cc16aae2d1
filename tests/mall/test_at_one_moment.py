"""Several processes of the mall, and what reaches them at one moment."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import httpx
import psycopg
import pytest
from mall_builders import API, SHOP, Shopper, World, some_settings
from mall_console_builders import WHY, until_they_wait
from starlette.applications import Starlette
from starlette.routing import Mount

from tuan.kernel.db import build_pool
from tuan.kernel.service import Service
from tuan.mall.app import build
from tuan.mall.fulfil import fulfil
from tuan.mall.refund import make_refund

VERDICTS = "SELECT verdict FROM notify_log ORDER BY id"


@pytest.fixture
async def malls(world: World) -> AsyncIterator[Sequence[Service]]:
    """Three, each with connections of its own, on one database."""
    settings = some_settings(world.database)
    async with AsyncExitStack() as stack:
        built = [build(settings, clock=world.clock, transport=world.network) for _ in range(3)]
        for service in built:
            await stack.enter_async_context(service.opened())
        yield built


def asking(service: Service) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=[Mount(API, service.app)]))
    return httpx.AsyncClient(transport=transport, base_url=SHOP)


async def test_told_fifty_times_at_once_at_three_processes_it_pays_once(
    world: World, ann: Shopper, malls: Sequence[Service]
) -> None:
    order = await ann.ordered()
    fields = world.alipay.notify(order["number"], "108.00")

    async def tell(service: Service) -> tuple[int, str]:
        async with asking(service) as sender:
            answer = await sender.post(f"{API}/hooks/alipay", data=fields)
        return answer.status_code, answer.text

    answers = await asyncio.gather(*(tell(malls[n % 3]) for n in range(50)))
    assert Counter(answers) == {(200, "success"): 50}
    assert Counter(verdict for (verdict,) in world.rows(VERDICTS)) == {"paid": 1, "repeated": 49}
    assert world.rows("SELECT task_name FROM procrastinate_jobs") == [("settle",)]


async def test_a_notify_the_return_and_our_own_question_at_three_processes_pay_once(
    world: World, ann: Shopper, malls: Sequence[Service]
) -> None:
    for _ in range(5):
        order = await ann.buy_alone()
        trade = world.alipay.pay(order["number"], "128.00")
        told = world.alipay.notify(order["number"], "128.00", trade_no=trade["trade_no"])
        back = world.alipay.signed({"out_trade_no": order["number"]})
        world.clock.pass_by(seconds=5)

        async with asking(malls[0]) as gateway, asking(malls[1]) as buyer:
            notified, returned, _ = await asyncio.gather(
                gateway.post(f"{API}/hooks/alipay", data=told),
                buyer.get(f"{API}/return/alipay/{order['number']}", params=back),
                malls[2].drain(),
            )
        assert (notified.text, returned.status_code) == ("success", 303)

    await world.settle_down()
    assert world.rows("SELECT status, count(*) FROM mall_order GROUP BY 1") == [("fulfilled", 5)]
    assert world.rows("SELECT count(*) FROM delivery") == [(5,)]
    assert await world.findings() == []


async def test_a_notify_that_comes_before_its_payment_is_saved_is_told_again(
    world: World, ann: Shopper
) -> None:
    with psycopg.connect(world.database) as sitting:
        sitting.execute("LOCK TABLE payment IN EXCLUSIVE MODE")  # Which may be read, and not written.
        ordering = asyncio.create_task(ann.order(key="press-01"))
        await until_they_wait(world, how_many=1)
        [(number,)] = world.rows("SELECT number FROM mall_order")
        fields = world.alipay.notify(number, "108.00")
        assert await world.notify(fields) == "fail"
    await ordering
    assert (await ann.order(key="press-01")).json()["status"] == "awaiting_payment"

    assert await world.notify(fields) == "success"
    assert world.rows(VERDICTS) == [("unknown_payment",), ("paid",)]
    assert (await ann.see(number))["status"] == "paid"


async def test_two_workers_with_one_refund_in_hand_give_back_once(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()
    await ann.ask_refund(order["number"])
    async with build_pool(world.database, size=2) as pool:
        await pool.resize(2, 2)
        await pool.wait()
        both = (
            make_refund(pool, world.gateways, refund_number=f"{order['number']}R", now=world.clock.now)
            for _ in range(2)
        )
        await asyncio.gather(*both)

    asked = [content for method, content in world.alipay.asked if method == "alipay.trade.refund"]
    assert [content["out_request_no"] for content in asked] == [f"{order['number']}R"] * 2
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert world.rows("SELECT count(*) FROM ledger_entry WHERE posting LIKE 'refund done %%'") == [(2,)]
    assert world.rows("SELECT status FROM mall_order") == [("refunded",)]


async def test_paid_back_as_it_is_handed_over_an_order_is_both_on_record_or_not_handed_over(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    async with build_pool(world.database, size=2) as pool:
        for n in range(10):
            order = await ann.ordered()
            await world.pay(order)
            await world.service.drain()
            await world.team_formed(order["team_id"], order["number"], id=f"wh-{n}")
            await asyncio.gather(
                fulfil(pool, order_number=order["number"], now=world.clock.now),
                olga.post(f"/orders/{order['number']}/refund", json=WHY),
            )
    await world.settle_down()

    ends = world.rows(
        "SELECT DISTINCT status, fulfilled_at IS NOT NULL, EXISTS (SELECT FROM delivery WHERE"
        " order_number = number) FROM mall_order"
    )
    assert set(ends) <= {("refunded", True, True), ("refunded", False, False)}
    assert sorted(world.alipay.refunds.values()) == ["108.00"] * 10
    assert await world.findings() == []
