"""The biz_content of each method, and which values Alipay takes."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from tuan.kernel.clock import BEIJING, from_beijing
from tuan.kernel.money import FEN_MAX, fen_of
from tuan.sandbox.alipay import InvalidArgument
from tuan.sandbox.trade import InvalidParameter, Product

PRODUCT_CODES: Final = {
    Product.PAGE: frozenset({"FAST_INSTANT_TRADE_PAY"}),
    # The second is what an older SDK still sends.
    Product.WAP: frozenset({"QUICK_WAP_WAY", "QUICK_WAP_PAY"}),
}
PAY_WITHIN_MAX: Final = timedelta(days=15)
EXPRESS: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])|1c", re.ASCII)
EXPRESS_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("NUL is not text")
    return text


def _fen_of(yuan: object) -> int:
    """Text, or a number as in Alipay's own examples: {"total_amount": 0.01}."""
    match yuan:
        case str():
            return fen_of(yuan)
        case int() | float() if not isinstance(yuan, bool) and float(text := f"{yuan:.2f}") == yuan:
            return fen_of(text)
        case _:
            raise ValueError("an amount has two decimals")


def _wall_time(text: str) -> str:
    from_beijing(text)
    return text


Text = Annotated[str, AfterValidator(_without_nul), StringConstraints(max_length=512)]
Subject = Annotated[str, AfterValidator(_without_nul), StringConstraints(min_length=1, max_length=256)]
OutTradeNo = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,64}$")]
TradeNo = Annotated[str, StringConstraints(pattern=r"^[0-9]{16,64}$")]
RefundNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Url = Annotated[Text, StringConstraints(pattern=r"^https?://[^\s]+$")]
Yuan = Annotated[int, BeforeValidator(_fen_of), Field(ge=1, le=FEN_MAX)]  # Text outside, fen inside.
WallTime = Annotated[str, AfterValidator(_wall_time)]


class Content(BaseModel):
    """Alipay ignores what it does not know."""

    model_config = ConfigDict(extra="ignore", strict=True)


class PayContent(Content):
    out_trade_no: OutTradeNo
    total_amount: Yuan
    subject: Subject
    product_code: str
    body: Text | None = None
    time_expire: WallTime | None = None
    timeout_express: str | None = None
    passback_params: Text | None = None
    quit_url: Url | None = None


class Links(Content):
    notify_url: Url | None = None
    return_url: Url | None = None


class TradeContent(Content):
    out_trade_no: OutTradeNo | None = None
    trade_no: TradeNo | None = None

    @model_validator(mode="after")
    def names_a_trade(self) -> "TradeContent":
        if self.out_trade_no is None and self.trade_no is None:
            raise ValueError("out_trade_no or trade_no")
        return self


class NamingContent(Content):
    out_trade_no: str | None = None


class RefundContent(TradeContent):
    refund_amount: Yuan
    out_request_no: RefundNumber | None = None
    refund_reason: Text | None = None


class RefundQueryContent(TradeContent):
    out_request_no: RefundNumber
    query_options: list[str] = []


class BillContent(Content):
    bill_type: str
    bill_date: str


Known = TypeVar("Known", bound=Content)


def read(model: type[Known], content: str) -> Known:
    """Raises InvalidArgument for what is no JSON object, InvalidParameter for a value that is not taken."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        wrong = error.errors()[0]
        if wrong["type"] in ("json_invalid", "model_type"):
            raise InvalidArgument("isv.invalid-parameter", "参数无效：biz_content") from error
        raise InvalidParameter(f"参数无效：{'.'.join(map(str, wrong['loc']))} {wrong['msg']}") from error


def named_in(content: str) -> str | None:
    """The out_trade_no that a request is about, whatever else is wrong with it."""
    try:
        return NamingContent.model_validate_json(content).out_trade_no
    except ValidationError:
        return None


def read_links(*, notify_url: str | None, return_url: str | None) -> Links:
    try:
        return Links(notify_url=notify_url, return_url=return_url)
    except ValidationError as error:
        name = error.errors()[0]["loc"][0]
        raise InvalidArgument("isv.invalid-parameter", f"参数无效：{name}") from error


def pay_until(content: PayContent, *, now: datetime) -> datetime:
    """time_expire wins over timeout_express; without either a trade waits fifteen days."""
    latest = now + PAY_WITHIN_MAX
    until = latest
    if content.time_expire:
        until = from_beijing(content.time_expire)
    elif content.timeout_express:
        until = _after_express(content.timeout_express, now=now)
    if not now < until <= latest:
        raise InvalidParameter("参数无效：time_expire 须晚于当前时间，且不超过 15 天")
    return until


def _after_express(express: str, *, now: datetime) -> datetime:
    """ "90m", "1h", "15d", or "1c": until the day ends in Beijing."""
    if not (found := EXPRESS.fullmatch(express)):
        raise InvalidParameter("参数无效：timeout_express")
    if express == "1c":
        tomorrow = now.astimezone(BEIJING) + timedelta(days=1)
        return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
    return now + int(found[1]) * EXPRESS_UNITS[found[2]]
