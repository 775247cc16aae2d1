"""What WeChat Pay says of an order and of a refund when its merchant asks: the fields, in its words."""

from datetime import datetime
from typing import Any

from tuan.kernel.clock import BEIJING
from tuan.sandbox.wechatpay_order import STATE_NAMES, PayOrder, PayRefund, RefundStatus

Node = dict[str, Any]


def rfc3339(moment: datetime) -> str:
    """In Beijing, in whole seconds: 2026-11-22T18:00:00+08:00."""
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


def transaction_node(order: PayOrder, *, now: datetime) -> Node:
    state = order.state_at(now)
    node: Node = {
        "appid": order.app_id,
        "mchid": order.mch_id,
        "out_trade_no": order.out_trade_no,
        "trade_state": state,
        "trade_state_desc": STATE_NAMES[state],
        "attach": order.attach or "",
        "amount": {"total": order.total_fen, "currency": "CNY"},
    }
    if order.paid_at is None:
        return node
    amount = {"payer_total": order.total_fen, "payer_currency": "CNY"}
    return node | {
        "transaction_id": order.transaction_id,
        "trade_type": "NATIVE",
        "bank_type": "OTHERS",
        "success_time": rfc3339(order.paid_at),
        "payer": {"openid": order.payer_openid},
        "amount": node["amount"] | amount,
    }


def refund_node(order: PayOrder, refund: PayRefund, *, now: datetime) -> Node:
    status = refund.status_at(now)
    node: Node = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.refund_number,
        "transaction_id": refund.transaction_id,
        "out_trade_no": order.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(refund.created_at),
        "status": status,
        "funds_account": "UNSETTLED",
        "amount": {
            "total": order.total_fen,
            "refund": refund.refund_fen,
            "payer_total": order.total_fen,
            "payer_refund": refund.refund_fen,
            "settlement_refund": refund.refund_fen,
            "settlement_total": order.total_fen,
            "discount_refund": 0,
            "currency": "CNY",
            "from": [],
        },
        "promotion_detail": [],
    }
    if status is RefundStatus.SUCCESS:
        node["success_time"] = rfc3339(refund.succeeds_at)
    return node
