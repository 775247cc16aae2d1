"""What the merchant is told, how often, and when the sandbox stops telling."""

import asyncio
import json

import httpx
import pytest
from sandbox_builders import (
    LINKS,
    PAGE_PAY,
    WAP_PAY,
    Merchant,
    Shop,
    Time,
    canonical,
    require_signature,
)
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tuan.sandbox.app import build
from tuan.sandbox.config import SandboxSettings

MINUTES_BETWEEN = [4, 10, 10, 60, 120, 360, 900]


class SlowShop:
    """Says when it is reached, and answers when it may."""

    def __init__(self) -> None:
        self.reached, self.may_answer, self.count = asyncio.Event(), asyncio.Event(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.count += 1
        self.reached.set()
        await self.may_answer.wait()
        await PlainTextResponse("success")(scope, receive, send)


async def test_a_payment_is_notified_with_everything_a_merchant_must_check(merchant: Merchant) -> None:
    await merchant.buy(passback_params="a%3D1", body="一件")
    merchant.time.pass_(seconds=1)
    await merchant.service.drain()

    [heard] = merchant.shop.heard
    trade = await merchant.query()
    require_signature(merchant.alipay_key, canonical(heard, "sign", "sign_type"), heard.pop("sign"))
    assert merchant.shop.content_types == ["application/x-www-form-urlencoded; charset=utf-8"]
    assert heard.pop("notify_id")[:19] == "2026112200222180000"
    assert json.loads(heard.pop("fund_bill_list")) == [{"amount": "88.00", "fundChannel": "ALIPAYACCOUNT"}]
    assert heard == {
        "notify_time": "2026-11-22 18:00:01",
        "notify_type": "trade_status_sync",
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "app_id": "9021000136624944",
        "auth_app_id": "9021000136624944",
        "trade_no": trade["trade_no"],
        "out_trade_no": "T1",
        "buyer_id": trade["buyer_user_id"],
        "buyer_logon_id": "csq***@sandbox.com",
        "seller_id": "2088102146225135",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "88.00",
        "receipt_amount": "88.00",
        "invoice_amount": "88.00",
        "buyer_pay_amount": "88.00",
        "point_amount": "0.00",
        "subject": '拼团 商品 "A"&B',
        "body": "一件",
        "passback_params": "a%3D1",
        "gmt_create": "2026-11-22 18:00:00",
        "gmt_payment": "2026-11-22 18:00:00",
    }


async def test_a_merchant_that_never_says_success_hears_eight_times_on_the_real_ladder(
    merchant: Merchant,
) -> None:
    merchant.shop.answers = [(200, "fail")] * 20
    await merchant.buy()

    await merchant.service.drain()
    for count, minutes in enumerate(MINUTES_BETWEEN, start=1):
        merchant.time.pass_(minutes=minutes, seconds=-1)
        await merchant.service.drain()
        assert len(merchant.shop.heard) == count
        merchant.time.pass_(seconds=1)
        await merchant.service.drain()
        assert len(merchant.shop.heard) == count + 1
    merchant.time.pass_(days=30)
    await merchant.service.drain()

    assert len(merchant.shop.heard) == 8
    assert len({heard["notify_id"] for heard in merchant.shop.heard}) == 1
    assert len({heard["notify_time"] for heard in merchant.shop.heard}) == 8
    assert len({heard["sign"] for heard in merchant.shop.heard}) == 8
    assert [attempt for attempt, _, _ in await merchant.deliveries()] == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, "success\n"), (200, "SUCCESS"), (200, ""), (200, "fail"), (302, "success"), (500, "success")],
)
async def test_only_success_itself_ends_the_ladder(merchant: Merchant, status: int, body: str) -> None:
    merchant.shop.answers = [(status, body), (200, "success")]
    await merchant.buy()

    await merchant.service.drain()
    merchant.time.pass_(days=1)
    await merchant.service.drain()
    merchant.time.pass_(days=1)
    await merchant.service.drain()

    assert await merchant.deliveries() == [(1, status, body), (2, 200, "success")]


async def test_a_scale_shortens_every_gap(
    settings: SandboxSettings, time: Time, shop: Shop, merchant: Merchant
) -> None:
    quick = settings.model_copy(update={"notify_time_scale": 1 / 60})
    service = build(quick, clock=time, transport=httpx.ASGITransport(app=shop))
    shop.answers = [(200, "fail")]
    await merchant.buy()

    async with service.opened():
        await service.drain()
        time.pass_(seconds=3.9)
        await service.drain()
        assert len(shop.heard) == 1
        time.pass_(seconds=0.1)
        await service.drain()
    assert len(shop.heard) == 2


async def test_what_is_owed_survives_the_process(
    settings: SandboxSettings, time: Time, shop: Shop, merchant: Merchant
) -> None:
    await merchant.buy()

    async with (
        next_process := build(settings, clock=time, transport=httpx.ASGITransport(app=shop))
    ).opened():
        await next_process.drain()

    assert [heard["out_trade_no"] for heard in shop.heard] == ["T1"]


async def test_two_processes_tell_the_merchant_once(
    settings: SandboxSettings, time: Time, shop: Shop, merchant: Merchant
) -> None:
    numbers = [f"T{number}" for number in range(30)]
    for number in numbers:
        await merchant.buy(out_trade_no=number)
    services = [build(settings, clock=time, transport=httpx.ASGITransport(app=shop)) for _ in range(2)]

    async with services[0].opened(), services[1].opened():
        await asyncio.gather(*(service.drain() for service in services))

    assert sorted(heard["out_trade_no"] for heard in shop.heard) == sorted(numbers)


async def test_what_one_process_is_sending_no_other_sends(
    settings: SandboxSettings, time: Time, merchant: Merchant
) -> None:
    slow = SlowShop()
    services = [build(settings, clock=time, transport=httpx.ASGITransport(app=slow)) for _ in range(2)]
    await merchant.buy()

    async with services[0].opened(), services[1].opened():
        sending = asyncio.ensure_future(services[0].drain())
        await asyncio.wait_for(slow.reached.wait(), 5)
        await services[1].drain()
        slow.may_answer.set()
        await sending

    assert await merchant.deliveries() == [(1, 200, "success")]


async def test_a_merchant_that_cannot_be_reached_is_recorded_and_tried_again(
    settings: SandboxSettings, time: Time, merchant: Merchant
) -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    await merchant.buy()
    async with (service := build(settings, clock=time, transport=httpx.MockTransport(away))).opened():
        await service.drain()
    time.pass_(minutes=4)
    await merchant.service.drain()

    assert await merchant.deliveries() == [(1, None, "ConnectError"), (2, 200, "success")]


async def test_a_notify_leaves_at_once_even_while_the_merchant_is_slow_to_answer_another(
    settings: SandboxSettings, time: Time, merchant: Merchant
) -> None:
    slow = SlowShop()
    service = build(settings, clock=time, transport=httpx.ASGITransport(app=slow))
    await merchant.buy(out_trade_no="T1")

    async with service.opened():
        working = asyncio.ensure_future(service.work())
        await asyncio.wait_for(slow.reached.wait(), 5)
        slow.reached.clear()
        await merchant.buy(out_trade_no="T2")
        await asyncio.wait_for(slow.reached.wait(), 5)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    assert slow.count == 2


async def test_by_hand_an_acknowledged_notify_goes_out_once_more(merchant: Merchant) -> None:
    await merchant.buy()
    await merchant.service.drain()
    [notify_id] = [heard["notify_id"] for heard in merchant.shop.heard]
    merchant.shop.answers = [(500, "")]

    pressed = await merchant.http.post(f"/admin/notifies/{notify_id}/resend")
    unknown = await merchant.http.post("/admin/notifies/0/resend")
    await merchant.service.drain()
    merchant.time.pass_(days=2)
    await merchant.service.drain()

    assert (pressed.status_code, unknown.status_code) == (303, 404)
    assert [heard["notify_id"] for heard in merchant.shop.heard] == [notify_id] * 2
    assert await merchant.deliveries() == [(1, 200, "success"), (2, 500, "")]


@pytest.mark.parametrize(("method", "told"), [(PAGE_PAY, []), (WAP_PAY, ["TRADE_CLOSED"])])
async def test_only_the_mobile_product_tells_of_a_trade_whose_time_is_up(
    merchant: Merchant, method: str, told: list[str]
) -> None:
    await merchant.sign_in(await merchant.open(method))
    merchant.time.pass_(minutes=15)

    await merchant.service.drain()
    await merchant.service.drain()

    assert [heard["trade_status"] for heard in merchant.shop.heard] == told
    assert all("refund_fee" not in heard and "gmt_payment" not in heard for heard in merchant.shop.heard)


@pytest.mark.parametrize(("method", "told"), [(PAGE_PAY, []), (WAP_PAY, ["TRADE_CLOSED"])])
async def test_only_the_mobile_product_tells_of_a_trade_the_merchant_closed(
    merchant: Merchant, method: str, told: list[str]
) -> None:
    await merchant.sign_in(await merchant.open(method))
    await merchant.close()

    await merchant.service.drain()

    assert [heard["trade_status"] for heard in merchant.shop.heard] == told


async def test_without_a_notify_address_nobody_is_told(merchant: Merchant) -> None:
    await merchant.buy(links={"return_url": LINKS["return_url"]})

    await merchant.service.drain()

    assert merchant.shop.heard == []
    assert (await merchant.query())["trade_status"] == "TRADE_SUCCESS"
