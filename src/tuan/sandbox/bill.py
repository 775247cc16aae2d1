"""A bill: what Alipay took, gave back, and kept for its service in a day or a month of Beijing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from tuan.kernel.clock import beijing_day, midnight
from tuan.sandbox.trade import Declined, new_trade_no

BILL_TYPES: Final = frozenset(
    {"trade", "signcustomer", "merchant_act", "trade_zft_merchant", "zft_acc", "settlementMerge"}
)
PERIOD: Final = re.compile(r"(20[0-9]{2}-[0-9]{2})(-[0-9]{2})?", re.ASCII)
YEARS_MAX: Final = 6
DAY_READY_AFTER: Final = timedelta(hours=9)
MONTH_READY_AFTER: Final = timedelta(days=2)


class BillArgumentsInvalid(Declined):
    """入参不合法"""

    sub_code = "INVAILID_ARGUMENTS"  # As Alipay spells it.
    status = 422


class BillTypeUnsupported(Declined):
    """此账单类型不支持下载"""

    sub_code = "TYPE_NOT_SUPPORTED"


class BillMissing(Declined):
    """账单不存在"""

    sub_code = "BILL_NOT_EXIST"


class NothingBilled(Declined):
    """商户在请求的账单时间内没有发生当前账单类型的业务"""

    sub_code = "NO_BILL_DATA"


class BeforeRegistration(Declined):
    """请求的账单时间早于注册时间"""

    sub_code = "BILL_DATE_BEFORE_REGISTRATION"


class BillUnknownError(Declined):
    """未知错误"""

    sub_code = "UNKNOWN_ERROR"


# What a trouble may make the next question answer.
REFUSALS: Final = {
    refusal.sub_code: refusal
    for refusal in (BillMissing, NothingBilled, BeforeRegistration, BillTypeUnsupported, BillUnknownError)
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    name: str  # yyyy-MM-dd, or yyyy-MM
    starts_at: datetime
    ends_at: datetime

    def require_ready(self, *, now: datetime) -> None:
        """Raises BillMissing until nine in the morning of the next day, or the third of the next month."""
        is_day = len(self.name) == len("yyyy-MM-dd")
        if now < self.ends_at + (DAY_READY_AFTER if is_day else MONTH_READY_AFTER):
            raise BillMissing


@dataclass(frozen=True, kw_only=True, slots=True)
class BillRow:
    """Money that moved. What was given back, and what Alipay took for its service, is negative."""

    trade_no: str
    out_trade_no: str
    refund_number: str | None
    subject: str
    buyer_logon_id: str
    created_at: datetime
    finished_at: datetime
    amount_fen: int
    fee_fen: int


class TroubleKind(StrEnum):
    MISSING_ROW = "missing_row"
    EXTRA_ROW = "extra_row"
    CHANGED_AMOUNT = "changed_amount"
    CHANGED_FEE = "changed_fee"
    WRONG_NUMBER = "wrong_number"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class BillTrouble:
    id: str
    period: str
    kind: TroubleKind
    out_trade_no: str | None  # Which row; none when the bill is refused.
    refund_number: str | None  # None for the row of the payment.
    amount_fen: int | None  # The amount or fee that the row shows instead, or that the extra row is of.
    says: str | None  # The number that the row shows instead, or Alipay's word for why there is no bill.
    created_at: datetime
    used_at: datetime | None = None

    def is_about(self, row: BillRow) -> bool:
        return (row.out_trade_no, row.refund_number) == (self.out_trade_no, self.refund_number)


def read_period(name: str, *, now: datetime) -> Period:
    """Raises BillArgumentsInvalid."""
    if not (found := PERIOD.fullmatch(name)):
        raise BillArgumentsInvalid
    try:
        first = date.fromisoformat(name if found[2] else f"{name}-01")
    except ValueError as error:
        raise BillArgumentsInvalid from error
    if first.year < beijing_day(now).year - YEARS_MAX:
        raise BillArgumentsInvalid
    after = first + timedelta(days=1) if found[2] else (first + timedelta(days=31)).replace(day=1)
    return Period(name=name, starts_at=midnight(first), ends_at=midnight(after))


def fee_fen(amount_fen: int, *, rate_bp: int) -> int:
    """What Alipay keeps of a payment, and gives back with a refund; to the nearest fen."""
    return (amount_fen * rate_bp + 5_000) // 10_000


def troubled(rows: Sequence[BillRow], troubles: Sequence[BillTrouble], *, period: Period) -> list[BillRow]:
    """The rows as the troubles make them look. Raises what a trouble says when it refuses the bill."""
    shown = list(rows)
    for trouble in troubles:
        if trouble.kind is TroubleKind.REFUSED:
            raise REFUSALS[trouble.says or ""]
        if trouble.kind is TroubleKind.EXTRA_ROW:
            shown.append(_invented(trouble, shown, period))
        else:
            shown = [
                changed
                for row in shown
                if (changed := _changed(row, trouble) if trouble.is_about(row) else row) is not None
            ]
    return shown


def _changed(row: BillRow, trouble: BillTrouble) -> BillRow | None:
    amount_fen = trouble.amount_fen or 0
    match trouble.kind:
        case TroubleKind.CHANGED_AMOUNT:
            return replace(row, amount_fen=amount_fen if row.amount_fen > 0 else -amount_fen)
        case TroubleKind.CHANGED_FEE:
            return replace(row, fee_fen=-amount_fen if row.amount_fen > 0 else amount_fen)
        case TroubleKind.WRONG_NUMBER if row.refund_number is None:
            return replace(row, out_trade_no=trouble.says or "")
        case TroubleKind.WRONG_NUMBER:
            return replace(row, refund_number=trouble.says)
    return None


def _invented(trouble: BillTrouble, rows: Sequence[BillRow], period: Period) -> BillRow:
    amount_fen = trouble.amount_fen or 0
    known = next((row.trade_no for row in rows if row.out_trade_no == trouble.out_trade_no), None)
    return BillRow(
        trade_no=known or new_trade_no(period.starts_at),
        out_trade_no=trouble.out_trade_no or "",
        refund_number=trouble.refund_number,
        subject="账单多出的一行",
        buyer_logon_id="nobody@sandbox.com",
        created_at=period.starts_at,
        finished_at=period.starts_at,
        amount_fen=amount_fen if trouble.refund_number is None else -amount_fen,
        fee_fen=0,
    )
