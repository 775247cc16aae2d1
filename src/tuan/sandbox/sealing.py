"""How WeChat signs what it pushes, and seals it so that only the account's owner can read it."""

import base64
import hashlib
import secrets
import struct
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

PADDED_TO_BITS: Final = 32 * 8  # WeChat pads to its key's length, not to the cipher's block.
RANDOM_BYTES: Final = 16


def signature(*parts: str) -> str:
    """Of token, timestamp and nonce; or of those and what is sealed, as msg_signature."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def seal(message: str, *, aes_key: str, app_id: str) -> str:
    """`aes_key` is the 43 characters of the console. Returns what goes into <Encrypt>."""
    text = message.encode()
    plain = secrets.token_bytes(RANDOM_BYTES) + struct.pack(">I", len(text)) + text + app_id.encode()
    padder, encryptor = PKCS7(PADDED_TO_BITS).padder(), _cipher(aes_key).encryptor()
    padded = padder.update(plain) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def unseal(sealed: str, *, aes_key: str, app_id: str) -> str:
    """Raises ValueError for what was not sealed with this key, or for this account."""
    decryptor, unpadder = _cipher(aes_key).decryptor(), PKCS7(PADDED_TO_BITS).unpadder()
    padded = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
    plain = unpadder.update(padded) + unpadder.finalize()
    begin = RANDOM_BYTES + 4
    end = begin + int.from_bytes(plain[RANDOM_BYTES:begin], "big")
    if plain[end:] != app_id.encode():
        raise ValueError("sealed for another account")
    return plain[begin:end].decode()


def key_bytes(aes_key: str) -> bytes:
    """Raises ValueError unless it is 43 characters of base64 for 32 bytes."""
    key = base64.b64decode(aes_key + "=", validate=True)
    if len(key) != 32:
        raise ValueError("an EncodingAESKey has 43 characters")
    return key


def _cipher(aes_key: str) -> Cipher[CBC]:
    key = key_bytes(aes_key)
    return Cipher(AES(key), CBC(key[:16]))
