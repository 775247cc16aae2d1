"""Asked in the environment of python-alipay-sdk: Alipay's requests, answers and notifies by another hand."""

import json
import sys
from typing import Any

from alipay import AliPay


def pay_page(account: dict[str, str], content: dict[str, Any], links: dict[str, str]) -> dict[str, Any]:
    """Where it sends a browser, and with which form: it sends it with none."""
    client = _client(account)
    return {
        "action": f"{account['gateway']}?{client.api_alipay_trade_page_pay(**content, **links)}",
        "fields": {},
    }


def ask(account: dict[str, str], method: str, content: dict[str, Any]) -> Any:
    """What the gateway answers; raises where the library does not trust it."""
    return getattr(_client(account), f"api_{method.replace('.', '_')}")(**content)


def verifies_notify(account: dict[str, str], fields: dict[str, str]) -> bool:
    signature = fields.pop("sign")
    return bool(_client(account).verify(fields, signature))


def verifies_request(account: dict[str, str], params: dict[str, str]) -> bool:
    """With the merchant's public key in the place of Alipay's: as the gateway does."""
    signature = params.pop("sign")
    return bool(_client(account)._verify(_text(params), signature))


def sign_request(account: dict[str, str], params: dict[str, str]) -> str:
    return str(_client(account)._sign(_text(params)))


def sign_notify(account: dict[str, str], fields: dict[str, str]) -> str:
    return str(_client(account)._sign(_text({k: v for k, v in fields.items() if k != "sign_type"})))


def sign_answer(account: dict[str, str], node: str) -> str:
    return str(_client(account)._sign(node))


def _client(account: dict[str, str]) -> Any:
    client = AliPay(
        appid=account["app_id"],
        app_private_key_string=account["private_key"],
        alipay_public_key_string=account["public_key"],
    )
    client._gateway = account["gateway"]
    return client


def _text(params: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()))


if __name__ == "__main__":
    question = json.load(sys.stdin)
    json.dump(globals()[question["act"]](**question["asked"]), sys.stdout)
