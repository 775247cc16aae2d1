"""What WeChat Pay tells the merchant of an order and of a refund, and how often."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tuan.kernel.ids import new_id
from tuan.sandbox.courier import Answer, Letter
from tuan.sandbox.notify import Notify
from tuan.sandbox.wechatpay import Signer
from tuan.sandbox.wechatpay_answers import rfc3339, transaction_node
from tuan.sandbox.wechatpay_order import PayOrder, PayRefund, RefundStatus
from tuan.sandbox.wechatpay_sealing import seal

# Sixteen sends within a day, until the merchant answers 200 or 204: WeChat Pay's document on 支付通知.
LADDER: Final = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
GAPS: Final = tuple(timedelta(seconds=seconds) for seconds in LADDER)
SUMMARIES: Final = {"TRANSACTION.SUCCESS": "支付成功", "REFUND.SUCCESS": "退款成功"}


@dataclass(frozen=True, kw_only=True, slots=True)
class WechatPayVoice:
    """How WeChat Pay tells: JSON signed in its headers, with the content sealed inside."""

    signer: Signer
    api_v3_key: bytes
    gaps: tuple[timedelta, ...] = GAPS
    within_seconds: float = 5.0

    def letter(self, notify: Notify, *, now: datetime) -> Letter:
        is_refund = "refund_status" in notify.content
        event_type = "REFUND.SUCCESS" if is_refund else "TRANSACTION.SUCCESS"
        kind = "refund" if is_refund else "transaction"
        sealed = seal(
            json.dumps(notify.content, ensure_ascii=False), key=self.api_v3_key, associated_data=kind
        )
        told = {
            "id": notify.id,
            "create_time": rfc3339(notify.created_at),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": SUMMARIES[event_type],
            "resource": {"original_type": kind, **sealed},
        }
        content = json.dumps(told, ensure_ascii=False).encode()
        headers = {
            "content-type": "application/json",
            "request-id": secrets.token_hex(16),
            **self.signer.headers(content, now=now),
        }
        return Letter(content=content, headers=headers)

    def is_heard(self, answer: Answer) -> bool:
        return answer.status in (200, 204)


def paid_notify(order: PayOrder, *, now: datetime) -> Notify:
    return Notify(
        id=new_id(),
        gateway="wechatpay",
        trade_no=order.transaction_id or "",
        url=order.notify_url,
        content=transaction_node(order, now=now),
        created_at=now,
        next_at=now,
    )


def refund_notify(order: PayOrder, refund: PayRefund) -> Notify | None:
    """Told once the money has arrived; to nobody, when the merchant named no address."""
    if refund.notify_url is None:
        return None
    return Notify(
        id=new_id(),
        gateway="wechatpay",
        trade_no=refund.transaction_id,
        url=refund.notify_url,
        content={
            "mchid": order.mch_id,
            "out_trade_no": order.out_trade_no,
            "transaction_id": refund.transaction_id,
            "out_refund_no": refund.refund_number,
            "refund_id": refund.refund_id,
            "refund_status": RefundStatus.SUCCESS,
            "success_time": rfc3339(refund.succeeds_at),
            "user_received_account": "支付用户零钱",
            "amount": {
                "total": order.total_fen,
                "refund": refund.refund_fen,
                "payer_total": order.total_fen,
                "payer_refund": refund.refund_fen,
            },
        },
        created_at=refund.succeeds_at,
        next_at=refund.succeeds_at,
    )
