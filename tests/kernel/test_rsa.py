"""Keys as people paste them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tuan.kernel import rsa

KEY = rsa.new_private_key()


def pasted(form: PrivateFormat, *, bare: bool) -> str:
    if bare:
        der = KEY.private_bytes(Encoding.DER, form, NoEncryption())
        return base64.b64encode(der).decode()
    return KEY.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("bare", [False, True])
def test_all_four_forms_of_a_private_key_are_the_same_key(form: PrivateFormat, bare: bool) -> None:
    assert rsa.load_private_key(pasted(form, bare=bare)).private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize("bare", [False, True])
def test_both_forms_of_a_public_key_verify(bare: bool) -> None:
    public = KEY.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b64encode(der).decode() if bare else rsa.public_pem(public)

    assert rsa.verifies(rsa.load_public_key(text), "团", rsa.sign(KEY, "团"))


@pytest.mark.parametrize(
    "signature",
    ["", "AAAA", "not base64!", rsa.sign(rsa.new_private_key(), "团")],
    ids=["nothing", "short", "not base64", "another key's"],
)
def test_what_does_not_verify(signature: str) -> None:
    assert not rsa.verifies(KEY.public_key(), "团", signature)


def test_another_kind_of_key_is_refused() -> None:
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="not an RSA key"):
        rsa.load_private_key(other.decode())
