"""Notifies that leave late, out of turn, or not as they were written; and then as they should."""

import pytest
from cryptography.exceptions import InvalidSignature
from sandbox_builders import APP_ID, SELLER_ID, WAP_PAY, Merchant, canonical, require_signature


def verify(merchant: Merchant, heard: dict[str, str]) -> None:
    """Raises InvalidSignature."""
    require_signature(merchant.alipay_key, canonical(heard, "sign", "sign_type"), heard["sign"])


async def test_one_that_is_lost_comes_with_the_next_try(merchant: Merchant) -> None:
    await merchant.suffer("alipay.notify/lost", about="T1", times=1)
    await merchant.buy()

    await merchant.service.drain()
    nothing = list(merchant.shop.heard)
    merchant.time.pass_(minutes=4)
    await merchant.service.drain()

    assert (nothing, len(merchant.shop.heard)) == ([], 1)
    assert await merchant.deliveries() == [(1, None, "lost"), (2, 200, "success")]


async def test_all_are_lost_until_the_trouble_is_removed(merchant: Merchant) -> None:
    trouble = await merchant.suffer("alipay.notify/lost")
    for number in ("T1", "T2"):
        await merchant.buy(out_trade_no=number)
    await merchant.service.drain()
    await merchant.http.delete(f"/admin/troubles/{trouble}")
    merchant.time.pass_(minutes=4)

    await merchant.service.drain()

    assert sorted(heard["out_trade_no"] for heard in merchant.shop.heard) == ["T1", "T2"]


async def test_a_late_one_leaves_once_its_time_has_come_and_only_its_first_try_is_late(
    merchant: Merchant,
) -> None:
    merchant.shop.answers = [(200, "fail")]
    await merchant.suffer("alipay.notify/late", measure=90)
    await merchant.buy()

    for seconds, count in ((0, 0), (89, 0), (1, 1), (239, 1), (1, 2)):
        merchant.time.pass_(seconds=seconds)
        await merchant.service.drain()
        assert len(merchant.shop.heard) == count

    assert await merchant.troubles() == [("late", None, 1)]
    assert [attempt for attempt, _, _ in await merchant.deliveries()] == [1, 2]


async def test_what_a_trouble_kept_back_leaves_when_the_trouble_is_removed(merchant: Merchant) -> None:
    trouble = await merchant.suffer("alipay.notify/late", measure=3600)
    await merchant.buy()
    await merchant.service.drain()
    page = await merchant.http.get("/")

    await merchant.http.delete(f"/admin/troubles/{trouble}")
    await merchant.service.drain()

    assert "被扣住" in page.text
    assert len(merchant.shop.heard) == 1


async def test_several_copies_arrive_and_one_answer_is_enough(merchant: Merchant) -> None:
    merchant.shop.answers = [(500, "")]
    await merchant.suffer("alipay.notify/repeated", measure=5, times=1)
    await merchant.buy()

    await merchant.service.drain()
    merchant.time.pass_(days=2)
    await merchant.service.drain()

    assert len({heard["sign"] for heard in merchant.shop.heard}) == 1
    assert sorted(await merchant.deliveries(), key=str) == [(1, 200, "success")] * 4 + [(1, 500, "")]


async def test_one_is_overtaken_by_the_next(merchant: Merchant) -> None:
    await merchant.suffer("alipay.notify/overtaken", about="T1", times=1)
    await merchant.buy(WAP_PAY)
    await merchant.service.drain()
    merchant.time.pass_(seconds=1)
    await merchant.refund("88.00")

    await merchant.service.drain()
    merchant.time.pass_(seconds=1)
    await merchant.service.drain()

    assert [heard["trade_status"] for heard in merchant.shop.heard] == ["TRADE_CLOSED", "TRADE_SUCCESS"]
    assert "refund_fee" in merchant.shop.heard[0]
    assert "refund_fee" not in merchant.shop.heard[1]


async def test_one_that_nobody_overtakes_leaves_in_the_end(merchant: Merchant) -> None:
    await merchant.suffer("alipay.notify/overtaken", measure=60)
    await merchant.buy()
    for _ in range(60):
        await merchant.service.drain()
        merchant.time.pass_(seconds=1)
    assert merchant.shop.heard == []

    await merchant.service.drain()

    assert len(merchant.shop.heard) == 1


async def test_nothing_is_told_before_the_merchant_has_asked(merchant: Merchant) -> None:
    await merchant.suffer("alipay.notify/after_query", times=1)
    await merchant.buy()
    merchant.time.pass_(minutes=5)
    await merchant.service.drain()
    before = list(merchant.shop.heard)

    asked = await merchant.query()
    merchant.time.pass_(seconds=1)
    await merchant.service.drain()

    assert (before, asked["trade_status"]) == ([], "TRADE_SUCCESS")
    assert len(merchant.shop.heard) == 1


async def test_a_question_before_the_payment_does_not_count(merchant: Merchant) -> None:
    await merchant.suffer("alipay.notify/after_query")
    cashier = await merchant.open()
    await merchant.sign_in(cashier)
    assert (await merchant.query())["trade_status"] == "WAIT_BUYER_PAY"
    await merchant.pay(cashier)

    await merchant.service.drain()

    assert merchant.shop.heard == []


async def test_a_wrong_signature_does_not_verify_and_the_next_one_does(merchant: Merchant) -> None:
    merchant.shop.answers = [(200, "fail")]
    await merchant.suffer("alipay.notify/wrong_sign", times=1)
    await merchant.buy()

    await merchant.service.drain()
    merchant.time.pass_(minutes=4)
    await merchant.service.drain()

    forged, true = merchant.shop.heard
    with pytest.raises(InvalidSignature):
        verify(merchant, forged)
    verify(merchant, true)


@pytest.mark.parametrize(
    ("kind", "field", "right"),
    [
        ("wrong_amount", "total_amount", "88.00"),
        ("wrong_seller", "seller_id", SELLER_ID),
        ("wrong_app", "app_id", APP_ID),
    ],
)
async def test_a_lie_is_signed_and_the_next_try_tells_the_truth(
    merchant: Merchant, kind: str, field: str, right: str
) -> None:
    merchant.shop.answers = [(200, "fail")]
    await merchant.suffer(f"alipay.notify/{kind}", times=1)
    await merchant.buy()

    await merchant.service.drain()
    merchant.time.pass_(minutes=4)
    await merchant.service.drain()

    lie, truth = merchant.shop.heard
    verify(merchant, lie)
    verify(merchant, truth)
    assert lie[field] != right
    assert truth[field] == right


async def test_the_merchant_is_told_before_the_buyer_sees_that_it_is_paid(merchant: Merchant) -> None:
    await merchant.suffer("alipay.cashier/notify_first", about="T1")
    cashier = await merchant.open()
    await merchant.sign_in(cashier)

    paid = await merchant.pay(cashier)

    assert (paid.json()["status"], len(merchant.shop.heard)) == ("paid", 1)
