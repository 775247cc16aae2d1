"""Asked in the environment of Alipay's own alipay-sdk-python.

Its transport cannot call an address with a port: it adds the number to a text. So the bytes it would have
posted are carried by another hand; what is in them, and what is made of the answer, is all its own.
"""

import html
import importlib
import json
import re
import sys
import urllib.request
from typing import Any

import alipay.aop.api.DefaultAlipayClient as client_module
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.util.SignatureUtils import get_sign_content, sign_with_rsa2, verify_with_rsa
from alipay.aop.api.util.WebUtils import url_encode

UNSIGNED_IN_NOTIFY = ("sign", "sign_type")


def pay_page(account: dict[str, str], content: dict[str, Any], links: dict[str, str]) -> dict[str, Any]:
    """The form that it has a browser post, read as a browser reads it."""
    request = _request("alipay.trade.page.pay", content | {"product_code": "FAST_INSTANT_TRADE_PAY"})
    request.notify_url, request.return_url = links["notify_url"], links["return_url"]
    form = _client(account).page_execute(request)
    [action] = re.findall(r'action="([^"]*)"', form)
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return {"action": action, "fields": {name: html.unescape(value) for name, value in fields}}


def ask(account: dict[str, str], method: str, content: dict[str, Any]) -> Any:
    """What the gateway answers; raises where the library does not trust it."""
    return json.loads(_client(account).execute(_request(method, content)))


def verifies_notify(account: dict[str, str], fields: dict[str, str]) -> bool:
    signed = {name: value for name, value in fields.items() if name not in UNSIGNED_IN_NOTIFY}
    return _verifies(account, get_sign_content(signed), fields["sign"])


def verifies_request(account: dict[str, str], params: dict[str, str]) -> bool:
    """With the merchant's public key in the place of Alipay's: as the gateway does."""
    signature = params.pop("sign")
    return _verifies(account, get_sign_content(params), signature)


def sign_request(account: dict[str, str], params: dict[str, str]) -> str:
    return str(sign_with_rsa2(account["private_key"], get_sign_content(params), "utf-8"))


def sign_notify(account: dict[str, str], fields: dict[str, str]) -> str:
    signed = {name: value for name, value in fields.items() if name not in UNSIGNED_IN_NOTIFY}
    return str(sign_with_rsa2(account["private_key"], get_sign_content(signed), "utf-8"))


def sign_answer(account: dict[str, str], node: str) -> str:
    return str(sign_with_rsa2(account["private_key"], node, "utf-8"))


def _verifies(account: dict[str, str], text: str, signature: str) -> bool:
    try:
        return bool(verify_with_rsa(account["public_key"], text.encode(), signature))
    except Exception:
        return False


def _request(method: str, content: dict[str, Any]) -> Any:
    name = "".join(part.capitalize() for part in method.split("."))
    model_of = getattr(importlib.import_module(f"alipay.aop.api.domain.{name}Model"), f"{name}Model")
    request_of = getattr(importlib.import_module(f"alipay.aop.api.request.{name}Request"), f"{name}Request")
    return request_of(biz_model=model_of.from_alipay_dict(content))


def _client(account: dict[str, str]) -> Any:
    config = AlipayClientConfig()
    config.app_id = account["app_id"]
    config.app_private_key = account["private_key"]
    config.alipay_public_key = account["public_key"]
    config.server_url = account["gateway"]
    return client_module.DefaultAlipayClient(config)


def _carry(
    url: str, query: str, headers: dict[str, str], params: dict[str, Any], charset: str, _: int
) -> bytes:
    body = url_encode(params, charset).encode(charset)
    with urllib.request.urlopen(urllib.request.Request(f"{url}?{query}", body, headers)) as answer:
        return bytes(answer.read())


client_module.do_post = _carry

if __name__ == "__main__":
    question = json.load(sys.stdin)
    json.dump(globals()[question["act"]](**question["asked"]), sys.stdout)
