"""Orders as rows of a spreadsheet, in the words of who reads it; nothing in them is taken for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from tuan.kernel.clock import beijing_text
from tuan.kernel.money import yuan_text
from tuan.mall.order import Order, OrderKind, OrderStatus

MARK = "\ufeff"  # By which spreadsheets know UTF-8.
BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
HEAD = (
    "订单号", "状态", "方式", "商品编号", "商品", "买家", "活动", "团",
    "原价（元）", "优惠（元）", "实付（元）",
    "下单时间", "支付时间", "成团时间", "交付时间", "关闭时间", "退款时间", "退款原因", "未成交原因",
)  # fmt: skip
STATUS_WORDS = {
    OrderStatus.CREATED: "待锁位",
    OrderStatus.AWAITING_PAYMENT: "待支付",
    OrderStatus.PAID: "已支付",
    OrderStatus.READY: "待发货",
    OrderStatus.FULFILLED: "已交付",
    OrderStatus.CLOSED: "已关闭",
    OrderStatus.REFUNDING: "退款中",
    OrderStatus.REFUNDED: "已退款",
}
KIND_WORDS = {OrderKind.GROUP: "拼团", OrderKind.ALONE: "单独购买"}


def sheet_head() -> str:
    return MARK + _lines([HEAD])


def sheet_rows(orders: Iterable[Order]) -> str:
    return _lines(_cells(order) for order in orders)


def _cells(order: Order) -> Sequence[str]:
    return (
        order.number,
        STATUS_WORDS[order.status],
        KIND_WORDS[order.kind],
        order.product_id,
        order.product_title,
        order.buyer_id,
        order.campaign_id or "",
        order.team_id or "",
        yuan_text(order.list_fen),
        yuan_text(order.discount_fen),
        yuan_text(order.payable_fen),
        _moment(order.created_at),
        _moment(order.paid_at),
        _moment(order.ready_at),
        _moment(order.fulfilled_at),
        _moment(order.closed_at),
        _moment(order.refunded_at),
        order.refund_reason or "",
        order.refusal_detail or "",
    )


def _moment(at: datetime | None) -> str:
    return "" if at is None else beijing_text(at)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: str) -> str:
    """Text that a spreadsheet shows as it is: what looks like a formula gets an apostrophe before it."""
    return f"'{cell}" if cell.startswith(BEGINS_A_FORMULA) else cell
