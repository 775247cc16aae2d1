"""The templates the account has applied for, and what becomes of one when its fields are filled in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

SIGNED_IN: Final = "TyWx1b0d7kq3vN2sHcU8eLrGmJp5oZ4iQfAaKt9uXnE"
TEAM_FORMED: Final = "PdRk8sV3nQm6xYw1jTzB5hLcFg2aEu7oWi9KvSb4tHs"
FIELD: Final = re.compile(r"\{\{(\w+)\.DATA\}\}")

LINES: Final = {
    SIGNED_IN: ("登录成功提醒", "登录账号：{{thing1.DATA}}", "登录时间：{{time2.DATA}}"),
    TEAM_FORMED: (
        "拼团成功通知",
        "商品名称：{{thing1.DATA}}",
        "成团时间：{{time2.DATA}}",
        "订单编号：{{character_string3.DATA}}",
        "支付金额：{{amount4.DATA}}",
    ),
}
# By the name of a field, without its digits, how many characters it takes.
LENGTHS: Final = {"thing": 20, "time": 32, "character_string": 32, "amount": 13}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """As it stands in a follower's conversation."""

    openid: str
    template_id: str
    lines: list[str]
    url: str
    client_msg_id: str | None
    sent_at: datetime
    id: int = 0  # Until it is saved.


def fill_in(template_id: str, fields: Mapping[str, str]) -> list[str]:
    """Raises KeyError for a template the account does not have, ValueError unless each field fits."""
    lines = LINES[template_id]
    asked = {name for line in lines for name in FIELD.findall(line)}
    for name in asked:
        value = fields.get(name, "")
        if not value or len(value) > LENGTHS[name.rstrip("0123456789")]:
            raise ValueError(name)
    return [FIELD.sub(lambda found: fields[found[1]], line) for line in lines]
