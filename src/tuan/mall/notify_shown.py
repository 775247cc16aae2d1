"""What an operator may see of a gateway's words: the trade and its money, not who paid, nor signatures."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

MASK = "***"
FIELDS_MAX = 100
NAME = re.compile(r"[A-Za-z0-9_.]{1,64}", re.ASCII)
# Of every other field only that it came.
SHOWN = frozenset(
    {
        # Alipay
        "app_id", "charset", "gmt_close", "gmt_create", "gmt_payment", "gmt_refund", "invoice_amount",
        "notify_id", "notify_time", "notify_type", "out_biz_no", "out_trade_no", "receipt_amount",
        "refund_fee", "seller_id", "sign_type", "total_amount", "trade_no", "trade_status", "version",
        # WeChat Pay
        "create_time", "event_type", "id", "resource_type", "resource.algorithm", "resource.original_type",
        "summary",
    }
)  # fmt: skip


def shown(raw: bytes) -> dict[str, str]:
    """The fields of a form or of JSON, by name; none at all of what is neither."""
    text = raw.decode("utf-8", errors="replace")
    fields = [(name, value) for name, value in _fields(text) if NAME.fullmatch(name)]
    return {name: value if name in SHOWN else MASK for name, value in fields[:FIELDS_MAX]}


def _fields(text: str) -> Iterator[tuple[str, str]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        yield from parse_qsl(text, keep_blank_values=True, max_num_fields=None)
        return
    if isinstance(content, dict):
        yield from _flat(content)


def _flat(content: dict[str, Any], *, inside: str = "") -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        if isinstance(value, dict) and not inside:
            yield from _flat(value, inside=f"{name}.")
        else:
            yield inside + name, str(value)
