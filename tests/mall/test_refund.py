"""Money goes back under one number until it has; when it will not, a person is told, and can ask again."""

import psycopg
import pytest
from mall_builders import Shopper, World

from tuan.kernel.db import build_pool
from tuan.kernel.errors import NotFound
from tuan.kernel.jobs import Jobs
from tuan.mall.payment import RefundMade
from tuan.mall.refund import REFUND_LADDER, make_refund, retry_refund

REFUND = "SELECT status, tries, trouble FROM refund"
JOBS = "SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'"


async def a_refused_refund(world: World, ann: Shopper, *, tries: int) -> str:
    """Tried so often already."""
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()
    world.alipay.refund_refused = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    await ann.ask_refund(order["number"])
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE refund SET tries = %s", [tries])
    await world.service.drain()
    return f"{order['number']}R"


async def again(world: World, number: str) -> None:
    async with build_pool(world.database, size=1) as pool:
        await retry_refund(pool, Jobs(world.database), number, now=world.clock.now)


async def test_a_refused_refund_is_tried_again_under_the_same_number(world: World, ann: Shopper) -> None:
    number = await a_refused_refund(world, ann, tries=0)
    assert world.rows(REFUND) == [("owed", 1, "ACQ.SELLER_BALANCE_NOT_ENOUGH")]

    world.alipay.refund_refused = None
    world.make_jobs_due()
    await world.service.drain()
    asked = {content["out_request_no"] for method, content in world.alipay.asked if method.endswith("refund")}
    assert asked == {number}
    assert world.rows("SELECT status FROM refund") == [("done",)]
    assert world.rows("SELECT count(*) FROM alarm") == [(0,)]


async def test_after_the_last_try_it_is_stuck_and_a_person_is_told(world: World, ann: Shopper) -> None:
    number = await a_refused_refund(world, ann, tries=len(REFUND_LADDER) - 1)

    assert world.rows(REFUND) == [("stuck", len(REFUND_LADDER), "ACQ.SELLER_BALANCE_NOT_ENOUGH")]
    assert world.rows(JOBS) == []
    assert world.rows("SELECT kind, about, detail FROM alarm") == [
        ("refund_stuck", number, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    ]
    world.clock.pass_by(minutes=11)
    await world.service.drain()
    assert world.rows("SELECT status FROM mall_order") == [("refunding",)]
    assert await world.findings() == [f"a17_refunds_are_made: {number}"]


async def test_a_stuck_refund_is_made_when_a_person_asks_again(world: World, ann: Shopper) -> None:
    number = await a_refused_refund(world, ann, tries=len(REFUND_LADDER) - 1)
    world.alipay.refund_refused = None
    for _ in range(3):
        await again(world, number)
    assert world.rows(JOBS) == [("refund",)]
    await world.service.drain()

    assert world.alipay.refunds == {number: "108.00"}
    assert world.rows("SELECT status FROM mall_order") == [("refunded",)]
    with pytest.raises(RefundMade):
        await again(world, number)
    with pytest.raises(NotFound):
        await again(world, "no-such-refund")


async def test_asking_again_hastens_a_refund_that_waits(world: World, ann: Shopper) -> None:
    number = await a_refused_refund(world, ann, tries=5)
    world.alipay.refund_refused = None
    await again(world, number)
    await world.service.drain()

    assert world.alipay.refunds == {number: "108.00"}


async def test_a_refund_whose_answer_was_lost_is_made_once(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()
    await ann.ask_refund(order["number"])
    world.network.answers_lost["alipay.test"] = 1
    await world.service.drain()
    assert world.rows("SELECT status, trouble FROM refund") == [("owed", "unreachable")]

    await world.settle_down()
    assert world.alipay.refunds == {f"{order['number']}R": "108.00"}
    assert world.rows("SELECT status FROM mall_order") == [("refunded",)]


async def test_news_of_a_refund_settles_nothing(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()
    await ann.ask_refund(order["number"])
    before = world.everything()
    news = world.alipay.notify(
        order["number"],
        "108.00",
        trade_status="TRADE_CLOSED",
        refund_fee="108.00",
        gmt_refund="2026-11-23 12:00:00",
    )

    assert await world.notify(news) == "success"
    assert world.everything() == before


async def test_an_order_is_refunded_when_the_last_of_its_refunds_is_made(world: World, ann: Shopper) -> None:
    """Two attempts were paid; one came back at once, the other when the buyer asked."""
    order = await ann.ordered()
    number = order["number"]
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE payment SET status = 'closed'")
    await ann.browser.get(order["pay_url"])
    for attempt in (f"{number}_2", number):
        world.alipay.pay(attempt, "108.00")
        await world.notify(world.alipay.notify(attempt, "108.00"))
    await ann.ask_refund(number)

    ends = []
    async with build_pool(world.database, size=1) as pool:
        for refund in (f"{number}_2R", f"{number}R"):
            await make_refund(pool, {"alipay": world.gateway}, refund_number=refund, now=world.clock.now)
            ends += world.rows("SELECT status FROM mall_order")
    assert ends == [("refunding",), ("refunded",)]
    assert world.alipay.refunds == {f"{number}_2R": "108.00", f"{number}R": "108.00"}
