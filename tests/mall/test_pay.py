"""Money arrives: believed only from the gateway, counted once, never lost."""

import asyncio

import pytest
from mall_builders import API, Shopper, World, a_shopper, a_world, some_settings
from mall_stand_ins import ALIPAY, AlipayStandIn

from tuan.kernel.db import build_pool, transaction
from tuan.kernel.jobs import Jobs
from tuan.kernel.rsa import new_private_key, public_pem
from tuan.mall import store_order, store_payment
from tuan.mall.notify import Verdict
from tuan.mall.pay import apply_payment
from tuan.mall.payment import Receipt, ToldBy

VERDICTS = "SELECT verdict FROM notify_log ORDER BY id"
ALARMS = "SELECT kind, about, times FROM alarm ORDER BY id"
JOBS = "SELECT task_name, args FROM procrastinate_jobs ORDER BY id"


async def test_a_true_notify_pays_the_order_and_owes_its_settlement(world: World, ann: Shopper) -> None:
    order = await ann.ordered()

    assert await world.pay(order) == "success"
    assert (await ann.see(order["number"]))["status"] == "paid"
    assert (await ann.see(order["number"]))["paid_at"] == "2026-11-23T04:00:00Z"
    assert world.rows("SELECT status, paid_at IS NOT NULL FROM payment") == [("paid", True)]
    assert world.rows(VERDICTS) == [("paid",)]
    [(task, args)] = world.rows(JOBS)
    assert (task, args["order_number"]) == ("settle", order["number"])


async def test_a_notify_told_eight_times_pays_once(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    answers = [await world.pay(order) for _ in range(8)]

    assert answers == ["success"] * 8
    assert world.rows(VERDICTS) == [("paid",)] + [("repeated",)] * 7
    assert len(world.rows(JOBS)) == 1


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "another app": ({"app_id": "2021000000000000"}, "other_app"),
    "a number of nobody": ({"out_trade_no": "261123AAAAAAAAAAAAAA"}, "unknown_payment"),
    "an amount that is none": ({"total_amount": "1e9"}, "amount_differs"),
    "nothing": ({"total_amount": "0.00"}, "amount_differs"),
    "too little, not paid yet": (
        {"total_amount": "0.01", "trade_status": "WAIT_BUYER_PAY"},
        "amount_differs",
    ),
    "too little, to another": (
        {"total_amount": "0.01", "seller_id": "2088000000000000"},
        "amount_differs",
    ),
    "another seller": ({"seller_id": "2088000000000000"}, "other_seller"),
}
IGNORED: dict[str, tuple[dict[str, str], str]] = {
    "not paid yet": ({"trade_status": "WAIT_BUYER_PAY"}, "not_paid"),
    "closed": ({"trade_status": "TRADE_CLOSED"}, "not_paid"),
    "a status of tomorrow": ({"trade_status": "TRADE_DREAMT"}, "not_paid"),
    "a partial refund": ({"refund_fee": "1.00", "gmt_refund": "2026-11-23 12:00:00"}, "refund_news"),
    "a full refund": ({"trade_status": "TRADE_CLOSED", "refund_fee": "108.00"}, "refund_news"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_signed_notify_that_is_not_about_our_payment_changes_nothing(
    world: World, ann: Shopper, case: str
) -> None:
    order = await ann.ordered()
    before = world.everything()
    changes, verdict = REFUSED[case]
    fields = world.alipay.notify(order["number"], "108.00", **changes)

    assert await world.notify(fields) == "fail"
    assert world.everything() == before
    assert world.rows(VERDICTS) == [(verdict,)]
    assert world.rows(ALARMS) == [(verdict, fields["out_trade_no"], 1)]


@pytest.mark.parametrize("case", IGNORED)
async def test_news_that_is_not_a_payment_is_taken_in_and_changes_nothing(
    world: World, ann: Shopper, case: str
) -> None:
    order = await ann.ordered()
    before = world.everything()
    changes, verdict = IGNORED[case]
    fields = world.alipay.notify(order["number"], "108.00", **changes)

    assert await world.notify(fields) == "success"
    assert world.everything() == before
    assert world.rows(VERDICTS) == [(verdict,)]


async def test_a_forged_notify_changes_nothing_and_is_kept(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    before = world.everything()
    good = world.alipay.notify(order["number"], "108.00")
    forger = AlipayStandIn(world.clock, key=new_private_key())

    assert await world.notify(forger.signed(good)) == "fail"
    assert await world.notify(good | {"total_amount": "0.01"}) == "fail"
    assert world.everything() == before
    assert world.rows(VERDICTS) == [("forged",), ("forged",)]


async def test_under_a_key_that_was_replaced_nothing_is_believed_and_under_the_new_it_is(
    mall_database: str,
) -> None:
    new = new_private_key()
    alipay = ALIPAY.model_copy(update={"public_key": public_pem(new.public_key())})
    async with a_world(mall_database, alipay=alipay) as world, a_shopper(world, "o-ann") as ann:
        order = await ann.ordered()
        told = world.alipay.notify(order["number"], "108.00")

        assert await world.notify(told) == "fail"
        assert await world.notify(AlipayStandIn(world.clock, key=new).signed(told)) == "success"
        assert world.rows(VERDICTS) == [("forged",), ("paid",)]
        assert await world.findings(only_always=True) == []


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"a=1&a=2", b"x" * 60_000])
async def test_a_body_that_is_no_notify_is_kept_as_it_came(world: World, body: bytes) -> None:
    async with world.browser() as sender:
        answer = await sender.post(f"{API}/hooks/alipay", content=body)

    assert answer.text == "fail"
    assert world.rows("SELECT verdict, raw FROM notify_log") == [("malformed", body)]


async def test_a_body_too_large_is_not_read(world: World) -> None:
    async with world.browser() as sender:
        answer = await sender.post(f"{API}/hooks/alipay", content=b"x" * 65_537)

    assert answer.status_code == 413
    assert world.rows("SELECT count(*) FROM notify_log") == [(0,)]


async def test_another_trade_for_a_paid_payment_is_not_taken_for_the_first(
    world: World, ann: Shopper
) -> None:
    order = await ann.ordered()
    await world.pay(order)
    before = world.everything()
    fields = world.alipay.notify(order["number"], "108.00", trade_no="another")

    assert await world.notify(fields) == "fail"
    assert world.everything() == before
    assert world.rows(VERDICTS) == [("paid",), ("another_trade",)]


async def test_a_notify_after_the_refund_moves_nothing_back(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.market.refuses["settle"] = (409, "team_closed")
    await world.pay(order)
    await world.service.drain()
    await world.service.drain()

    assert (await ann.see(order["number"]))["status"] == "refunded"
    assert await world.pay(order) == "success"
    assert (await ann.see(order["number"]))["status"] == "refunded"
    assert world.rows("SELECT count(*) FROM refund") == [(1,)]


async def test_ten_at_once_pay_once(world: World, ann: Shopper, mall_database: str) -> None:
    order = await ann.ordered()
    receipt = Receipt(
        payment_number=order["number"], gateway_trade_no="t1", amount_fen=108_00, paid_at=world.clock.now
    )
    jobs = Jobs(some_settings(mall_database).database_url)
    async with build_pool(mall_database, size=10) as pool:
        await pool.resize(10, 10)
        await pool.wait()
        together = asyncio.Barrier(10)

        async def pay() -> Verdict:
            async with transaction(pool) as connection:
                await (await connection.execute("SELECT 1")).fetchone()
                await together.wait()
                return await apply_payment(
                    connection, jobs, receipt, told_by=ToldBy.QUERY, now=world.clock.now
                )

        verdicts = await asyncio.gather(*(pay() for _ in range(10)))

    assert sorted(verdicts) == ["paid"] + ["repeated"] * 9
    assert len(world.rows(JOBS)) == 1


async def test_a_closing_and_a_payment_at_once_leave_no_money_behind(
    world: World, ann: Shopper, mall_database: str
) -> None:
    jobs = Jobs(mall_database)
    async with build_pool(mall_database, size=4) as pool:
        for _ in range(10):
            order = await ann.ordered()
            receipt = Receipt(
                payment_number=order["number"],
                gateway_trade_no=order["number"],
                amount_fen=108_00,
                paid_at=world.clock.now,
            )

            async def pay(receipt: Receipt = receipt) -> None:
                async with transaction(pool) as connection:
                    await apply_payment(connection, jobs, receipt, told_by=ToldBy.QUERY, now=world.clock.now)

            async def give_up(number: str = order["number"]) -> None:
                async with transaction(pool) as connection:
                    held = await store_order.hold(connection, number)
                    payment = await store_payment.hold(connection, number)
                    if held.status == "awaiting_payment":
                        held.close(now=world.clock.now)
                        payment.close()
                        await store_order.save(connection, held)
                        await store_payment.save(connection, payment)

            await asyncio.gather(pay(), give_up())

    ends = world.rows(
        "SELECT o.status, count(r.number) FROM mall_order o LEFT JOIN refund r ON order_number = o.number"
        " GROUP BY o.number ORDER BY o.status"
    )
    assert set(ends) <= {("paid", 0), ("refunding", 1)}
    assert len(ends) == 10
