"""What Alipay tells the merchant when a trade changes, how often, and how a buyer comes back."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from tuan.kernel.clock import BEIJING, beijing_text
from tuan.kernel.money import yuan_text
from tuan.sandbox.alipay import PAGE_PAY, WAP_PAY, Account, signed_params
from tuan.sandbox.courier import Answer, Letter
from tuan.sandbox.trade import Product, Refund, Trade, masked

# Eight sends within 25 hours, until the merchant answers "success": Alipay's document on 异步通知.
GAPS: Final = (
    timedelta(minutes=4),
    timedelta(minutes=10),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=15),
)
FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"
METHOD_OF: Final = {Product.PAGE: PAGE_PAY, Product.WAP: WAP_PAY}


@dataclass(kw_only=True, slots=True)
class Notify:
    """One thing to tell. Its id and content stay; only the time and the signature differ between sends."""

    id: str
    gateway: str = "alipay"
    trade_no: str
    url: str
    content: dict[str, Any]
    created_at: datetime
    next_at: datetime | None
    attempts: int = 0
    acknowledged_at: datetime | None = None
    kept_back_by: str | None = None  # The trouble that once made it wait.

    @property
    def says(self) -> str:
        """In short, in the gateway's word; refunds are marked."""
        if status := self.content.get("refund_status"):
            return f"{status}（退款）"
        status = self.content.get("trade_status") or self.content.get("trade_state")
        return f"{status}（退款）" if "refund_fee" in self.content else str(status)

    def wait(self, until: datetime, *, kept_back_by: str) -> None:
        """It was taken to be sent, and is not sent yet."""
        self.attempts -= 1
        self.next_at = until
        self.kept_back_by = kept_back_by

    def hear(self, answer: Answer, *, is_heard: bool, gaps: Sequence[timedelta], time_scale: float) -> None:
        """Stop once the merchant has heard; otherwise come again, while the ladder lasts."""
        if is_heard:
            self.acknowledged_at = self.acknowledged_at or answer.sent_at
        if self.acknowledged_at or self.attempts > len(gaps):
            self.next_at = None
        else:
            self.next_at = answer.sent_at + gaps[self.attempts - 1] * time_scale


@dataclass(frozen=True, kw_only=True, slots=True)
class AlipayVoice:
    """How Alipay tells: a signed form, heard when the merchant says "success" and nothing more."""

    account: Account
    gaps: Sequence[timedelta] = GAPS
    within_seconds: float = 10.0

    def letter(self, notify: Notify, *, now: datetime) -> Letter:
        return form_letter(self.form(notify, now=now))

    def form(self, notify: Notify, *, now: datetime) -> dict[str, str]:
        return signed_params({**notify.content, "notify_time": beijing_text(now)}, self.account.alipay_key)

    def is_heard(self, answer: Answer) -> bool:
        return answer.says(b"success")


def form_letter(form: Mapping[str, str]) -> Letter:
    return Letter(content=urlencode(form).encode(), headers={"content-type": FORM})


def notify_of(trade: Trade, *, seller_id: str, now: datetime, refund: Refund | None = None) -> Notify | None:
    """None when Alipay keeps this to itself: see trade.NOTIFIED."""
    if trade.notify_url is None or not trade.is_notified:
        return None

    notify_id = new_notify_id(trade.paid_at or now, now=now)
    return Notify(
        id=notify_id,
        trade_no=trade.trade_no,
        url=trade.notify_url,
        content=_content(trade, notify_id=notify_id, seller_id=seller_id) | _refund_content(trade, refund),
        created_at=now,
        next_at=now,
    )


def return_link(return_url: str, trade: Trade, account: Account, *, now: datetime) -> str:
    """Where the cashier sends the buyer: signed, but silent about whether the trade was paid."""
    params = {
        "charset": "utf-8",
        "out_trade_no": trade.out_trade_no,
        "method": f"{METHOD_OF[trade.product]}.return",
        "total_amount": yuan_text(trade.total_fen),
        "trade_no": trade.trade_no,
        "auth_app_id": trade.app_id,
        "version": "1.0",
        "app_id": trade.app_id,
        "seller_id": account.seller_id,
        "timestamp": beijing_text(now),
    }
    joint = "&" if "?" in return_url else "?"
    return return_url + joint + urlencode(signed_params(params, account.alipay_key))


def new_notify_id(paid_at: datetime, *, now: datetime) -> str:
    """34 digits, as on real notifies: the day, 00222, the time of payment, and fifteen more."""
    day, hour = now.astimezone(BEIJING), paid_at.astimezone(BEIJING)
    return f"{day:%Y%m%d}00222{hour:%H%M%S}{secrets.randbelow(10**15):015d}"


def _content(trade: Trade, *, notify_id: str, seller_id: str) -> dict[str, str]:
    paid = yuan_text(trade.total_fen if trade.paid_at else 0)
    funds = [{"amount": paid, "fundChannel": "ALIPAYACCOUNT"}] if trade.paid_at else None
    return _present(
        {
            "notify_type": "trade_status_sync",
            "notify_id": notify_id,
            "charset": "utf-8",
            "version": "1.0",
            "app_id": trade.app_id,
            "auth_app_id": trade.app_id,
            "trade_no": trade.trade_no,
            "out_trade_no": trade.out_trade_no,
            "buyer_id": trade.buyer_id,
            "buyer_logon_id": masked(trade.buyer_logon_id),
            "seller_id": seller_id,
            "trade_status": trade.status,
            "total_amount": yuan_text(trade.total_fen),
            "receipt_amount": paid,
            "invoice_amount": paid,
            "buyer_pay_amount": paid,
            "point_amount": "0.00",
            "subject": trade.subject,
            "body": trade.body,
            "passback_params": trade.passback_params,
            "gmt_create": beijing_text(trade.created_at),
            "gmt_payment": beijing_text(trade.paid_at) if trade.paid_at else None,
            "gmt_close": beijing_text(trade.closed_at) if trade.closed_at else None,
            "fund_bill_list": json.dumps(funds, separators=(",", ":")) if funds else None,
        }
    )


def _refund_content(trade: Trade, refund: Refund | None) -> dict[str, str]:
    if refund is None:
        return {}
    return {
        "refund_fee": yuan_text(trade.refunded_fen),
        "out_biz_no": refund.refund_number,
        "gmt_refund": f"{beijing_text(refund.refunded_at)}.{refund.refunded_at.microsecond // 1000:03d}",
    }


def _present(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Alipay sends no empty parameters."""
    return {name: value for name, value in fields.items() if value}
