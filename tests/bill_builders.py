"""Bills as Alipay hands them out, written here once more from its document; and ways to spoil them."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from mall_stand_ins import SELLER_ID, AlipayStandIn

from tuan.kernel.money import fen_of, yuan_text

DAY = date(2026, 11, 23)
COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,"
    "卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A payment of this many fen; or, with a refund's number, a refund."""

    number: str
    fen: int
    trade_no: str
    refund: str = ""
    fee_fen: int | None = None  # By contract, unless given.
    at: str = f"{DAY} 12:00:00"

    @property
    def text(self) -> str:
        fee = (self.fen * 60 + 5_000) // 10_000 if self.fee_fen is None else self.fee_fen
        sign, fee_sign, kind = ("-", "", "退款") if self.refund else ("", "-" if fee else "", "交易")
        amount = f"{sign}{yuan_text(self.fen)}"
        return (
            f"{self.trade_no}\t,{self.number}\t,{kind}\t,茶,{self.at},{self.at},\t,\t,\t,\t,csq***@sandbox.com,"
            f"{amount},{amount},0.00,0.00,0.00,0.00,0.00,,0.00,0.00,{self.refund}\t,"
            f"{fee_sign}{yuan_text(fee)},0.00,"
        )


def a_text(
    rows: Sequence[Row], *, day: date = DAY, account: str = f"{SELLER_ID}0156", end: str = "\r\n"
) -> str:
    payments = [row.fen for row in rows if not row.refund]
    refunds = [row.fen for row in rows if row.refund]
    given_back = f"{'-' if refunds else ''}{yuan_text(sum(refunds))}"
    after = day + timedelta(days=1)
    return end.join(
        (
            "#支付宝业务明细查询",
            f"#账号：[{account}]",
            f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{after:%Y年%m月%d日} 00:00:00]",
            "#-----------------------------------------业务明细列表----------------------------------------",
            COLUMNS,
            *(row.text for row in rows),
            "#-----------------------------------------业务明细列表结束------------------------------------",
            f"#交易合计：{len(payments)}笔，商家实收共{yuan_text(sum(payments))}元，商家优惠共0.00元",
            f"#退款合计：{len(refunds)}笔，商家实收退款共{given_back}元，商家优惠退款共0.00元",
            f"#导出时间：[{after:%Y年%m月%d日} 06:27:10]",
            "",
        )
    )


def true_rows(alipay: AlipayStandIn) -> list[Row]:
    """What really happened at the stand-in: every trade that was paid, every refund that was made."""
    payments = [
        Row(
            number=number,
            fen=fen_of(trade["total_amount"]),
            trade_no=trade["trade_no"],
            at=trade["send_pay_date"],
        )
        for number, trade in alipay.trades.items()
        if trade["trade_status"] == "TRADE_SUCCESS"
    ]
    by_number = {row.number: row for row in payments}
    return payments + [
        replace(by_number[refund.removesuffix("R")], refund=refund, fen=fen_of(amount))
        for refund, amount in alipay.refunds.items()
    ]


def zipped(
    detail: bytes, *, name: str = f"{SELLER_ID}0156_20261123_业务明细.csv", how: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Beside it, as in life, the summary."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", how) as archive:
        archive.writestr(name, detail)
        archive.writestr("1_业务明细(汇总).csv", "#支付宝业务汇总查询".encode("gbk"))
    return packed.getvalue()


def a_bill(*rows: Row, day: date = DAY) -> bytes:
    return zipped(a_text(rows, day=day).encode("gbk"))
