"""A bill as Alipay hands it out: a zip of two CSV files, in GBK down to their names."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from tuan.kernel.clock import BEIJING, beijing_text
from tuan.kernel.money import yuan_text
from tuan.sandbox.bill import BillRow, Period
from tuan.sandbox.trade import masked

ACCOUNT_SUFFIX: Final = "0156"  # Of every seller's number, once it stands for the account.
UTF8_NAME: Final = 0x800
DETAIL_COLUMNS: Final = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
SUMMARY_COLUMNS: Final = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,"
    "卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)


class GbkName(zipfile.ZipInfo):
    """A member whose name says nothing of its encoding, and is GBK."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits & ~UTF8_NAME


def bill_name(period: Period, *, seller_id: str) -> str:
    return f"{seller_id}{ACCOUNT_SUFFIX}_{period.name.replace('-', '')}"


def bill_zip(rows: Sequence[BillRow], period: Period, *, seller_id: str, now: datetime) -> bytes:
    name = bill_name(period, seller_id=seller_id)
    head = [
        f"#账号：[{seller_id}{ACCOUNT_SUFFIX}]",
        f"#起始日期：[{_wall(period.starts_at)}]   终止日期：[{_wall(period.ends_at)}]",
    ]
    files = {
        "业务明细": ["#支付宝业务明细查询", *head, *_detail(rows)],
        "业务明细(汇总)": ["#支付宝业务汇总查询", *head, *_summary(rows)],
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for title, lines in files.items():
            text = "".join(f"{line}\r\n" for line in [*lines, f"#导出时间：[{_wall(now)}]"])
            member = GbkName(f"{name}_{title}.csv", now.astimezone(BEIJING).timetuple()[:6])
            archive.writestr(member, text.encode("gbk", errors="replace"), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _detail(rows: Sequence[BillRow]) -> list[str]:
    taken = [row for row in rows if row.refund_number is None]
    given_back = [row for row in rows if row.refund_number is not None]
    return [
        "#-----------------------------------------业务明细列表----------------------------------------",
        DETAIL_COLUMNS,
        *(_line(_detail_cells(row)) for row in rows),
        "#-----------------------------------------业务明细列表结束------------------------------------",
        f"#交易合计：{len(taken)}笔，商家实收共{_sum(taken)}元，商家优惠共0.00元",
        f"#退款合计：{len(given_back)}笔，商家实收退款共{_sum(given_back)}元，商家优惠退款共0.00元",
    ]


def _summary(rows: Sequence[BillRow]) -> list[str]:
    refunds = sum(row.refund_number is not None for row in rows)
    amount_fen, fee_fen = sum(row.amount_fen for row in rows), sum(row.fee_fen for row in rows)
    amount, fee, net = map(_yuan, (amount_fen, fee_fen, amount_fen + fee_fen))
    total = ["合计", "", len(rows) - refunds, refunds, amount, amount, *["0.00"] * 3, fee, "0.00", net]
    return [
        "#-----------------------------------------业务汇总列表----------------------------------------",
        SUMMARY_COLUMNS,
        _line(total),
        "#----------------------------------------业务汇总列表结束-------------------------------------",
    ]


def _detail_cells(row: BillRow) -> list[object]:
    """Numbers end with a tab, which keeps spreadsheets from rounding them."""
    amount = _yuan(row.amount_fen)
    return [
        f"{row.trade_no}\t",
        f"{row.out_trade_no}\t",
        "交易" if row.refund_number is None else "退款",
        row.subject,
        beijing_text(row.created_at),
        beijing_text(row.finished_at),
        *["\t"] * 4,
        masked(row.buyer_logon_id),
        amount,
        amount,
        *["0.00"] * 5,
        "",
        "0.00",
        "0.00",
        f"{row.refund_number or ''}\t",
        _yuan(row.fee_fen),
        "0.00",
        "",
    ]


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _sum(rows: Sequence[BillRow]) -> str:
    return _yuan(sum(row.amount_fen for row in rows))


def _yuan(fen: int) -> str:
    return f"-{yuan_text(-fen)}" if fen < 0 else yuan_text(fen)


def _wall(moment: datetime) -> str:
    return f"{moment.astimezone(BEIJING):%Y年%m月%d日 %H:%M:%S}"
