"""Money going back: once for each request number, never more than was paid."""

import asyncio

import pytest
from sandbox_builders import PAGE_PAY, WAP_PAY, Merchant

REFUND_QUERY = "alipay.trade.fastpay.refund.query"


async def test_a_refund_adds_up_and_a_repeat_moves_nothing(merchant: Merchant) -> None:
    await merchant.buy()

    first = await merchant.refund("30.00", "R1", refund_reason="拼团失败")
    repeat = await merchant.refund("30.00", "R1")
    rest = await merchant.refund("58.00", "R2")

    assert [(one["code"], one["fund_change"], one["refund_fee"]) for one in (first, repeat, rest)] == [
        ("10000", "Y", "30.00"),
        ("10000", "N", "30.00"),
        ("10000", "Y", "88.00"),
    ]
    assert first["gmt_refund_pay"] == "2026-11-22 18:00:00"
    assert (await merchant.query())["trade_status"] == "TRADE_CLOSED"


async def test_a_whole_refund_can_be_repeated_after_it_closed_the_trade(merchant: Merchant) -> None:
    await merchant.buy()

    answers = [await merchant.refund("88.00", "R1") for _ in range(2)]

    assert [(one["code"], one["fund_change"], one["refund_fee"]) for one in answers] == [
        ("10000", "Y", "88.00"),
        ("10000", "N", "88.00"),
    ]


async def test_the_same_refund_asked_five_times_at_once_moves_money_once(merchant: Merchant) -> None:
    await merchant.buy()

    answers = await asyncio.gather(*(merchant.refund("30.00", "R1") for _ in range(5)))

    assert sorted(one["fund_change"] for one in answers) == ["N", "N", "N", "N", "Y"]
    assert {one["refund_fee"] for one in answers} == {"30.00"}


@pytest.mark.parametrize(
    ("amount", "number", "sub_code"),
    [
        ("58.01", "R2", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
        ("31.00", "R1", "ACQ.DISCORDANT_REPEAT_REQUEST"),
        ("10.00", None, "ACQ.INVALID_PARAMETER"),
        ("0.00", "R2", "ACQ.INVALID_PARAMETER"),
        ("-1.00", "R2", "ACQ.INVALID_PARAMETER"),
    ],
)
async def test_a_refund_that_is_refused_moves_nothing(
    merchant: Merchant, amount: str, number: str | None, sub_code: str
) -> None:
    await merchant.buy()
    await merchant.refund("30.00", "R1")

    refused = await merchant.refund(amount, number)

    assert (refused["code"], refused["sub_code"]) == ("40004", sub_code)
    [trade] = (await merchant.http.get("/admin/trades")).json()["items"]
    assert (trade["refunded_fen"], trade["status"]) == (3000, "TRADE_SUCCESS")


async def test_without_a_number_the_whole_is_refunded_under_the_merchants_own(merchant: Merchant) -> None:
    await merchant.buy()

    done = await merchant.refund("88.00", None)
    found = await merchant.call(REFUND_QUERY, {"out_trade_no": "T1", "out_request_no": "T1"})

    assert done["fund_change"] == "Y"
    assert found["refund_status"] == "REFUND_SUCCESS"


async def test_what_is_not_paid_cannot_be_refunded(merchant: Merchant) -> None:
    nothing = await merchant.refund("88.00")
    cashier = await merchant.open()
    await merchant.sign_in(cashier)
    unpaid = await merchant.refund("88.00")
    await merchant.close()
    closed = await merchant.refund("88.00")

    assert [one["sub_code"] for one in (nothing, unpaid, closed)] == [
        "ACQ.TRADE_NOT_EXIST",
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.TRADE_HAS_CLOSE",
    ]


async def test_the_refund_query_tells_a_refund_that_arrived_from_one_that_did_not(
    merchant: Merchant,
) -> None:
    await merchant.buy()
    await merchant.refund("30.00", "R1", refund_reason="拼团失败")

    asked = {"out_trade_no": "T1", "out_request_no": "R1"}
    found = await merchant.call(REFUND_QUERY, asked)
    with_time = await merchant.call(REFUND_QUERY, asked | {"query_options": ["gmt_refund_pay"]})
    lost = await merchant.call(REFUND_QUERY, asked | {"out_request_no": "R9"})
    no_trade = await merchant.call(REFUND_QUERY, asked | {"out_trade_no": "T9"})

    assert found == {
        "code": "10000",
        "msg": "Success",
        "trade_no": (await merchant.query())["trade_no"],
        "out_trade_no": "T1",
        "out_request_no": "R1",
        "refund_reason": "拼团失败",
        "total_amount": "88.00",
        "refund_amount": "30.00",
        "refund_status": "REFUND_SUCCESS",
    }
    assert with_time == found | {"gmt_refund_pay": "2026-11-22 18:00:00"}
    assert lost == {"code": "10000", "msg": "Success"}
    assert no_trade["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_a_partial_refund_is_notified_to_the_payments_own_address(merchant: Merchant) -> None:
    await merchant.buy()
    await merchant.service.drain()
    await merchant.refund("30.00", "R1")
    await merchant.refund("30.00", "R1")
    await merchant.service.drain()

    paid, refunded = merchant.shop.heard
    assert "refund_fee" not in paid
    assert refunded["trade_status"] == "TRADE_SUCCESS"
    assert (refunded["refund_fee"], refunded["out_biz_no"]) == ("30.00", "R1")
    assert refunded["gmt_refund"] == "2026-11-22 18:00:00.000"
    assert refunded["notify_id"] != paid["notify_id"]


@pytest.mark.parametrize(("method", "told"), [(PAGE_PAY, []), (WAP_PAY, [("TRADE_CLOSED", "88.00")])])
async def test_a_whole_refund_closes_the_trade_and_only_the_mobile_product_tells(
    merchant: Merchant, method: str, told: list[tuple[str, str]]
) -> None:
    await merchant.buy(method)
    await merchant.service.drain()
    await merchant.refund("88.00")
    await merchant.service.drain()

    assert [(heard["trade_status"], heard["refund_fee"]) for heard in merchant.shop.heard[1:]] == told
