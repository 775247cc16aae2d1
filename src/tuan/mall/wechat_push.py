"""What WeChat pushes to us in safe mode, and what we answer: signed, encrypted, told up to three times.

The format is WeChat's 消息加解密 document: SHA-1 over the sorted words, AES-256-CBC, and PKCS#7
with blocks of 32 bytes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, ParseError

import defusedxml
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml import ElementTree

from tuan.kernel.errors import Refusal

FRESH_SECONDS = 15 * 60  # WeChat repeats a push for seconds only; our clocks may differ by minutes.
BLOCK_BYTES = 32
HEAD_BYTES = 16 + 4  # Random bytes, and the length of the message.
FOLLOWED = "qrscene_"
MESSAGE_ENDED = "TEMPLATESENDJOBFINISH"


class ForgedPush(Refusal):
    """This push does not come from WeChat."""

    code = "forged_push"
    status = 401


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """Somebody held their phone to a QR code of ours."""

    openid: str
    scene: str
    created_second: int  # With the openid, what tells two events apart.


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageEnded:
    """WeChat has delivered a message of ours, or has not: then the status says why."""

    wechat_id: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Push:
    """What one person did, or got, that WeChat tells us of."""

    account: str  # Us, as WeChat addresses us: gh_…
    openid: str
    kind: str  # Its MsgType: event, text, image …
    text: str  # What they wrote; empty for all but a text.
    event: Scan | MessageEnded | None  # None for what we have no use for.


class PushReader:
    """Every method raises ForgedPush for what WeChat did not write, or not just now."""

    def __init__(self, *, token: str, aes_key: str, app_id: str) -> None:
        """`aes_key` is the EncodingAESKey, 43 characters. Raises ValueError for any other."""
        self._token = token
        self._key = base64.b64decode(aes_key + "=")
        if len(self._key) != 32:
            raise ValueError("an EncodingAESKey has 43 characters")
        self._app_id = app_id.encode()

    def echo(self, query: Mapping[str, str], *, now: datetime) -> str:
        """What to answer when WeChat asks whether this address is ours."""
        self._require_fresh(query, now=now)
        self._require_signed(query, query.get("signature", ""))
        return query.get("echostr", "")

    def push(self, query: Mapping[str, str], body: bytes, *, now: datetime) -> Push:
        """Only msg_signature counts: `signature` does not cover the body."""
        self._require_fresh(query, now=now)
        encrypted = _text(_xml(body), "Encrypt")
        self._require_signed(query, query.get("msg_signature", ""), encrypted)

        message = _xml(self._decrypt(encrypted))
        return Push(
            account=_text(message, "ToUserName"),
            openid=_text(message, "FromUserName"),
            kind=_text(message, "MsgType"),
            text=_text(message, "Content"),
            event=_event(message),
        )

    def _require_fresh(self, query: Mapping[str, str], *, now: datetime) -> None:
        second = _second(query.get("timestamp", ""))
        if second is None or abs(now.timestamp() - second) > FRESH_SECONDS:
            raise ForgedPush

    def _require_signed(self, query: Mapping[str, str], signature: str, *more: str) -> None:
        expected = signature_of(self._token, query.get("timestamp", ""), query.get("nonce", ""), *more)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise ForgedPush

    def _decrypt(self, encrypted: str) -> bytes:
        try:
            decryptor = self._cipher().decryptor()
            padded = decryptor.update(base64.b64decode(encrypted, validate=True)) + decryptor.finalize()
        except (binascii.Error, ValueError) as error:
            raise ForgedPush from error

        plain = padded[: -padded[-1]] if padded and 1 <= padded[-1] <= BLOCK_BYTES else b""
        length = int.from_bytes(plain[16:HEAD_BYTES], "big")
        message, app_id = plain[HEAD_BYTES : HEAD_BYTES + length], plain[HEAD_BYTES + length :]
        if not hmac.compare_digest(app_id, self._app_id):
            raise ForgedPush
        return message

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES256(self._key), modes.CBC(self._key[:16]))


def signature_of(*words: str) -> str:
    return hashlib.sha1("".join(sorted(words)).encode(), usedforsecurity=False).hexdigest()


def _second(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else None


def _xml(body: bytes) -> Element:
    try:
        root: Element = ElementTree.fromstring(body)
    except (ParseError, defusedxml.DefusedXmlException, ValueError) as error:
        raise ForgedPush from error
    return root


def _text(element: Element, name: str) -> str:
    return element.findtext(name) or ""


def _event(message: Element) -> Scan | MessageEnded | None:
    if _text(message, "Event") == MESSAGE_ENDED:
        return MessageEnded(wechat_id=_text(message, "MsgID"), status=_text(message, "Status"))
    scene = _scene(_text(message, "Event"), _text(message, "EventKey"))
    openid, created_second = _text(message, "FromUserName"), _second(_text(message, "CreateTime"))
    if not scene or not openid or created_second is None:
        return None
    return Scan(openid=openid, scene=scene, created_second=created_second)


def _scene(event: str, key: str) -> str:
    """Who follows us already sends SCAN; who begins to, by the same scan, sends subscribe."""
    match event:
        case "SCAN":
            return key
        case "subscribe" if key.startswith(FOLLOWED):
            return key.removeprefix(FOLLOWED)
    return ""
