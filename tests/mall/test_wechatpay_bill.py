"""WeChat Pay's bill of a day: read whole, or not at all."""

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from mall_builders import NOW

from mall_wechatpay_stand_in import WeChatPayStandIn
from tuan.kernel.errors import Unreachable
from tuan.mall.bill import BillLine, MovementKind
from tuan.mall.gateways.gateway import GatewayRefusal, NoBillYet, UnreadableBill, UntrustedAnswer
from tuan.mall.gateways.wechatpay import WeChatPay

DAY = date(2026, 11, 22)
HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
PAID = (
    "`2026-11-22 18:00:00,`wx1,`1900007291,`0,`,`4200001,`T00001,`o1,`NATIVE,`SUCCESS,`OTHERS,`CNY,`88.00,"
    '`0.00,`0,`0,`0.00,`0.00,`,`,`茶,"好",`,`0.53000,`0.60%,`88.00,`0.00,`'
)
GIVEN_BACK = (
    "`2026-11-22 19:00:00,`wx1,`1900007291,`0,`,`4200001,`T00001,`o1,`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,"
    "`0.00,`5030001,`T00001R,`30.00,`0.00,`ORIGINAL,`SUCCESS,`茶,`,`-0.18000,`0.60%,`0.00,`30.00,`"
)
FAILED = GIVEN_BACK.replace("`SUCCESS", "`FAIL").replace("T00001R", "T00009R")
SUMS_HEAD = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
SUMS = "`2,`88.00,`30.00,`0.00,`0.35000,`88.00,`30.00"
LINES = [
    BillLine(
        kind=MovementKind.PAYMENT,
        payment_number="T00001",
        refund_number=None,
        gateway_trade_no="4200001",
        amount_fen=88_00,
        fee_fen=53,
        at=datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
    ),
    BillLine(
        kind=MovementKind.REFUND,
        payment_number="T00001",
        refund_number="T00001R",
        gateway_trade_no="4200001",
        amount_fen=30_00,
        fee_fen=-18,
        at=datetime(2026, 11, 22, 11, 0, tzinfo=UTC),
    ),
]


def a_bill(*rows: str, sums: str = SUMS) -> bytes:
    lines = [HEAD, *(rows or (PAID, GIVEN_BACK)), SUMS_HEAD, sums]
    return "\ufeff".encode() + "".join(f"{line}\r\n" for line in lines).encode()


def published(wechatpay: WeChatPayStandIn, text: bytes) -> None:
    wechatpay.bill_csv, wechatpay.bill_file = text, gzip.compress(text)


async def test_every_payment_and_refund_is_a_line(gateway: WeChatPay, wechatpay: WeChatPayStandIn) -> None:
    published(wechatpay, a_bill())

    assert await gateway.bill(DAY, now=NOW) == LINES
    assert wechatpay.asked[-1] == ("GET", "/billdownload/file")


async def test_a_refund_that_failed_moved_nothing(gateway: WeChatPay, wechatpay: WeChatPayStandIn) -> None:
    published(
        wechatpay,
        a_bill(PAID, GIVEN_BACK, FAILED, sums=SUMS.replace("`2,", "`3,").replace("`30.00", "`60.00")),
    )

    assert await gateway.bill(DAY, now=NOW) == LINES


UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "no rows below": HEAD.encode(),
    "no text": b"\xff\xfe",
    "a row too few": a_bill(PAID),
    "a row too many": a_bill(PAID, GIVEN_BACK, GIVEN_BACK),
    "another amount": a_bill(PAID.replace("`88.00", "`99.00"), GIVEN_BACK),
    "another sum": a_bill(sums=SUMS.replace("`30.00", "`31.00")),
    "a sum that is none": a_bill(sums=SUMS.replace("`2,", "`two,")),
    "a cell too few": a_bill(PAID.rsplit(",", 1)[0], GIVEN_BACK),
    "a cell without its mark": a_bill(PAID.replace("`T00001", "T00001"), GIVEN_BACK),
    "another kind": a_bill(PAID.replace("`SUCCESS", "`REVOKED"), GIVEN_BACK),
    "of nobody": a_bill(PAID.replace("`T00001", "`"), GIVEN_BACK),
    "a fee that is none": a_bill(PAID.replace("`0.53000", "`free"), GIVEN_BACK),
    "a time that is none": a_bill(PAID.replace("18:00:00", "25:00:00"), GIVEN_BACK),
    "a column gone": a_bill().replace("申请退款金额,费率备注".encode(), "别的,费率备注".encode()),
}


@pytest.mark.parametrize("case", UNREADABLE)
async def test_a_bill_that_does_not_add_up_is_not_used(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, case: str
) -> None:
    published(wechatpay, UNREADABLE[case])
    with pytest.raises(UnreadableBill):
        await gateway.bill(DAY, now=NOW)


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "another day's": lambda file: gzip.compress(a_bill().replace(b"T00001", b"T00002")),
    "not packed": lambda file: a_bill(),
    "cut short": lambda file: file[:-20],
    "nothing": lambda file: b"",
}


@pytest.mark.parametrize("case", SPOILED)
async def test_a_file_other_than_the_one_promised_is_not_used(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, case: str
) -> None:
    published(wechatpay, a_bill())
    wechatpay.bill_file = SPOILED[case](wechatpay.bill_file)
    with pytest.raises(UnreadableBill):
        await gateway.bill(DAY, now=NOW)


async def test_a_file_that_has_no_end_is_left(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(wechatpay, a_bill())
    monkeypatch.setattr("tuan.mall.gateways.wechatpay.FILE_BYTES_MAX", len(wechatpay.bill_file) - 1)
    with pytest.raises(UnreadableBill, match="more than"):
        await gateway.bill(DAY, now=NOW)
    monkeypatch.undo()
    monkeypatch.setattr("tuan.mall.gateways.wechatpay_bill.CSV_BYTES_MAX", len(a_bill()) - 1)
    with pytest.raises(UnreadableBill, match="too large"):
        await gateway.bill(DAY, now=NOW)


async def test_a_day_without_business_is_an_empty_bill(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn
) -> None:
    wechatpay.refuses["/tradebill"] = (400, "NO_STATEMENT_EXIST")
    assert await gateway.bill(DAY, now=NOW) == []


@pytest.mark.parametrize(
    ("code", "raised"), [("STATEMENT_CREATING", NoBillYet), ("PARAM_ERROR", GatewayRefusal)]
)
async def test_a_bill_that_is_refused_says_why(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, code: str, raised: type[Exception]
) -> None:
    wechatpay.refuses["/tradebill"] = (400, code)
    with pytest.raises(raised):
        await gateway.bill(DAY, now=NOW)


async def test_a_link_that_nobody_signed_is_not_followed(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn
) -> None:
    published(wechatpay, a_bill())
    await gateway.query("T00001", now=NOW)
    wechatpay.signs = False
    with pytest.raises(UntrustedAnswer):
        await gateway.bill(DAY, now=NOW)
    assert wechatpay.asked[-1] == ("GET", "/bill/tradebill")


async def test_a_file_that_is_gone_is_asked_for_again_later(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn
) -> None:
    published(wechatpay, a_bill())
    wechatpay.refuses["/file"] = (400, "INVALID_REQUEST")
    with pytest.raises(Unreachable):
        await gateway.bill(DAY, now=NOW)
