"""A trade bill of WeChat Pay: every payment and refund of one day of Beijing, as merchants get it."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from tuan.kernel.clock import BEIJING, beijing_text
from tuan.kernel.money import yuan_text
from tuan.sandbox.wechatpay import PayError
from tuan.sandbox.wechatpay_content import BillQuery
from tuan.sandbox.wechatpay_order import PayOrder, PayRefund

READY_AFTER: Final = timedelta(hours=9)
LINK_LASTS: Final = timedelta(minutes=5)
FEE_BASIS_POINTS: Final = 60
COLUMNS: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
SUMMARY_COLUMNS: Final = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)


class NoStatement(PayError):
    """账单文件不存在"""

    error = "NO_STATEMENT_EXIST"
    status = 400


class StatementCreating(PayError):
    """账单生成中，请稍后再试"""

    error = "STATEMENT_CREATING"
    status = 400


class LinkInvalid(PayError):
    """下载链接不存在或已失效，请重新获取"""

    error = "INVALID_REQUEST"
    status = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One row: a payment, or a refund of one."""

    at: datetime
    order: PayOrder
    refund: PayRefund | None = None

    @property
    def fee_fen(self) -> int:
        """To the nearest fen; given back with a refund."""
        taken = self.order.total_fen if self.refund is None else -self.refund.refund_fen
        sign = 1 if taken > 0 else -1
        return sign * ((abs(taken) * FEE_BASIS_POINTS + 5_000) // 10_000)


def day_of(day: date, *, now: datetime) -> tuple[datetime, datetime]:
    """Its first and its last moment. Raises StatementCreating until nine the next morning."""
    since = datetime.combine(day, time(), BEIJING)
    until = since + timedelta(days=1)
    if now < until + READY_AFTER:
        raise StatementCreating
    return since, until


def bill_csv(lines: Sequence[Line], *, now: datetime) -> bytes:
    """Raises NoStatement for a day on which nothing happened."""
    if not lines:
        raise NoStatement
    rows = [COLUMNS, *(_row(_cells(line, now=now)) for line in lines), SUMMARY_COLUMNS, _row(_sums(lines))]
    return "\ufeff".encode() + "".join(f"{row}\r\n" for row in rows).encode()


def token_of(asked: BillQuery, *, key: bytes, now: datetime) -> str:
    """Says which bill, for how long, and that we said so."""
    until = int((now + LINK_LASTS).timestamp())
    said = f"{asked.bill_date}.{asked.bill_type}.{asked.tar_type or 'CSV'}.{until}"
    return f"{said}.{_mark(said, key)}"


def read_token(token: str, *, key: bytes, now: datetime) -> BillQuery:
    """Raises LinkInvalid."""
    said, _, mark = token.rpartition(".")
    if not hmac.compare_digest(mark.encode(), _mark(said, key).encode()):
        raise LinkInvalid
    bill_date, bill_type, tar_type, until = said.split(".")
    if now.timestamp() >= int(until):
        raise LinkInvalid
    query = {"bill_date": bill_date, "bill_type": bill_type}
    return BillQuery.model_validate(query | ({} if tar_type == "CSV" else {"tar_type": tar_type}))


def _mark(said: str, key: bytes) -> str:
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()


def _cells(line: Line, *, now: datetime) -> list[str]:
    order, refund = line.order, line.refund
    total, given_back = yuan_text(order.total_fen), yuan_text(refund.refund_fen if refund else 0)
    return [
        beijing_text(line.at),
        order.app_id,
        order.mch_id,
        "0",
        "",
        order.transaction_id or "",
        order.out_trade_no,
        order.payer_openid or "",
        "NATIVE",
        "REFUND" if refund else "SUCCESS",
        "OTHERS",
        "CNY",
        "0.00" if refund else total,
        "0.00",
        refund.refund_id if refund else "0",
        refund.refund_number if refund else "0",
        given_back,
        "0.00",
        "ORIGINAL" if refund else "",
        refund.status_at(now) if refund else "",
        order.description,
        order.attach or "",
        _five(line.fee_fen),
        f"{FEE_BASIS_POINTS / 100:.2f}%",
        "0.00" if refund else total,
        given_back,
        "",
    ]


def _sums(lines: Sequence[Line]) -> list[str]:
    taken = yuan_text(sum(line.order.total_fen for line in lines if line.refund is None))
    given_back = yuan_text(sum(line.refund.refund_fen for line in lines if line.refund))
    fees = _five(sum(line.fee_fen for line in lines))
    return [str(len(lines)), taken, given_back, "0.00", fees, taken, given_back]


def _row(cells: Iterable[str]) -> str:
    """A backtick before each keeps spreadsheets from rounding; nothing is quoted."""
    return ",".join(f"`{' '.join(cell.split())}" for cell in cells)


def _five(fen: int) -> str:
    """Fees are written with five decimals."""
    return f"{'-' if fen < 0 else ''}{yuan_text(abs(fen))}000"
