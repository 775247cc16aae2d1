"""How Alipay's gateway reads a request, checks who sent it, and signs what it answers."""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from tuan.kernel.clock import from_beijing
from tuan.kernel.errors import Refusal
from tuan.kernel.rsa import sign, verifies

PAGE_PAY: Final = "alipay.trade.page.pay"
WAP_PAY: Final = "alipay.trade.wap.pay"
QUERY: Final = "alipay.trade.query"
CLOSE: Final = "alipay.trade.close"
REFUND: Final = "alipay.trade.refund"
REFUND_QUERY: Final = "alipay.trade.fastpay.refund.query"
BILL: Final = "alipay.data.dataservice.bill.downloadurl.query"

PAGE_METHODS: Final = frozenset({PAGE_PAY, WAP_PAY})  # Opened by a browser; their errors are pages.
METHODS: Final = PAGE_METHODS | {QUERY, CLOSE, REFUND, REFUND_QUERY, BILL}

# A request signs its sign_type; a notify and a return page do not.
REQUEST_UNSIGNED: Final = frozenset({"sign"})
NOTIFY_UNSIGNED: Final = frozenset({"sign", "sign_type"})

MESSAGES: Final = {
    "10000": "Success",
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
}
REQUIRED: Final = {
    "method": ("isv.missing-method", "缺少方法名参数"),
    "app_id": ("isv.missing-app-id", "缺少AppID参数"),
    "sign_type": ("isv.missing-signature-type", "缺少签名类型参数"),
    "sign": ("isv.missing-signature", "缺少签名参数"),
    "timestamp": ("isv.missing-timestamp", "缺少时间戳参数"),
    "version": ("isv.missing-version", "缺少版本参数"),
}


class GatewayRefusal(Refusal):
    """The gateway turned the request away before any trade was looked at."""

    gateway_code: ClassVar[str] = "40002"

    def __init__(self, sub_code: str, sub_msg: str) -> None:
        super().__init__(sub_msg)
        self.sub_code = sub_code


class MissingArgument(GatewayRefusal):
    """A parameter that every request has is not there."""

    gateway_code = "40001"


class InvalidArgument(GatewayRefusal):
    """A parameter is there and is not right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The one merchant we know, the key it signs with, and the key Alipay signs with."""

    app_id: str
    seller_id: str
    app_key: RSAPublicKey
    alipay_key: RSAPrivateKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request whose signature has been verified."""

    method: str
    content: str
    notify_url: str | None
    return_url: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the gateway says; without a method, because it cannot tell what it was asked."""

    method: str | None
    node: Mapping[str, object]
    is_signed: bool = True
    escapes_slashes: bool = False

    def text(self, key: RSAPrivateKey) -> str:
        """The signature covers the node exactly as it stands in the body, byte for byte."""
        name = f"{self.method.replace('.', '_')}_response" if self.method else "error_response"
        body = json.dumps(self.node, ensure_ascii=False, separators=(",", ":"))
        if self.escapes_slashes:
            body = body.replace("/", "\\/")
        signature = f',"sign":"{sign(key, body)}"' if self.is_signed else ""
        return f'{{"{name}":{body}{signature}}}'


def read_call(params: Mapping[str, str], account: Account) -> Call:
    """Check as the gateway does, in its order. Raises MissingArgument or InvalidArgument."""
    for name, (sub_code, sub_msg) in REQUIRED.items():
        if not params.get(name):
            raise MissingArgument(sub_code, sub_msg)

    if params["app_id"] != account.app_id:
        raise InvalidArgument("isv.invalid-app-id", "无效的AppID参数")
    if params["method"] not in METHODS:
        raise InvalidArgument("isv.invalid-method", "不存在的方法名")
    _check_form(params)
    if not is_signed(params, account.app_key):
        raise InvalidArgument(
            "isv.invalid-signature",
            "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为："
            + canonical(params, leaving_out=REQUEST_UNSIGNED),
        )

    return Call(
        method=params["method"],
        content=params.get("biz_content", ""),
        notify_url=params.get("notify_url") or None,
        return_url=params.get("return_url") or None,
    )


def canonical(params: Mapping[str, str], *, leaving_out: Set[str]) -> str:
    """What is signed: every parameter that has a value, by name, joined as it is before any URL encoding."""
    named = sorted((name, value) for name, value in params.items() if value and name not in leaving_out)
    return "&".join(f"{name}={value}" for name, value in named)


def is_signed(params: Mapping[str, str], key: RSAPublicKey) -> bool:
    return verifies(key, canonical(params, leaving_out=REQUEST_UNSIGNED), params["sign"])


def signed_params(params: Mapping[str, str], key: RSAPrivateKey) -> dict[str, str]:
    """With the signature of a notify or a return page."""
    signature = sign(key, canonical(params, leaving_out=NOTIFY_UNSIGNED))
    return {**params, "sign_type": "RSA2", "sign": signature}


def refusal_reply(refusal: GatewayRefusal, *, method: str | None) -> Reply:
    """Signed under the method's own name, unless it is not known who asks, or for what."""
    node = failed_node(refusal.gateway_code, refusal.sub_code, str(refusal))
    if isinstance(refusal, MissingArgument) or method not in METHODS or _is_of_nobody(refusal):
        return Reply(method=None, node=node, is_signed=False)
    return Reply(method=method, node=node)


def done_node(**fields: object) -> dict[str, object]:
    return {"code": "10000", "msg": MESSAGES["10000"], **fields}


def failed_node(code: str, sub_code: str, sub_msg: str, **fields: object) -> dict[str, object]:
    return {"code": code, "msg": MESSAGES[code], "sub_code": sub_code, "sub_msg": sub_msg, **fields}


def _check_form(params: Mapping[str, str]) -> None:
    if params["sign_type"] != "RSA2":
        raise InvalidArgument("isv.invalid-signature-type", "无效签名类型")
    if params.get("charset", "").lower() != "utf-8":
        raise InvalidArgument("isv.invalid-charset", "字符集错误")
    if params.get("format", "JSON").upper() != "JSON":
        raise InvalidArgument("isv.invalid-format", "无效的数据格式")
    if params["version"] != "1.0":
        raise InvalidArgument("isv.invalid-parameter", "参数无效：version")
    try:
        from_beijing(params["timestamp"])
    except ValueError as error:
        raise InvalidArgument("isv.invalid-timestamp", "非法的时间戳参数") from error


def _is_of_nobody(refusal: GatewayRefusal) -> bool:
    return refusal.sub_code == "isv.invalid-app-id"
