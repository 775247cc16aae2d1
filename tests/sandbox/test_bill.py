"""The bill of a day: true unless told otherwise, in the form that Alipay gives it, for half a minute."""

import csv
import io
import zipfile
from typing import Any

import pytest
from sandbox_builders import NOW, SELLER_ID, Merchant

BILL = "alipay.data.dataservice.bill.downloadurl.query"
DAY = "2026-11-22"
PID = f"{SELLER_ID}0156"
NUMBER, KIND, AMOUNT, RECEIVED, REFUND, FEE = 1, 2, 11, 12, 21, 22


async def asked(merchant: Merchant, date: str = DAY, **more: str) -> dict[str, Any]:
    return await merchant.call(BILL, {"bill_type": "trade", "bill_date": date, **more})


async def downloaded(merchant: Merchant, date: str = DAY) -> zipfile.ZipFile:
    answer = await asked(merchant, date)
    assert answer["code"] == "10000", answer
    file = await merchant.http.get(answer["bill_download_url"])
    assert (file.status_code, file.headers["content-type"]) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(file.content))


def lines(archive: zipfile.ZipFile, place: int = 0) -> list[str]:
    return archive.read(archive.infolist()[place]).decode("gbk").split("\r\n")


async def rows(merchant: Merchant, date: str = DAY) -> list[list[str]]:
    """What each row says, without the tabs at the end of numbers."""
    [_, _, _, _, _, *told] = lines(await downloaded(merchant, date))
    read = csv.reader([line for line in told if line and not line.startswith("#")])
    return [[cell.strip() for cell in row] for row in read]


async def a_day(merchant: Merchant) -> None:
    """Two payments, one of them given back in part; then it is ten in the morning after."""
    await merchant.buy()
    merchant.time.pass_(minutes=1)
    await merchant.buy(out_trade_no="T2", total_amount="0.10")
    merchant.time.pass_(minutes=1)
    await merchant.refund("30.00", "R1")
    merchant.time.pass_(hours=16)


async def trouble(merchant: Merchant, **body: object) -> None:
    answer = await merchant.http.post("/admin/bill-troubles", json={"period": DAY} | body)
    assert answer.status_code == 201, answer.text


async def test_a_bill_has_a_row_for_each_payment_and_refund(merchant: Merchant) -> None:
    await a_day(merchant)

    told = [[row[at] for at in (NUMBER, KIND, AMOUNT, RECEIVED, REFUND, FEE)] for row in await rows(merchant)]
    assert told == [
        ["T1", "交易", "88.00", "88.00", "", "-0.53"],
        ["T2", "交易", "0.10", "0.10", "", "0.00"],
        ["T1", "退款", "-30.00", "-30.00", "R1", "0.18"],
    ]


async def test_the_file_is_as_alipay_writes_it(merchant: Merchant) -> None:
    await a_day(merchant)

    archive = await downloaded(merchant)
    members = archive.infolist()
    told = lines(archive)

    assert [one.filename.encode("cp437").decode("gbk") for one in members] == [
        f"{PID}_20261122_业务明细.csv",
        f"{PID}_20261122_业务明细(汇总).csv",
    ]
    assert all(one.flag_bits & 0x800 == 0 for one in members)
    assert told[:4] == [
        "#支付宝业务明细查询",
        f"#账号：[{PID}]",
        "#起始日期：[2026年11月22日 00:00:00]   终止日期：[2026年11月23日 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
    ]
    assert len(told[4].split(",")) == 25
    trade_no = (await merchant.query())["trade_no"]
    assert told[5].startswith(f'{trade_no}\t,T1\t,交易,"拼团 商品 ""A""&B",2026-11-22 18:00:00,')
    assert told[-4:] == [
        "#交易合计：2笔，商家实收共88.10元，商家优惠共0.00元",
        "#退款合计：1笔，商家实收退款共-30.00元，商家优惠退款共0.00元",
        "#导出时间：[2026年11月23日 10:02:00]",
        "",
    ]
    assert "合计,,2,1,58.10,58.10,0.00,0.00,0.00,-0.35,0.00,57.75" in lines(archive, 1)


async def test_a_day_ends_at_midnight_in_beijing(merchant: Merchant) -> None:
    merchant.time.now = NOW.replace(hour=15, minute=59, second=59)
    await merchant.buy(time_expire="2026-11-23 00:30:00")
    merchant.time.pass_(seconds=1)
    await merchant.refund("88.00")
    merchant.time.pass_(days=2)

    assert [row[KIND] for row in await rows(merchant, "2026-11-22")] == ["交易"]
    assert [row[KIND] for row in await rows(merchant, "2026-11-23")] == ["退款"]


async def test_a_month_is_billed_from_the_third_of_the_next(merchant: Merchant) -> None:
    await a_day(merchant)
    merchant.time.now = NOW.replace(month=12, day=2, hour=15, minute=59)
    too_early = await asked(merchant, "2026-11")
    merchant.time.pass_(minutes=1)

    assert too_early["sub_code"] == "BILL_NOT_EXIST"
    assert [row[NUMBER] for row in await rows(merchant, "2026-11")] == ["T1", "T2", "T1"]


async def test_a_day_without_business_has_a_file_that_says_so(merchant: Merchant) -> None:
    merchant.time.pass_(days=1)

    answer = await asked(merchant)

    assert answer["bill_file_code"] == "EMPTY_DATA_WITH_BILL_FILE"
    assert await rows(merchant) == []


async def test_what_was_never_paid_is_not_billed(merchant: Merchant) -> None:
    await merchant.sign_in(await merchant.open())
    await merchant.close()
    merchant.time.pass_(days=1)

    assert await rows(merchant) == []


@pytest.mark.parametrize(
    ("content", "sub_code"),
    [
        ({"bill_type": "trade", "bill_date": "2026-11-23"}, "BILL_NOT_EXIST"),
        ({"bill_type": "trade", "bill_date": "2027-01-01"}, "BILL_NOT_EXIST"),
        ({"bill_type": "trade", "bill_date": "2026-11"}, "BILL_NOT_EXIST"),
        ({"bill_type": "trade", "bill_date": "2026-11-31"}, "INVAILID_ARGUMENTS"),
        ({"bill_type": "trade", "bill_date": "2026-13"}, "INVAILID_ARGUMENTS"),
        ({"bill_type": "trade", "bill_date": "20261122"}, "INVAILID_ARGUMENTS"),
        ({"bill_type": "trade", "bill_date": "2019-12-31"}, "INVAILID_ARGUMENTS"),
        ({"bill_type": "dreams", "bill_date": DAY}, "INVAILID_ARGUMENTS"),
        ({"bill_type": "signcustomer", "bill_date": DAY}, "TYPE_NOT_SUPPORTED"),
        ({"bill_type": "trade"}, "ACQ.INVALID_PARAMETER"),
    ],
)
async def test_what_cannot_be_billed_is_declined(
    merchant: Merchant, content: dict[str, str], sub_code: str
) -> None:
    merchant.time.pass_(days=1)

    answer = await merchant.call(BILL, content)

    assert (answer["code"], answer["sub_code"]) == ("40004", sub_code)


async def test_yesterday_is_billed_from_nine_in_the_morning(merchant: Merchant) -> None:
    merchant.time.now = NOW.replace(day=23, hour=0, minute=59, second=59)
    early = await asked(merchant)
    merchant.time.pass_(seconds=1)

    assert [early.get("sub_code"), (await asked(merchant))["code"]] == ["BILL_NOT_EXIST", "10000"]


async def test_a_link_lasts_half_a_minute(merchant: Merchant) -> None:
    await a_day(merchant)
    link = (await asked(merchant))["bill_download_url"]
    merchant.time.pass_(seconds=29)
    in_time = await merchant.http.get(link)
    merchant.time.pass_(seconds=1)
    too_late = await merchant.http.get(link)

    assert link.startswith("http://sandbox.test/sandbox/bill/")
    assert (in_time.status_code, too_late.status_code) == (200, 404)
    assert "text/html" in too_late.headers["content-type"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"kind": "missing_row", "out_trade_no": "T1"}, [("T2", "0.10", ""), ("T1", "-30.00", "R1")]),
        (
            {"kind": "missing_row", "out_trade_no": "T1", "refund_number": "R1"},
            [("T1", "88.00", ""), ("T2", "0.10", "")],
        ),
        (
            {"kind": "extra_row", "out_trade_no": "X9", "amount_fen": 500},
            [("T1", "88.00", ""), ("T2", "0.10", ""), ("T1", "-30.00", "R1"), ("X9", "5.00", "")],
        ),
        (
            {"kind": "extra_row", "out_trade_no": "T2", "refund_number": "R9", "amount_fen": 5},
            [("T1", "88.00", ""), ("T2", "0.10", ""), ("T1", "-30.00", "R1"), ("T2", "-0.05", "R9")],
        ),
        (
            {"kind": "changed_amount", "out_trade_no": "T1", "refund_number": "R1", "amount_fen": 2999},
            [("T1", "88.00", ""), ("T2", "0.10", ""), ("T1", "-29.99", "R1")],
        ),
        (
            {"kind": "wrong_number", "out_trade_no": "T1", "says": "T9"},
            [("T9", "88.00", ""), ("T2", "0.10", ""), ("T1", "-30.00", "R1")],
        ),
        (
            {"kind": "wrong_number", "out_trade_no": "T1", "refund_number": "R1", "says": "R9"},
            [("T1", "88.00", ""), ("T2", "0.10", ""), ("T1", "-30.00", "R9")],
        ),
    ],
)
async def test_the_next_bill_is_wrong_as_told_and_the_one_after_true(
    merchant: Merchant, body: dict[str, object], says: list[tuple[str, str, str]]
) -> None:
    await a_day(merchant)
    true = await rows(merchant)
    await trouble(merchant, **body)

    wrong, after = await rows(merchant), await rows(merchant)

    assert [(row[NUMBER], row[AMOUNT], row[REFUND]) for row in wrong] == says
    assert after == true


async def test_a_changed_fee_and_two_troubles_at_once(merchant: Merchant) -> None:
    await a_day(merchant)
    await trouble(merchant, kind="changed_fee", out_trade_no="T1", amount_fen=99)
    await trouble(merchant, kind="missing_row", out_trade_no="T2")

    assert [(row[NUMBER], row[FEE]) for row in await rows(merchant)] == [("T1", "-0.99"), ("T1", "0.18")]
    [latest, first] = (await merchant.http.get("/admin/bill-troubles")).json()["items"]
    assert (latest["kind"], first["kind"]) == ("missing_row", "changed_fee")
    assert latest["used_at"] == first["used_at"] == "2026-11-23T02:02:00+00:00"


@pytest.mark.parametrize("says", ["BILL_NOT_EXIST", "NO_BILL_DATA", "UNKNOWN_ERROR"])
async def test_the_next_bill_is_refused_as_told_and_only_that(merchant: Merchant, says: str) -> None:
    await a_day(merchant)
    await trouble(merchant, kind="refused", says=says)

    refused, given = await asked(merchant), await asked(merchant)

    assert (refused["code"], refused["sub_code"], given["code"]) == ("40004", says, "10000")


async def test_a_trouble_of_another_day_waits_and_can_be_dropped(merchant: Merchant) -> None:
    await a_day(merchant)
    await trouble(merchant, period="2026-11-21", kind="refused", says="UNKNOWN_ERROR")
    assert len(await rows(merchant)) == 3
    [waiting] = (await merchant.http.get("/admin/bill-troubles")).json()["items"]

    dropped = [await merchant.http.delete(f"/admin/bill-troubles/{waiting['id']}") for _ in range(2)]

    assert [one.status_code for one in dropped] == [204, 404]
    assert (await asked(merchant, "2026-11-21"))["code"] == "10000"


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "missing_row"},
        {"kind": "extra_row", "out_trade_no": "T1"},
        {"kind": "extra_row", "out_trade_no": "T1", "amount_fen": -1},
        {"kind": "missing_row", "out_trade_no": "T1", "amount_fen": 1},
        {"kind": "wrong_number", "out_trade_no": "T1"},
        {"kind": "refused", "says": "LATER"},
        {"kind": "refused", "says": "UNKNOWN_ERROR", "period": "22.11.2026"},
        {"kind": "refused", "says": "UNKNOWN_ERROR", "period": "2026-02-30"},
        {"kind": "dreamt", "out_trade_no": "T1"},
    ],
)
async def test_a_trouble_that_makes_no_sense_is_refused(merchant: Merchant, body: dict[str, object]) -> None:
    answer = await merchant.http.post(
        "/admin/bill-troubles", json={"period": DAY} | body, headers={"accept": "application/json"}
    )

    assert answer.status_code == 422, answer.text
    assert (await merchant.http.get("/admin/bill-troubles")).json() == {"items": []}
