"""Names for new rows: in the order they were made, so an index grows at one end; and secrets."""

import hashlib
import secrets

from uuid_utils import uuid7

# Crockford's alphabet: no letter can be read as a digit.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    return str(uuid7())


def new_code(length: int) -> str:
    """What a person may read out, and nobody can guess: five bits a letter."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> bytes:
    """How a secret of 256 random bits is kept: one round is enough where there is nothing to guess."""
    return hashlib.sha256(secret.encode()).digest()
