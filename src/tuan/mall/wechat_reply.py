"""What we write back to somebody in WeChat: sealed and signed, as safe mode wants it."""

import base64
import secrets
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tuan.mall.wechat_push import BLOCK_BYTES, Push, signature_of

RANDOM_BYTES: Final = 16


class ReplyWriter:
    def __init__(self, *, token: str, aes_key: str, app_id: str) -> None:
        """`aes_key` is the EncodingAESKey, 43 characters."""
        self._token = token
        self._key = base64.b64decode(aes_key + "=")
        self._app_id = app_id.encode()

    def text(self, push: Push, text: str, *, now: datetime) -> str:
        """The answer to this push that shows its sender a text."""
        timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(8)
        encrypted = self._encrypt(_text_message(push, text, created=timestamp))
        return (
            "<xml>"
            f"<Encrypt>{encrypted}</Encrypt>"
            f"<MsgSignature>{signature_of(self._token, timestamp, nonce, encrypted)}</MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp>"
            f"<Nonce>{nonce}</Nonce>"
            "</xml>"
        )

    def _encrypt(self, message: str) -> str:
        content = message.encode()
        plain = secrets.token_bytes(RANDOM_BYTES) + len(content).to_bytes(4, "big") + content + self._app_id
        padder = PKCS7(BLOCK_BYTES * 8).padder()
        encryptor = Cipher(algorithms.AES256(self._key), modes.CBC(self._key[:16])).encryptor()
        padded = padder.update(plain) + padder.finalize()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def _text_message(push: Push, text: str, *, created: str) -> str:
    return (
        "<xml>"
        f"<ToUserName>{escape(push.openid)}</ToUserName>"
        f"<FromUserName>{escape(push.account)}</FromUserName>"
        f"<CreateTime>{created}</CreateTime>"
        "<MsgType>text</MsgType>"
        f"<Content>{escape(text)}</Content>"
        "</xml>"
    )
