"""How Alipay signs: requests, answers, and notifies, each in its own way.

By Alipay's signing document (RSA2: RSASSA-PKCS1-v1_5 with SHA-256) and the code of its SDKs where
the document is silent.
"""

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tuan.kernel.rsa import verifies

FIELDS_MAX = 100
UNSIGNED_IN_NOTIFY = frozenset({"sign", "sign_type"})


def canonical(params: Mapping[str, str], *, without: frozenset[str] = frozenset({"sign"})) -> str:
    """What is signed: name=value, sorted by name, joined by &, values as they are before any encoding."""
    named = sorted((name, value) for name, value in params.items() if name not in without)
    return "&".join(f"{name}={value}" for name, value in named)


def request_text(params: Mapping[str, str]) -> str:
    """Of a request: everything that is not empty, sign_type included."""
    return canonical({name: value for name, value in params.items() if value})


def notify_is_signed(params: Mapping[str, str], key: RSAPublicKey) -> bool:
    """Of a notify or a return ("V1"): without sign_type. Alipay's own SDKs differ on empty values."""
    if params.get("sign_type") != "RSA2":
        return False
    signature = params.get("sign", "")
    if verifies(key, canonical(params, without=UNSIGNED_IN_NOTIFY), signature):
        return True
    filled = {name: value for name, value in params.items() if value}
    return filled != params and verifies(key, canonical(filled, without=UNSIGNED_IN_NOTIFY), signature)


def form_fields(raw: bytes) -> dict[str, str]:
    """A form body or a query string. Raises ValueError unless it says every name once, in clean UTF-8."""
    pairs = parse_qsl(
        raw.decode("ascii"),
        keep_blank_values=True,
        strict_parsing=True,
        errors="strict",
        max_num_fields=FIELDS_MAX,
    )
    fields = dict(pairs)
    if not pairs or len(fields) != len(pairs):
        raise ValueError("nothing is said, or something twice")
    if any("\0" in text for pair in pairs for text in pair):
        raise ValueError("a NUL is no text")
    return fields


def signed_node(body: str, name: str) -> str | None:
    """The object named `name`, byte for byte as it was sent: to write it anew would break its signature."""
    if not (found := re.search(rf'"{re.escape(name)}"\s*:\s*(?=\{{)', body)):
        return None
    depth, quoted, escaped = 0, False, False
    for position in range(found.end(), len(body)):
        letter = body[position]
        if quoted:
            escaped, quoted = letter == "\\" and not escaped, escaped or letter != '"'
        elif letter == '"':
            quoted = True
        elif letter in "{}":
            depth += 1 if letter == "{" else -1
            if depth == 0:
                return body[found.end() : position + 1]
    return None


def answer_is_signed(node: str, body: str, key: RSAPublicKey) -> bool:
    """Alipay's gateway signs slashes escaped or not, whichever way it sends them."""
    signature = json.loads(body).get("sign")
    if not isinstance(signature, str):
        return False
    return verifies(key, node, signature) or (
        "\\/" in node and verifies(key, node.replace("\\/", "/"), signature)
    )
