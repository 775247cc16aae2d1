"""WeChat Pay gives money back: all or parts of it, each number once, and not before it takes a moment."""

import asyncio
from typing import Any

import pytest

from sandbox_pay_client import PayClient, wall


async def test_a_refund_is_accepted_and_succeeds_a_little_later(pay: PayClient) -> None:
    await pay.buy()
    said = await pay.refund()
    assert (said["status"], said["amount"]["refund"], said["out_refund_no"]) == (
        "PROCESSING",
        88_00,
        "R00001",
    )
    assert await pay.refund() == said
    assert (await pay.query())["trade_state"] == "REFUND"

    pay.time.pass_(seconds=2)
    later = await pay.refund_query()
    assert (later["status"], later["success_time"]) == ("SUCCESS", wall(pay.time()))
    assert (await pay.refund())["status"] == "SUCCESS"


async def test_a_refund_asked_for_many_times_at_once_is_made_once(pay: PayClient) -> None:
    await pay.buy()
    part = {"refund": 50_00, "total": 88_00, "currency": "CNY"}
    said = await asyncio.gather(*(pay.refund(amount=part) for _ in range(5)))

    assert len({one["refund_id"] for one in said}) == 1
    rest = {"refund": 38_00, "total": 88_00, "currency": "CNY"}
    assert (await pay.refund(out_refund_no="R00002", amount=rest))["status"] == "PROCESSING"


async def test_ordered_many_times_at_once_it_is_one_order(pay: PayClient) -> None:
    said = await asyncio.gather(*(pay.order() for _ in range(5)))
    assert len({one["code_url"] for one in said}) == 1


async def test_parts_go_back_until_all_has_gone(pay: PayClient) -> None:
    await pay.buy()
    for number, fen in (("R00001", 30_00), ("R00002", 58_00)):
        await pay.refund(out_refund_no=number, amount={"refund": fen, "total": 88_00, "currency": "CNY"})
    over = {"refund": 1, "total": 88_00, "currency": "CNY"}

    assert (await pay.refund(status=400, out_refund_no="R00003", amount=over))["code"] == "INVALID_REQUEST"
    assert (await pay.refund_query("R00003", status=404))["code"] == "RESOURCE_NOT_EXISTS"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"out_trade_no": "T00009"}, 404, "ORDER_NOT_EXIST"),
        ({"out_trade_no": None}, 400, "PARAM_ERROR"),
        ({"out_refund_no": "R" * 65}, 400, "PARAM_ERROR"),
        ({"amount": {"refund": 88_00, "total": 99_00, "currency": "CNY"}}, 400, "INVALID_REQUEST"),
        ({"amount": {"refund": 89_00, "total": 88_00, "currency": "CNY"}}, 400, "INVALID_REQUEST"),
    ],
)
async def test_a_refund_that_cannot_be_is_refused(
    pay: PayClient, change: dict[str, Any], status: int, code: str
) -> None:
    await pay.buy()
    assert (await pay.refund(status=status, **change))["code"] == code
    assert (await pay.query())["trade_state"] == "SUCCESS"


async def test_what_was_not_paid_is_not_refunded(pay: PayClient) -> None:
    await pay.order()
    assert (await pay.refund(status=400))["code"] == "INVALID_REQUEST"


async def test_one_number_refunds_one_thing(pay: PayClient) -> None:
    await pay.buy()
    await pay.buy(out_trade_no="T00002")
    await pay.refund()
    other = {"refund": 1, "total": 88_00, "currency": "CNY"}

    assert (await pay.refund(status=400, amount=other))["code"] == "INVALID_REQUEST"
    assert (await pay.refund(status=400, out_trade_no="T00002"))["code"] == "INVALID_REQUEST"
    assert (await pay.query("T00002"))["trade_state"] == "SUCCESS"
