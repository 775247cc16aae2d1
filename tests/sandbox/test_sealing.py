"""WeChat's signature and seal against the vectors of its own documents."""

import json

import pytest
from sandbox_builders import unseal

from tuan.sandbox.sealing import key_bytes, seal, signature

TOKEN = "AAAAA"
AES_KEY = "A" * 43
APP_ID = "wxba5fad812f8e6fb9"
SEALED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsX"
    "UnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajA"
    "sjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)


@pytest.mark.parametrize(
    ("timestamp", "nonce", "expected"),
    [
        ("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
    ],
)
def test_the_signature_of_the_document(timestamp: str, nonce: str, expected: str) -> None:
    assert signature(TOKEN, timestamp, nonce) == expected


def test_the_signature_over_a_seal_of_the_document() -> None:
    expected = "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"
    assert signature(TOKEN, "1714112445", "415670741", SEALED) == expected


def test_the_seal_of_the_document_opens() -> None:
    assert json.loads(unseal(SEALED, aes_key=AES_KEY, app_id=APP_ID)) == {
        "ToUserName": "gh_97417a04a28d",
        "FromUserName": "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
        "CreateTime": 1714112445,
        "MsgType": "event",
        "Event": "debug_demo",
        "debug_str": "hello world",
    }


@pytest.mark.parametrize("length", [0, 1, 11, 12, 31, 32, 33, 1000])
def test_what_is_sealed_opens_again_whatever_its_length(length: int) -> None:
    message = "团" * length

    sealed = seal(message, aes_key=AES_KEY, app_id=APP_ID)

    assert unseal(sealed, aes_key=AES_KEY, app_id=APP_ID) == message
    assert seal(message, aes_key=AES_KEY, app_id=APP_ID) != sealed


@pytest.mark.parametrize("aes_key", ["A" * 42, "A" * 44, "A" * 40 + "!!!", ""])
def test_a_key_has_43_characters(aes_key: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- base64 has its own messages.
        key_bytes(aes_key)
