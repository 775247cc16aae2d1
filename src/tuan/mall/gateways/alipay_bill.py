"""Alipay's bill: a zip behind a link of thirty seconds, in it a CSV in GBK. Read strictly, or not at all.

What it says at its head and foot — whose bill, of which day, how many rows, how much in all — must be
what its rows say: a file cut short adds up to something else.
"""

import asyncio
import csv
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlsplit

import httpx

from tuan.kernel.clock import BEIJING, from_beijing, midnight
from tuan.kernel.errors import Unreachable
from tuan.kernel.money import fen_of
from tuan.mall.bill import BillLine, MovementKind
from tuan.mall.gateways.gateway import GatewayRefusal, NoBillYet, UnreadableBill, UntrustedAnswer

LINK_LASTS_SECONDS: Final = 30.0
TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)
ZIP_BYTES_MAX: Final = 4 * 1024 * 1024
CSV_BYTES_MAX: Final = 32 * 1024 * 1024  # A hundred thousand rows.
DETAIL: Final = "_业务明细.csv"
# The other two that Python reads, it unpacks without a limit.
UNPACKED_IN_STEPS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
NAME_IS_UTF8: Final = 0x800
NOT_A_ZIP: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)

FORM: Final = re.compile(
    r"#支付宝业务明细查询\n"
    r"#账号：\[(?P<account>[0-9]+)\]\n"
    r"#起始日期：\[(?P<starts>[^\]\n]+)\] *终止日期：\[(?P<ends>[^\]\n]+)\]\n"
    r"#-+业务明细列表-+\n"
    r"(?P<table>.*\n)"
    r"#-+业务明细列表结束-+\n"
    r"#交易合计：(?P<payments>[0-9]+)笔，商家实收共(?P<taken>[0-9.-]+)元，[^\n]*\n"
    r"#退款合计：(?P<refunds>[0-9]+)笔，商家实收退款共(?P<given_back>[0-9.-]+)元，[^\n]*\n"
    r"#导出时间：[^\n]*\n?",
    re.DOTALL,
)
HEAD_FORMAT: Final = "%Y年%m月%d日 %H:%M:%S"
KINDS: Final = {"交易": MovementKind.PAYMENT, "退款": MovementKind.REFUND}
COLUMNS: Final = {
    "支付宝交易号": "trade_no",
    "商户订单号": "out_trade_no",
    "业务类型": "kind",
    "完成时间": "finished_at",
    "商家实收（元）": "received",
    "退款批次号/请求号": "refund_number",
    "服务费（元）": "fee",
}


def require_nothing_billed(refusal: GatewayRefusal) -> None:
    """Raises NoBillYet, or the refusal.

    Alipay's document on bills writes its errors without the isp. or isv. that others begin with.
    """
    match refusal.reason.rpartition(".")[2].upper():
        case "NO_BILL_DATA":
            return
        case "BILL_NOT_EXIST":
            raise NoBillYet from refusal
    raise refusal


def link_to_bill(answer: Mapping[str, object], *, gateway_url: str) -> str:
    """Raises UntrustedAnswer for one less safe than the gateway itself."""
    link = str(answer.get("bill_download_url"))
    if urlsplit(link).scheme not in ("https", urlsplit(gateway_url).scheme):
        raise UntrustedAnswer
    return link


async def download(http: httpx.AsyncClient, link: str) -> bytes:
    """Raises Unreachable, also when the link has ended; UnreadableBill for more than we take."""
    file = bytearray()
    try:
        async with (
            asyncio.timeout(LINK_LASTS_SECONDS),
            http.stream("GET", link, timeout=TIMEOUT, headers={"accept-encoding": "identity"}) as response,
        ):
            response.raise_for_status()
            async for part in response.aiter_raw():
                file += part
                if len(file) > ZIP_BYTES_MAX:
                    raise UnreadableBill("the file is too large")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise Unreachable("The bill cannot be downloaded; ask for it again.") from error
    return bytes(file)


def read_bill(file: bytes, day: date, *, seller_id: str) -> list[BillLine]:
    """Raises UnreadableBill."""
    try:
        text = _unpacked(file).decode("gb18030").replace("\r\n", "\n")
    except NOT_A_ZIP as error:
        raise UnreadableBill(f"no zip of a CSV in GBK: {type(error).__name__}") from error
    if "\0" in text or not (form := FORM.fullmatch(text)):
        raise UnreadableBill("the file is not in the form of a bill, or cut short")
    _require_ours(form, day, seller_id)
    try:
        lines = [_line(row) for row in _rows(form["table"])]
        _require_sums(form, lines)
    except (ValueError, csv.Error) as error:
        raise UnreadableBill(str(error)) from error
    return lines


def _unpacked(file: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        members = [member for member in archive.infolist() if _name(member).endswith(DETAIL)]
        if len(members) != 1 or members[0].compress_type not in UNPACKED_IN_STEPS:
            raise zipfile.BadZipFile
        with archive.open(members[0]) as packed:
            # Not what the zip says of its size: what really comes out.
            raw = packed.read(CSV_BYTES_MAX + 1)
    if len(raw) > CSV_BYTES_MAX:
        raise UnreadableBill("the file is too large once unpacked")
    return raw


def _name(member: zipfile.ZipInfo) -> str:
    """Python takes a name that does not say it is UTF-8 for cp437; Alipay means GBK."""
    if member.flag_bits & NAME_IS_UTF8:
        return member.filename
    return member.filename.encode("cp437").decode("gb18030", errors="replace")


def _require_ours(form: re.Match[str], day: date, seller_id: str) -> None:
    """The account is the seller's number with four digits behind it."""
    if form["account"][:-4] != seller_id:
        raise UnreadableBill("it is of another account")
    days = [midnight(day), midnight(day + timedelta(days=1))]
    told = [form["starts"], form["ends"]]
    if told != [f"{moment.astimezone(BEIJING):{HEAD_FORMAT}}" for moment in days]:
        raise UnreadableBill("it is of another day")


def _rows(table: str) -> Iterator[Mapping[str, str]]:
    """Of each row the cells we read, by our names. Numbers end with a tab, for the sake of spreadsheets."""
    head, *rows = csv.reader(io.StringIO(table), strict=True)
    named = [cell.strip() for cell in head]
    places = {ours: named.index(theirs) for theirs, ours in COLUMNS.items()}
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"a row of {len(row)} cells under {len(head)} columns")
        yield {name: row[place].strip() for name, place in places.items()}


def _line(row: Mapping[str, str]) -> BillLine:
    """Alipay refunds under the order's number where it was given none of the refund's own."""
    kind = KINDS.get(row["kind"])
    if kind is None or not row["trade_no"] or not row["out_trade_no"]:
        raise ValueError(f"a row that is neither payment nor refund: {row['kind']}")
    is_payment = kind is MovementKind.PAYMENT
    received_fen, fee_fen = _signed_fen(row["received"]), abs(_signed_fen(row["fee"]))
    if received_fen == 0 or (received_fen > 0) != is_payment:
        raise ValueError(f"a {kind} of {row['received']}")
    return BillLine(
        kind=kind,
        payment_number=row["out_trade_no"],
        refund_number=None if is_payment else row["refund_number"] or row["out_trade_no"],
        gateway_trade_no=row["trade_no"],
        amount_fen=abs(received_fen),
        # Of either sign in what is told of these files: a payment can only cost, a refund only give back.
        fee_fen=fee_fen if is_payment else -fee_fen,
        at=from_beijing(row["finished_at"]),
    )


def _require_sums(form: re.Match[str], lines: Sequence[BillLine]) -> None:
    for kind, count, sum_fen in (
        (MovementKind.PAYMENT, int(form["payments"]), _signed_fen(form["taken"])),
        (MovementKind.REFUND, int(form["refunds"]), -_signed_fen(form["given_back"])),
    ):
        amounts = [line.amount_fen for line in lines if line.kind is kind]
        if (len(amounts), sum(amounts)) != (count, sum_fen):
            raise ValueError(f"{len(amounts)} {kind}s of {sum(amounts)} fen, where its foot says otherwise")


def _signed_fen(yuan: str) -> int:
    return -fen_of(yuan[1:]) if yuan.startswith("-") else fen_of(yuan)
