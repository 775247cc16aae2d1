"""A day's bill of WeChat Pay: what it shows, and how one gets it."""

import gzip
import hashlib
from typing import Any

import pytest
from sandbox_builders import PUBLIC_URL, Merchant

from sandbox_pay_client import PayClient

DAY = "2026-11-22"


async def bill(pay: PayClient, query: str = f"bill_date={DAY}&bill_type=ALL", *, status: int = 200) -> Any:
    return await pay.ask("GET", f"/v3/bill/tradebill?{query}", status=status)


async def file_of(pay: PayClient, said: dict[str, str]) -> bytes:
    url = said["download_url"].removeprefix(f"{PUBLIC_URL}/wechatpay")
    answer = await pay.send("GET", url)
    assert answer.status_code == 200, answer.text
    assert "wechatpay-signature" not in answer.headers
    return answer.content


async def a_day(pay: PayClient) -> None:
    """Two payments, one given back in part, one order nobody paid."""
    await pay.buy()
    await pay.buy(out_trade_no="T00002", description='茶,"好"\n', amount={"total": 1, "currency": "CNY"})
    await pay.order(out_trade_no="T00003")
    pay.time.pass_(hours=1)
    await pay.refund(amount={"refund": 30_00, "total": 88_00, "currency": "CNY"})
    pay.time.pass_(hours=24)


def rows_of(file: bytes) -> tuple[list[dict[str, str]], dict[str, str]]:
    text = file.decode("utf-8-sig")
    header, *rows, summary_header, summary = text.splitlines()
    assert all(row.startswith("`") for row in (*rows, summary))
    named = [dict(zip(header.split(","), row[1:].split(",`"), strict=True)) for row in rows]
    return named, dict(zip(summary_header.split(","), summary[1:].split(",`"), strict=True))


async def test_every_payment_and_refund_of_the_day_is_a_row(pay: PayClient) -> None:
    await a_day(pay)
    said = await bill(pay)
    file = await file_of(pay, said)
    rows, summary = rows_of(file)

    assert (said["hash_type"], said["hash_value"]) == ("SHA1", hashlib.sha1(file).hexdigest())
    assert [(row["商户订单号"], row["交易状态"], row["订单金额"], row["申请退款金额"]) for row in rows] == [
        ("T00001", "SUCCESS", "88.00", "0.00"),
        ("T00002", "SUCCESS", "0.01", "0.00"),
        ("T00001", "REFUND", "0.00", "30.00"),
    ]
    assert [row["手续费"] for row in rows] == ["0.53000", "0.00000", "-0.18000"]
    assert (rows[1]["商品名称"], rows[0]["交易时间"]) == ('茶,"好"', "2026-11-22 18:00:00")
    assert (rows[2]["商户退款单号"], rows[2]["退款状态"], rows[0]["商户退款单号"]) == (
        "R00001",
        "SUCCESS",
        "0",
    )
    assert summary["总交易单数"] == "3"
    assert (summary["订单总金额"], summary["申请退款总金额"], summary["手续费总金额"]) == (
        "88.01", "30.00", "0.35000",
    )  # fmt: skip


async def test_a_bill_may_be_packed_and_of_one_kind(pay: PayClient) -> None:
    await a_day(pay)
    packed = await bill(pay, f"bill_date={DAY}&bill_type=REFUND&tar_type=GZIP")
    file = gzip.decompress(await file_of(pay, packed))

    assert packed["hash_value"] == hashlib.sha1(file).hexdigest()
    assert [row["交易状态"] for row in rows_of(file)[0]] == ["REFUND"]
    paid = await file_of(pay, await bill(pay, f"bill_date={DAY}&bill_type=SUCCESS"))
    assert [row["交易状态"] for row in rows_of(paid)[0]] == ["SUCCESS", "SUCCESS"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("bill_date=2026-11-23", "STATEMENT_CREATING"),
        ("bill_date=2026-11-22", "STATEMENT_CREATING"),
        ("bill_date=2026-11-20", "NO_STATEMENT_EXIST"),
        ("bill_date=yesterday", "PARAM_ERROR"),
        ("bill_type=ALL", "PARAM_ERROR"),
        (f"bill_date={DAY}&bill_type=SOME", "PARAM_ERROR"),
        (f"bill_date={DAY}&tar_type=ZIP", "PARAM_ERROR"),
    ],
)
async def test_a_bill_that_is_not_there_is_refused(pay: PayClient, query: str, code: str) -> None:
    await pay.buy()
    assert (await bill(pay, query, status=400))["code"] == code


async def test_a_bill_is_ready_at_nine_the_next_morning(pay: PayClient) -> None:
    await pay.buy()
    pay.time.pass_(hours=14, minutes=59)
    assert (await bill(pay, status=400))["code"] == "STATEMENT_CREATING"
    pay.time.pass_(minutes=1)
    assert len(rows_of(await file_of(pay, await bill(pay)))[0]) == 1


async def test_a_link_is_the_merchants_own_and_lasts_five_minutes(pay: PayClient, merchant: Merchant) -> None:
    await a_day(pay)
    url = (await bill(pay))["download_url"].removeprefix(f"{PUBLIC_URL}/wechatpay")

    assert (await merchant.http.get(f"/wechatpay{url}", headers=pay.headers)).status_code == 401
    for forged in (
        url.replace(DAY, "2026-11-21"),
        url[:-1] + "x",
        url.split("=")[0] + "=%E5%A5%BD",
        url.split("?")[0],
    ):
        answer = await pay.send("GET", forged)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    pay.time.pass_(minutes=5)
    assert (await pay.send("GET", url)).status_code == 400
