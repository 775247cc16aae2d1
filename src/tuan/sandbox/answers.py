"""What Alipay says about a trade when its merchant asks: the fields of each answer, in Alipay's words."""

from datetime import datetime

from tuan.kernel.clock import beijing_text
from tuan.kernel.money import yuan_text
from tuan.sandbox.alipay import done_node, failed_node
from tuan.sandbox.merchant import Refunded
from tuan.sandbox.trade import Declined, Refund, Trade, TradeMissing, masked

Node = dict[str, object]


def trade_node(trade: Trade, *, now: datetime) -> Node:
    paid = yuan_text(trade.total_fen if trade.paid_at else 0)
    node = done_node(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        buyer_logon_id=masked(trade.buyer_logon_id),
        buyer_user_id=trade.buyer_id,
        buyer_user_type="PRIVATE",
        trade_status=trade.status_at(now),
        total_amount=yuan_text(trade.total_fen),
        receipt_amount=paid,
        buyer_pay_amount=paid,
        invoice_amount=paid,
        point_amount="0.00",
    )
    if trade.paid_at:
        # Alipay's own inconsistency: fund_channel here, fundChannel in a notify.
        node["fund_bill_list"] = [{"amount": paid, "fund_channel": "ALIPAYACCOUNT"}]
        node["send_pay_date"] = beijing_text(trade.paid_at)
    return node


def closed_node(trade: Trade) -> Node:
    return done_node(trade_no=trade.trade_no, out_trade_no=trade.out_trade_no)


def refunded_node(refunded: Refunded) -> Node:
    """refund_fee is all that was ever given back; fund_change says whether this request gave anything."""
    trade = refunded.trade
    return done_node(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        buyer_logon_id=masked(trade.buyer_logon_id),
        buyer_user_id=trade.buyer_id,
        fund_change="Y" if refunded.moved else "N",
        refund_fee=yuan_text(trade.refunded_fen),
        send_back_fee=yuan_text(refunded.refund.refund_fen),
        gmt_refund_pay=beijing_text(refunded.refund.refunded_at),
    )


def refund_node(trade: Trade, refund: Refund | None, *, with_time: bool) -> Node:
    if refund is None:
        return done_node()
    node = done_node(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        out_request_no=refund.refund_number,
        total_amount=yuan_text(trade.total_fen),
        refund_amount=yuan_text(refund.refund_fen),
        refund_status="REFUND_SUCCESS",
    )
    if refund.reason:
        node["refund_reason"] = refund.reason
    if with_time:
        node["gmt_refund_pay"] = beijing_text(refund.refunded_at)
    return node


def declined_node(declined: Declined, *, out_trade_no: str | None) -> Node:
    node = failed_node("40004", declined.sub_code, str(declined))
    if isinstance(declined, TradeMissing):
        zeros = ("buyer_pay_amount", "invoice_amount", "point_amount", "receipt_amount")
        node |= dict.fromkeys(zeros, "0.00")
        if out_trade_no:
            node["out_trade_no"] = out_trade_no
    return node
