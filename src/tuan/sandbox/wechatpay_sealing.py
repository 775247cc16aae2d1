"""What WeChat Pay seals so that only the merchant can read it: AEAD_AES_256_GCM under the APIv3 key."""

import base64
import secrets
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ALGORITHM: Final = "AEAD_AES_256_GCM"
NONCE_LETTERS: Final = 12  # The nonce is text, and its bytes are the nonce.


def seal(plain: str, *, key: bytes, associated_data: str) -> dict[str, str]:
    """The ciphertext carries its tag at the end."""
    nonce = secrets.token_hex(NONCE_LETTERS // 2)
    sealed = AESGCM(key).encrypt(nonce.encode(), plain.encode(), associated_data.encode())
    return {
        "algorithm": ALGORITHM,
        "ciphertext": base64.b64encode(sealed).decode(),
        "associated_data": associated_data,
        "nonce": nonce,
    }
