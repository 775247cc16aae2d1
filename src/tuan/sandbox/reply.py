"""What an account answers when somebody scans: text for their conversation, sealed like what was pushed."""

import hmac
import re
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tuan.sandbox.sealing import signature, unseal

LINK: Final = re.compile(r'<a href="(https?://[^"\s<>]+)">([^<]*)</a>')


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    text: str
    href: str | None = None


def read_reply(body: bytes, *, token: str, aes_key: str, app_id: str) -> str | None:
    """None when there is nothing to show, or it is not sealed and signed as it must be."""
    try:
        outside = fromstring(body)
        signed = [outside.findtext(name) or "" for name in ("TimeStamp", "Nonce", "Encrypt")]
        said = outside.findtext("MsgSignature") or ""
        if not hmac.compare_digest(said.encode(), signature(token, *signed).encode()):
            return None
        inside = fromstring(unseal(signed[-1], aes_key=aes_key, app_id=app_id))
    except (ParseError, DefusedXmlException, ValueError):
        return None
    text: str | None = inside.findtext("Content")
    return text if inside.findtext("MsgType") == "text" else None


def pieces(text: str) -> list[Piece]:
    """Text, and the links in it. Whatever else looks like markup is text."""
    found, end = [], 0
    for link in LINK.finditer(text):
        found.append(Piece(text=text[end : link.start()]))
        found.append(Piece(text=link[2], href=link[1]))
        end = link.end()
    return [*found, Piece(text=text[end:])]
