"""How WeChat Pay signs requests, answers and notifies, and seals what only we may read.

By its documents on APIv3: WECHATPAY2-SHA256-RSA2048 (RSASSA-PKCS1-v1_5 with SHA-256) over lines of text,
and AEAD_AES_256_GCM.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel

from tuan.kernel.rsa import sign, verifies

SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
SEALED_BY: Final = "AEAD_AES_256_GCM"
HEADERS: Final = (
    "wechatpay-signature-type",
    "wechatpay-serial",
    "wechatpay-timestamp",
    "wechatpay-nonce",
    "wechatpay-signature",
)
FRESH_FOR: Final = timedelta(minutes=5)
SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


def authorization(
    *,
    mch_id: str,
    serial_no: str,
    key: RSAPrivateKey,
    method: str,
    path: str,
    body: str,
    nonce: str,
    now: datetime,
) -> str:
    """What a request says of who sends it. `path` comes with its query; nothing is sent with a GET."""
    timestamp = str(int(now.timestamp()))
    signature = sign(key, lines(method, path, timestamp, nonce, body))
    return (
        f'{SCHEME} mchid="{mch_id}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{serial_no}"'
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """Of an answer, or of a notify; its key is known by its serial."""

    serial: str
    timestamp: str
    nonce: str
    value: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self | None:
        """None where there is none that we understand."""
        kind, *rest = (headers.get(name, "") for name in HEADERS)
        if kind != SCHEME or not all(rest):
            return None
        serial, timestamp, nonce, value = rest
        return cls(serial=serial, timestamp=timestamp, nonce=nonce, value=value)

    def is_of(self, moment: datetime) -> bool:
        """Whether it was made then, give or take five minutes: an older one is somebody's copy."""
        if not SECONDS.fullmatch(self.timestamp):
            return False
        return abs(moment.timestamp() - int(self.timestamp)) <= FRESH_FOR.total_seconds()

    def covers(self, body: bytes, key: RSAPublicKey) -> bool:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return False
        return verifies(key, lines(self.timestamp, self.nonce, text), self.value)


class Sealed(BaseModel):
    algorithm: str
    nonce: str
    associated_data: str = ""
    ciphertext: str

    def opened(self, key: bytes) -> bytes:
        """With the 32 bytes of the APIv3 key. Raises ValueError when they do not open it."""
        if self.algorithm != SEALED_BY:
            raise ValueError(f"{self.algorithm} is no way to seal")
        sealed = base64.b64decode(self.ciphertext, validate=True)
        try:
            return AESGCM(key).decrypt(self.nonce.encode(), sealed, self.associated_data.encode())
        except InvalidTag as error:
            raise ValueError("sealed with another key, or changed") from error


def lines(*texts: str) -> str:
    """Each ends with a line feed, the last one too, and so does nothing."""
    return "".join(f"{text}\n" for text in texts)
