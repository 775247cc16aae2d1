"""What WeChat Pay says of an order and of a refund, in its own words. Amounts are fen."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, StrictInt

from tuan.mall.gateways.wechatpay_signing import Sealed

Text = Annotated[str, Field(max_length=256, pattern=r"^[^\x00]*$")]


class Amount(BaseModel):
    total: StrictInt
    currency: Text = "CNY"  # What a refund's amount leaves out.


class Transaction(BaseModel):
    """An order, as a query and a notify tell it; or what a notify of a refund tells of its order."""

    appid: Text = ""
    mchid: Text
    out_trade_no: Text
    transaction_id: Text = ""  # None until it is paid.
    trade_state: Text = ""
    refund_status: Text | None = None
    success_time: AwareDatetime | None = None
    amount: Amount | None = None

    @property
    def amount_fen(self) -> int | None:
        """None when it is no amount of ours."""
        if self.amount is None or self.amount.currency != "CNY" or self.amount.total < 1:
            return None
        return self.amount.total


class Notification(BaseModel):
    """What a notify shows to everybody."""

    event_type: Text
    resource: Sealed


class RefundedAmount(BaseModel):
    refund: StrictInt


class RefundState(BaseModel):
    out_refund_no: Text
    status: Text
    amount: RefundedAmount
