"""Asked in the environment of wechatpayv3: WeChat Pay's APIv3 by another hand.

Its client asks for WeChat Pay's certificates as soon as it is made, and at one address only. So what carries
its requests leads that address to ours; what is in them, and what is made of the answers, is all its own.
"""

import gzip
import json
import sys
import time
from typing import Any

import requests
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from wechatpayv3 import WeChatPay, WeChatPayType, core, utils

HOST = "https://api.mch.weixin.qq.com"


class Carrier:
    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, url: str, **more: Any) -> requests.Response:
        return requests.get(url.replace(HOST, self.url), **more)

    def post(self, url: str, **more: Any) -> requests.Response:
        return requests.post(url.replace(HOST, self.url), **more)


def call(account: dict[str, str], name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The status and the answer; raises where the library does not trust it."""
    status, answer = getattr(_client(account), name)(**asked)
    if isinstance(answer, bytes) and answer.startswith(b"\x1f\x8b"):
        answer = gzip.decompress(answer)
    text = answer.decode() if isinstance(answer, bytes) else answer
    return {"status": status, "answer": json.loads(text) if text.startswith("{") else text}


def callback(account: dict[str, str], headers: dict[str, str], body: str) -> Any:
    """What a notify says; None where the library does not trust it."""
    return _client(account).callback(headers, body)


def signature(account: dict[str, str], method: str, path: str, body: str, nonce: str, timestamp: str) -> str:
    """With which it would send this request at that second."""
    utils.time = _Stopped(int(timestamp))
    key = utils.load_private_key(account["private_key"])
    header = utils.build_authorization(
        path, method, account["mch_id"], account["serial_no"], key, data=body or None, nonce_str=nonce
    )
    return str(header.split('signature="')[1].split('"')[0])


def sign_answer(private_key: str, body: str, nonce: str, timestamp: str) -> str:
    """As WeChat Pay, whose key it is given."""
    return str(utils.rsa_sign(utils.load_private_key(private_key), f"{timestamp}\n{nonce}\n{body}\n"))


def seal(api_v3_key: str, text: str, nonce: str, associated_data: str) -> str:
    """What it opens again; it has no function for this of its own."""
    sealed = AESGCM(api_v3_key.encode()).encrypt(nonce.encode(), text.encode(), associated_data.encode())
    ciphertext = utils.b64encode(sealed).decode()
    assert utils.aes_decrypt(nonce, ciphertext, associated_data, api_v3_key) == text
    return str(ciphertext)


class _Stopped:
    """A clock that stands still."""

    def __init__(self, second: int) -> None:
        self._second = second

    def time(self) -> float:
        return float(self._second)


def _client(account: dict[str, str]) -> Any:
    core.requests = Carrier(account["url"])
    client = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=account["mch_id"],
        appid=account["app_id"],
        private_key=account["private_key"],
        cert_serial_no=account["serial_no"],
        apiv3_key=account["api_v3_key"],
        notify_url=account["notify_url"],
        public_key=account.get("public_key"),
        public_key_id=account["public_key_id"] if "public_key" in account else None,
    )
    client._core._gate_way = account["url"]  # By which it tells the path of a bill from its address.
    return client


if __name__ == "__main__":
    time.tzset()
    question = json.load(sys.stdin)
    json.dump(globals()[question["act"]](**question["asked"]), sys.stdout)
