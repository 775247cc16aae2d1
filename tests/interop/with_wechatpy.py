"""Asked in the environment of wechatpy: WeChat's pushes, replies and QR codes by another hand."""

import json
import sys
from typing import Any

from wechatpy import WeChatClient, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.utils import check_signature


def decrypt(account: dict[str, str], body: str, query: dict[str, str]) -> dict[str, Any]:
    """What a push, or a reply, says to whom; raises where the library does not trust it."""
    crypto = WeChatCrypto(account["token"], account["aes_key"], account["app_id"])
    plain = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
    message = parse_message(plain)
    said: dict[str, Any] = {"type": message.type, "source": message.source, "target": message.target}
    for name in ("event", "scene_id", "ticket", "content"):
        said[name] = getattr(message, name, None)
    return said


def encrypt(account: dict[str, str], message: str, nonce: str, timestamp: str) -> str:
    crypto = WeChatCrypto(account["token"], account["aes_key"], account["app_id"])
    return str(crypto.encrypt_message(message, nonce, timestamp))


def checks(token: str, query: dict[str, str]) -> bool:
    try:
        check_signature(token, query["signature"], query["timestamp"], query["nonce"])
    except InvalidSignatureException:
        return False
    return True


def create_qr(account: dict[str, str], url: str, body: dict[str, Any]) -> Any:
    client = WeChatClient(account["app_id"], account["secret"])
    client.API_BASE_URL = f"{url}/cgi-bin/"
    token = client._fetch_access_token(
        f"{url}/cgi-bin/token",
        {"grant_type": "client_credential", "appid": account["app_id"], "secret": account["secret"]},
    )
    client.session.set(client.access_token_key, token["access_token"], token["expires_in"])
    return client.qrcode.create(body)


if __name__ == "__main__":
    question = json.load(sys.stdin)
    json.dump(globals()[question["act"]](**question["asked"]), sys.stdout)
