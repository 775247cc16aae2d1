"""RSA with SHA-256, in the forms in which people paste their keys."""

import base64
import binascii
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)


def new_private_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@lru_cache
def load_private_key(text: str) -> RSAPrivateKey:
    """PKCS#1 or PKCS#8, as PEM or as one bare line of base64. Raises ValueError for anything else.

    To check a key takes 60 ms, so each is checked once.
    """
    key = (
        load_pem_private_key(text.encode(), password=None)
        if text.lstrip().startswith("-----")
        else load_der_private_key(_bare(text), password=None)
    )
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


def load_public_key(text: str) -> RSAPublicKey:
    """As PEM or as one bare line of base64. Raises ValueError for anything else."""
    key = (
        load_pem_public_key(text.encode())
        if text.lstrip().startswith("-----")
        else load_der_public_key(_bare(text))
    )
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign(key: RSAPrivateKey, message: str) -> str:
    """The signature in base64: 344 characters for a key of 2048 bits."""
    return base64.b64encode(key.sign(message.encode(), PKCS1v15(), hashes.SHA256())).decode()


def verifies(key: RSAPublicKey, message: str, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), message.encode(), PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _bare(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)
