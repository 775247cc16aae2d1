"""The bodies and queries that WeChat Pay takes, and how it says what is wrong with them."""

from datetime import date
from typing import Annotated, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from tuan.kernel.money import FEN_MAX
from tuan.sandbox.wechatpay import ParamError

NUMBER: Final = r"^[0-9A-Za-z_\-*|]{6,32}$"


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("NUL is not text")
    return text


Text = Annotated[str, AfterValidator(_without_nul)]
OutTradeNo = Annotated[str, StringConstraints(pattern=NUMBER)]
TransactionId = Annotated[str, StringConstraints(pattern=r"^[0-9]{28,32}$")]
RefundNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}$")]
# Without a query of its own, which WeChat Pay does not keep. The real one asks for https too.
NotifyUrl = Annotated[Text, StringConstraints(pattern=r"^https?://[^\s?]{1,248}$")]
Fen = Annotated[int, Field(strict=True, ge=1, le=FEN_MAX)]


class Content(BaseModel):
    """WeChat Pay ignores what it does not know."""

    model_config = ConfigDict(extra="ignore")


class OrderAmount(Content):
    total: Fen
    currency: Literal["CNY"] = "CNY"


class NativeContent(Content):
    appid: Text
    mchid: Text
    description: Annotated[Text, StringConstraints(min_length=1, max_length=127)]
    out_trade_no: OutTradeNo
    time_expire: AwareDatetime | None = None
    attach: Annotated[Text, StringConstraints(max_length=128)] | None = None
    notify_url: NotifyUrl
    amount: OrderAmount


class CloseContent(Content):
    mchid: Text


class RefundAmount(OrderAmount):
    refund: Fen


class RefundContent(Content):
    out_trade_no: OutTradeNo | None = None
    transaction_id: TransactionId | None = None
    out_refund_no: RefundNumber
    reason: Annotated[Text, StringConstraints(max_length=80)] | None = None
    notify_url: NotifyUrl | None = None
    amount: RefundAmount


class BillQuery(Content):
    bill_date: date
    bill_type: Literal["ALL", "SUCCESS", "REFUND"] = "ALL"
    tar_type: Literal["GZIP"] | None = None


Known = TypeVar("Known", bound=Content)


def read(model: type[Known], body: bytes) -> Known:
    """Raises ParamError, with the place of what is wrong."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _param_error(error, "body") from error


def read_query(model: type[Known], query: dict[str, str]) -> Known:
    try:
        return model.model_validate(query)
    except ValidationError as error:
        raise _param_error(error, "query") from error


def _param_error(error: ValidationError, location: str) -> ParamError:
    wrong = error.errors()[0]
    field = "/" + "/".join(map(str, wrong["loc"]))
    refusal = ParamError(f"输入源“/{location}{field}”的值不符合要求：{wrong['msg']}")
    refusal.detail = {"location": location, "field": field, "issue": wrong["msg"]}
    return refusal
