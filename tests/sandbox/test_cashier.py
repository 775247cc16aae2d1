"""A buyer at the cashier: what exists when, what may be paid, and how one comes back to the shop."""

import asyncio
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from sandbox_builders import (
    BOB,
    JSON,
    LINKS,
    PAGE_PAY,
    RETURN_URL,
    WAP_PAY,
    Merchant,
    canonical,
    controls,
    pay_content,
    query_of,
    require_signature,
)

HTML = {"accept": "text/html"}


async def test_the_trade_exists_only_once_a_buyer_has_signed_in(merchant: Merchant) -> None:
    cashier = await merchant.open()
    before = [await merchant.query(), await merchant.close()]
    await merchant.sign_in(cashier)
    after = await merchant.query()

    assert before[0] == {
        "code": "40004",
        "msg": "Business Failed",
        "sub_code": "ACQ.TRADE_NOT_EXIST",
        "sub_msg": "交易不存在",
        "buyer_pay_amount": "0.00",
        "invoice_amount": "0.00",
        "out_trade_no": "T1",
        "point_amount": "0.00",
        "receipt_amount": "0.00",
    }
    assert before[1]["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert (after["code"], after["trade_status"]) == ("10000", "WAIT_BUYER_PAY")
    assert (after["total_amount"], after["receipt_amount"]) == ("88.00", "0.00")
    assert after["buyer_logon_id"] == "csq***@sandbox.com"
    assert "send_pay_date" not in after


async def test_a_payment_is_seen_by_the_query(merchant: Merchant) -> None:
    await merchant.buy()

    found = await merchant.query()

    assert found["trade_status"] == "TRADE_SUCCESS"
    assert found["send_pay_date"] == "2026-11-22 18:00:00"
    assert (found["total_amount"], found["buyer_pay_amount"]) == ("88.00", "88.00")
    assert found["fund_bill_list"] == [{"amount": "88.00", "fund_channel": "ALIPAYACCOUNT"}]
    assert found["trade_no"].startswith("2026112222001")
    assert len(found["trade_no"]) == 28
    by_trade_no = await merchant.call("alipay.trade.query", {"trade_no": found["trade_no"]})
    assert by_trade_no == found


async def test_without_javascript_a_browser_signs_in_pays_and_is_sent_back(merchant: Merchant) -> None:
    cashier = await merchant.open()
    first = await merchant.http.get(cashier, headers=HTML)
    signed_in = await merchant.http.post(
        f"{cashier}/sign-in", data={"buyer": BOB}, headers=HTML, follow_redirects=True
    )
    wrong = await merchant.http.post(f"{cashier}/pay", data={"password": "123456"}, headers=HTML)
    paid = await merchant.http.post(
        f"{cashier}/pay", data={"password": "111111"}, headers=HTML, follow_redirects=True
    )

    assert list(controls(first.text)) == ["buyer-sign-in", "cancel"]
    assert list(controls(signed_in.text)) == ["pay-password", "pay", "cancel"]
    assert (wrong.status_code, "支付密码不正确" in wrong.text) == (422, True)
    assert list(controls(paid.text)) == ["paid", "return-now"]
    assert f'http-equiv="refresh" content="3;url={RETURN_URL}?charset=utf-8' in paid.text
    assert [len(answer.history) for answer in (signed_in, paid)] == [1, 1]
    for page in (first, signed_in, wrong, paid):
        assert "沙箱" in page.text
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'nonce-")
        assert "unsafe" not in policy


async def test_the_page_escapes_what_the_merchant_wrote(merchant: Merchant) -> None:
    cashier = await merchant.open(subject="<script>alert(1)</script>")

    page = await merchant.http.get(cashier, headers=HTML)

    assert "<script>alert(1)" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


@pytest.mark.parametrize("method", [PAGE_PAY, WAP_PAY])
async def test_the_way_back_is_signed_and_says_nothing_about_payment(merchant: Merchant, method: str) -> None:
    cashier = await merchant.buy(method)
    trade_no = (await merchant.query())["trade_no"]

    link = (await merchant.http.get(cashier, headers=JSON)).json()["return_to"]

    params = query_of(link)
    assert link.startswith(f"{RETURN_URL}?")
    require_signature(merchant.alipay_key, canonical(params, "sign", "sign_type"), params.pop("sign"))
    assert params == {
        "charset": "utf-8",
        "out_trade_no": "T1",
        "method": f"{method}.return",
        "total_amount": "88.00",
        "trade_no": trade_no,
        "auth_app_id": "9021000136624944",
        "version": "1.0",
        "app_id": "9021000136624944",
        "sign_type": "RSA2",
        "seller_id": "2088102146225135",
        "timestamp": "2026-11-22 18:00:00",
    }


async def test_a_return_address_with_a_query_keeps_it(merchant: Merchant) -> None:
    cashier = await merchant.buy(links=LINKS | {"return_url": "http://shop.test/back?order=1"})

    link = (await merchant.http.get(cashier, headers=JSON)).json()["return_to"]

    assert urlsplit(link).query.startswith("order=1&charset=utf-8&")


async def test_the_cashier_opens_again_for_the_same_trade_only(merchant: Merchant) -> None:
    first = await merchant.open()
    await merchant.sign_in(first)
    again = await merchant.open()
    await merchant.sign_in(again)
    dearer = await merchant.send(merchant.params(PAGE_PAY, pay_content(total_amount="99.00"), **LINKS))
    await merchant.pay(again)
    after = await merchant.send(merchant.params(PAGE_PAY, pay_content(), **LINKS))

    assert "ACQ.CONTEXT_INCONSISTENT" in dearer.text
    assert "ACQ.TRADE_HAS_SUCCESS" in after.text
    assert len((await merchant.http.get("/admin/trades")).json()["items"]) == 1


async def test_of_two_open_cashiers_for_different_amounts_the_first_to_sign_in_wins(
    merchant: Merchant,
) -> None:
    cheap, dear = await merchant.open(total_amount="1.00"), await merchant.open(total_amount="88.00")
    await merchant.sign_in(cheap)

    late = await merchant.sign_in(dear)

    assert (late.status_code, late.json()["detail"]) == (409, "交易信息被篡改")
    assert (await merchant.query())["total_amount"] == "1.00"


async def test_a_trade_belongs_to_the_buyer_who_signed_in_first(merchant: Merchant) -> None:
    await merchant.sign_in(await merchant.open())
    other = await merchant.open()

    refused = await merchant.sign_in(other, BOB)

    assert (refused.status_code, refused.json()["detail"]) == (409, "交易买家不匹配")
    assert (await merchant.pay(other)).json()["code"] == "not_signed_in"
    assert (await merchant.query())["trade_status"] == "WAIT_BUYER_PAY"


async def test_paying_twice_is_paying_once(merchant: Merchant) -> None:
    cashier = await merchant.buy()

    again = await merchant.pay(cashier)
    await merchant.service.drain()

    assert again.json()["status"] == "paid"
    assert len(merchant.shop.heard) == 1


async def test_five_tabs_sign_in_and_pay_at_the_same_moment(merchant: Merchant) -> None:
    cashiers = [await merchant.open() for _ in range(5)]

    signed_in = await asyncio.gather(*(merchant.sign_in(cashier) for cashier in cashiers))
    paid = await asyncio.gather(*(merchant.pay(cashier) for cashier in cashiers))
    await merchant.service.drain()

    assert [answer.json()["status"] for answer in (*signed_in, *paid)] == ["signed_in"] * 5 + ["paid"] * 5
    assert len((await merchant.http.get("/admin/trades")).json()["items"]) == 1
    assert len(merchant.shop.heard) == 1


async def test_a_wrong_password_pays_nothing(merchant: Merchant) -> None:
    cashier = await merchant.open()
    await merchant.sign_in(cashier)

    refused = await merchant.pay(cashier, "000000")

    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_password")
    assert (await merchant.query())["trade_status"] == "WAIT_BUYER_PAY"


async def test_walking_away_leaves_the_trade_open(merchant: Merchant) -> None:
    cashier = await merchant.open(WAP_PAY, quit_url="http://shop.test/orders/1")
    await merchant.sign_in(cashier)

    page = await merchant.http.post(f"{cashier}/cancel", headers=HTML)

    assert "您已放弃付款" in page.text
    assert 'href="http://shop.test/orders/1"' in page.text
    assert (await merchant.query())["trade_status"] == "WAIT_BUYER_PAY"


async def test_a_closed_trade_cannot_be_paid_or_closed_or_opened_again(merchant: Merchant) -> None:
    cashier = await merchant.open()
    await merchant.sign_in(cashier)
    closed = await merchant.close()

    paid = await merchant.pay(cashier)
    again = await merchant.close()
    opened = await merchant.send(merchant.params(PAGE_PAY, pay_content(), **LINKS))

    assert (closed["code"], closed["out_trade_no"]) == ("10000", "T1")
    assert (paid.status_code, paid.json()["detail"]) == (409, "交易已经关闭")
    assert again["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert "ACQ.TRADE_HAS_CLOSE" in opened.text
    assert (await merchant.query())["trade_status"] == "TRADE_CLOSED"


async def test_a_paid_trade_cannot_be_closed(merchant: Merchant) -> None:
    await merchant.buy()

    refused = await merchant.close()

    assert refused["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert (await merchant.query())["trade_status"] == "TRADE_SUCCESS"


async def test_when_its_time_is_up_a_trade_is_closed_before_anybody_writes_it_down(
    merchant: Merchant,
) -> None:
    cashier = await merchant.open()
    await merchant.sign_in(cashier)
    merchant.time.pass_(minutes=15)

    paid = await merchant.pay(cashier)
    page = await merchant.http.get(cashier, headers=HTML)
    queried = await merchant.query()
    await merchant.service.drain()

    assert (paid.status_code, paid.json()["detail"]) == (409, "交易已经关闭")
    assert "交易已关闭" in page.text
    assert queried["trade_status"] == "TRADE_CLOSED"
    [trade] = (await merchant.http.get("/admin/trades")).json()["items"]
    assert (trade["status"], trade["paid_at"]) == ("TRADE_CLOSED", None)
    assert datetime.fromisoformat(trade["closed_at"]) == merchant.time()


async def test_a_cashier_nobody_signed_in_to_opens_no_trade_after_its_time(merchant: Merchant) -> None:
    cashier = await merchant.open()
    merchant.time.pass_(minutes=15)

    refused = await merchant.sign_in(cashier)

    assert (refused.status_code, refused.json()["detail"]) == (409, "交易已经关闭")
    assert (await merchant.query())["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_a_cashier_that_is_not_there_is_a_page_for_people_and_a_problem_for_programs(
    merchant: Merchant,
) -> None:
    page = await merchant.http.get("/cashier/NOWHERE", headers=HTML)
    problem = await merchant.http.get("/cashier/NOWHERE", headers=JSON)
    nonsense = await merchant.http.get("/cashier/%00", headers=JSON)

    assert (page.status_code, "没有这个收银台" in page.text) == (404, True)
    assert (problem.status_code, problem.json()["code"]) == (404, "not_found")
    assert nonsense.status_code == 422
