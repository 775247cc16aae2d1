"""Alipay's bill, read: every row to the fen, or nothing of it and a reason."""

import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime

import httpx
import pytest
from bill_builders import DAY, Row, a_bill, a_text, zipped
from hypothesis import given, settings
from hypothesis import strategies as st
from mall_builders import NOW
from mall_stand_ins import ALIPAY, ALIPAY_KEY, SELLER_ID

from tuan.kernel.errors import Unreachable
from tuan.kernel.rsa import sign
from tuan.mall.bill import BillLine, MovementKind
from tuan.mall.gateways.alipay_bill import CSV_BYTES_MAX, ZIP_BYTES_MAX, read_bill
from tuan.mall.gateways.gateway import GatewayRefusal, NoBillYet, UnreadableBill, UntrustedAnswer

PAID = Row(number="P1", fen=108_00, trade_no="2026112322001400000000000001")
BACK = Row(number="P1", fen=108_00, trade_no="2026112322001400000000000001", refund="P1R")
LINK = "http://bills.test/b.zip"
NODE = "alipay_data_dataservice_bill_downloadurl_query_response"
GOOD = a_bill(PAID, BACK)


def read(file: bytes, day: date = DAY) -> list[BillLine]:
    return read_bill(file, day, seller_id=SELLER_ID)


def spoilt(change: Callable[[str], str]) -> bytes:
    return zipped(change(a_text([PAID, BACK])).encode("gbk"))


def test_payments_and_refunds_are_read_to_the_fen() -> None:
    at = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    paid, back = read(GOOD)

    assert paid == BillLine(
        kind=MovementKind.PAYMENT, payment_number="P1", refund_number=None,
        gateway_trade_no=PAID.trade_no, amount_fen=108_00, fee_fen=65, at=at,
    )  # fmt: skip
    assert back == BillLine(
        kind=MovementKind.REFUND, payment_number="P1", refund_number="P1R",
        gateway_trade_no=PAID.trade_no, amount_fen=108_00, fee_fen=-65, at=at,
    )  # fmt: skip
    assert (paid.number, back.number) == ("P1", "P1R")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_empty_bill_and_either_end_of_line(end: str) -> None:
    assert read(zipped(a_text([], end=end).encode("gbk"))) == []
    assert len(read(zipped(a_text([PAID], end=end).encode("gbk")))) == 1


def test_a_column_more_is_no_trouble_and_a_fee_has_either_sign() -> None:
    text = a_text([PAID]).replace(",备注", ",备注,新列").replace("-0.65,0.00,", "0.65,0.00,,x")

    [line] = read(zipped(text.encode("gbk")))

    assert line.fee_fen == 65


def test_alipay_refunds_under_the_orders_number_where_it_was_given_none() -> None:
    text = a_text([BACK]).replace(",P1R\t,", ",\t,")

    [line] = read(zipped(text.encode("gbk")))

    assert line.refund_number == "P1"


BROKEN: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a page": lambda: b"<html><body>\xe4\xb8\x8b\xe8\xbd\xbd</body></html>",
    "half a zip": lambda: GOOD[: len(GOOD) // 2],
    "a flipped byte": lambda: GOOD[:80] + bytes([GOOD[80] ^ 255]) + GOOD[81:],
    "no detail in it": lambda: zipped(b"", name="x.csv"),
    "utf-8": lambda: zipped(a_text([PAID]).encode()),
    "utf-16": lambda: zipped(a_text([PAID]).encode("utf-16")),
    "packed by bzip2": lambda: zipped(a_text([PAID]).encode("gbk"), how=zipfile.ZIP_BZIP2),
    "cut after a row": lambda: spoilt(lambda text: text[: text.index("\n", text.index("P1R"))]),
    "a row is gone": lambda: spoilt(lambda text: text.replace(PAID.text + "\r\n", "")),
    "a row is there twice": lambda: spoilt(lambda text: text.replace(BACK.text, f"{BACK.text}\n{BACK.text}")),
    "its foot is gone": lambda: spoilt(lambda text: text[: text.index("#交易合计")]),
    "its sum is another": lambda: spoilt(lambda text: text.replace("共108.00元", "共108.01元")),
    "its count is another": lambda: spoilt(lambda text: text.replace("合计：1笔", "合计：2笔")),
    "a cell is missing": lambda: spoilt(lambda text: text.replace(",茶,", ",", 1)),
    "a cell too many": lambda: spoilt(lambda text: text.replace(PAID.text, f"{PAID.text},x")),
    "a column is missing": lambda: spoilt(lambda text: text.replace("服务费（元）,", "手续费（元）,")),
    "no amount": lambda: spoilt(lambda text: text.replace(",108.00,108.00,", ",108.00,1e2,")),
    "three decimals": lambda: spoilt(lambda text: text.replace(",108.00,108.00,", ",108.00,108.000,")),
    "a payment below zero": lambda: spoilt(lambda text: text.replace("交易\t", "退款\t")),
    "a refund above zero": lambda: spoilt(lambda text: text.replace("退款\t", "交易\t")),
    "of no kind we know": lambda: spoilt(lambda text: text.replace("交易\t", "转账\t")),
    "a NUL": lambda: spoilt(lambda text: text.replace(",茶,", ",\0,")),
    "no moment": lambda: spoilt(lambda text: text.replace("2026-11-23 12:00:00", "2026-11-23")),
    "of nobody": lambda: spoilt(lambda text: text.replace("\t,P1\t", "\t,\t")),
    "of another account": lambda: spoilt(lambda text: text.replace(SELLER_ID, "2088000000000000")),
    "an open quote": lambda: spoilt(lambda text: text.replace(",茶,", ',"茶,', 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_wholly_a_bill_is_refused(name: str) -> None:
    with pytest.raises(UnreadableBill):
        read(BROKEN[name]())


def test_a_bill_of_another_day_is_refused() -> None:
    with pytest.raises(UnreadableBill, match="another day"):
        read(GOOD, date(2026, 11, 22))


def test_a_bomb_is_measured_by_what_comes_out_of_it() -> None:
    bomb = zipped(a_text([PAID]).encode("gbk") + b"\0" * 60 * 1024 * 1024)

    assert len(bomb) < 100_000 < CSV_BYTES_MAX
    with pytest.raises(UnreadableBill, match="too large"):
        read(bomb)


def test_a_bomb_that_lies_about_its_size_is_no_larger() -> None:
    bomb = zipped(a_text([PAID]).encode("gbk") + b"\0" * 60 * 1024 * 1024)
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        size = archive.infolist()[0].file_size
    with pytest.raises(UnreadableBill):
        read(bomb.replace(size.to_bytes(4, "little"), (900).to_bytes(4, "little")))


@settings(deadline=None, derandomize=True)
@given(st.data())
def test_a_zip_with_any_bytes_changed_is_read_alike_or_refused(data: st.DataObject) -> None:
    file = bytearray(GOOD)
    for place in data.draw(st.lists(st.integers(0, len(file) - 1), min_size=1, max_size=4)):
        file[place] = data.draw(st.integers(0, 255))
    with suppress(UnreadableBill):
        assert read(bytes(file)) == read(GOOD)


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_whatever_else_comes_is_refused(raw: bytes) -> None:
    for file in (raw, zipped(raw)):
        with pytest.raises(UnreadableBill):
            read(file)


async def sent(file: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(file), 65_536):
        yield file[begin : begin + 65_536]


GIVEN = {"code": "10000", "msg": "Success", "bill_download_url": LINK}


async def asked(
    *,
    node: Mapping[str, str] = GIVEN,
    file: bytes = GOOD,
    status: int = 200,
    gateway_url: str = ALIPAY.gateway_url,
) -> list[BillLine]:
    """Of a gateway that answers with this, and behind its link with that."""

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.host == "bills.test":
            assert request.headers["accept-encoding"] == "identity"
            return httpx.Response(status, content=sent(file), headers={"location": "http://elsewhere.test/"})
        content = json.loads(httpx.QueryParams(request.content.decode())["biz_content"])
        assert content == {"bill_type": "trade", "bill_date": "2026-11-23", "secure": "true"}
        text = json.dumps(node)
        return httpx.Response(200, text=f'{{"{NODE}":{text},"sign":"{sign(ALIPAY_KEY, text)}"}}')

    async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as http:
        ours = ALIPAY.model_copy(update={"gateway_url": gateway_url}).gateway(http, public_url="http://h")
        return list(await ours.bill(DAY, now=NOW))


def failed(sub_code: str) -> dict[str, str]:
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub_code}


async def test_the_link_is_followed_at_once() -> None:
    assert await asked() == read(GOOD)


@pytest.mark.parametrize("sub_code", ["BILL_NOT_EXIST", "isp.bill_not_exist"])
async def test_a_bill_that_is_not_there_yet_is_its_own_answer(sub_code: str) -> None:
    with pytest.raises(NoBillYet):
        await asked(node=failed(sub_code))


@pytest.mark.parametrize("sub_code", ["NO_BILL_DATA", "isp.no_bill_data"])
async def test_a_day_without_business_is_an_empty_bill(sub_code: str) -> None:
    assert await asked(node=failed(sub_code)) == []


async def test_any_other_error_is_a_refusal_in_alipays_word() -> None:
    with pytest.raises(GatewayRefusal) as raised:
        await asked(node=failed("TYPE_NOT_SUPPORTED"))
    assert raised.value.reason == "TYPE_NOT_SUPPORTED"


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_link_that_leads_to_no_file_is_asked_for_again_later(status: int) -> None:
    with pytest.raises(Unreachable):
        await asked(status=status)


async def test_a_file_without_end_is_not_read_to_it() -> None:
    with pytest.raises(UnreadableBill, match="too large"):
        await asked(file=b"x" * (ZIP_BYTES_MAX + 1))


@pytest.mark.parametrize("link", ["http://bills.test/b.zip", "ftp://bills.test/b.zip", "", "None"])
async def test_a_gateway_of_https_has_bills_behind_https_only(link: str) -> None:
    with pytest.raises(UntrustedAnswer):
        await asked(node=GIVEN | {"bill_download_url": link}, gateway_url="https://alipay.test/gateway.do")


async def test_a_secure_link_is_followed_by_any_gateway() -> None:
    secure = GIVEN | {"bill_download_url": LINK.replace("http:", "https:")}

    assert await asked(node=secure, gateway_url="https://alipay.test/gateway.do") == read(GOOD)
    assert await asked(node=secure) == read(GOOD)
