"""WeChat Pay's trade bill: a packed CSV behind a link, with a digest that WeChat Pay signed; all or nothing.

Every cell below a header begins with a backtick, which keeps spreadsheets from rounding, and keeps a comma
within a title apart from one between two cells. The last line says how many rows there are, and how much
in all.
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

from tuan.kernel.clock import from_beijing
from tuan.kernel.money import fen_of
from tuan.mall.bill import BillLine, MovementKind
from tuan.mall.gateways.gateway import UnreadableBill

NOTHING_BILLED: Final = "NO_STATEMENT_EXIST"
NO_BILL_YET: Final = "STATEMENT_CREATING"
FILE_BYTES_MAX: Final = 8 * 1024 * 1024
CSV_BYTES_MAX: Final = 64 * 1024 * 1024  # A hundred thousand rows.
GZIP: Final = 16 + zlib.MAX_WBITS

KINDS: Final = {"SUCCESS": MovementKind.PAYMENT, "REFUND": MovementKind.REFUND}
FAILED: Final = "FAIL"  # A refund that moved nothing is shown all the same.
COLUMNS: Final = {
    "交易时间": "at",
    "微信订单号": "transaction_id",
    "商户订单号": "out_trade_no",
    "交易状态": "kind",
    "商户退款单号": "out_refund_no",
    "退款状态": "refund_status",
    "手续费": "fee",
    "订单金额": "total",
    "申请退款金额": "refund",
}
SUMS: Final = {"总交易单数": "rows", "订单总金额": "total", "申请退款总金额": "refund"}


def unpacked(file: bytes, *, hash_type: object, hash_value: object) -> bytes:
    """The digest is of what is inside. Raises UnreadableBill."""
    reader = zlib.decompressobj(wbits=GZIP)
    try:
        text = reader.decompress(file, CSV_BYTES_MAX)
    except zlib.error as error:
        raise UnreadableBill("the file is not packed as it was asked for") from error
    if not reader.eof:
        raise UnreadableBill("the file is cut short, or too large once unpacked")
    if hash_type != "SHA1" or hashlib.sha1(text, usedforsecurity=False).hexdigest() != hash_value:
        raise UnreadableBill("the file is not the one that was promised")
    return text


def read_bill(text: bytes) -> list[BillLine]:
    """Raises UnreadableBill."""
    try:
        table = text.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n").split("\n")
        if len(table) < 3:
            raise ValueError("no bill at all")
        *table, sums_head, sums = table
        [summed] = _named([sums_head, sums], SUMS)
        named = list(_named(table, COLUMNS))
        _require_sums(named, summed)
        return [_line(row) for row in named if row["refund_status"] != FAILED]
    except (ValueError, KeyError, InvalidOperation) as error:
        raise UnreadableBill(str(error)) from error


def _named(table: Sequence[str], columns: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Of each row the cells we read, by our names."""
    head, *rows = table
    names = head.split(",")
    places = {ours: names.index(theirs) for theirs, ours in columns.items()}
    for row in rows:
        first, *cells = f",{row}".split(",`")
        if first or len(cells) != len(names):
            raise ValueError(f"a row of {len(cells)} cells under {len(names)} columns")
        yield {name: cells[place].strip() for name, place in places.items()}


def _require_sums(rows: Sequence[Mapping[str, str]], summed: Mapping[str, str]) -> None:
    told = int(summed["rows"]), fen_of(summed["total"]), fen_of(summed["refund"])
    found = len(rows), sum(fen_of(row["total"]) for row in rows), sum(fen_of(row["refund"]) for row in rows)
    if told != found:
        raise ValueError(f"the rows come to {found}, where the foot says {told}")


def _line(row: Mapping[str, str]) -> BillLine:
    kind = KINDS[row["kind"]]
    is_payment = kind is MovementKind.PAYMENT
    amount_fen = fen_of(row["total" if is_payment else "refund"])
    if amount_fen == 0 or not row["transaction_id"] or not row["out_trade_no"]:
        raise ValueError(f"a {kind} of nothing, or of nobody")
    fee_fen = abs(_whole_fen(row["fee"]))
    return BillLine(
        kind=kind,
        payment_number=row["out_trade_no"],
        refund_number=None if is_payment else row["out_refund_no"],
        gateway_trade_no=row["transaction_id"],
        amount_fen=amount_fen,
        # A payment can only cost, a refund only give back, whichever sign is written.
        fee_fen=fee_fen if is_payment else -fee_fen,
        at=from_beijing(row["at"]),
    )


def _whole_fen(yuan: str) -> int:
    """Fees come with five decimals."""
    return int((Decimal(yuan) * 100).to_integral_value(ROUND_HALF_UP))
