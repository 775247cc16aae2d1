"""Who may tell us things."""

from datetime import timedelta

import pytest

from tuan.kernel.clock import utc_now
from tuan.kernel.webhook import ForgedWebhook, signed_headers, verify

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSBtYWxsIGFuZCB0aGUgbWFya2V0"
BODY = '{"type":"team.formed"}'


def test_what_we_sign_verifies() -> None:
    now = utc_now()

    verify(SECRET, BODY.encode(), signed_headers(SECRET, id="e1", at=now, body=BODY), now=now)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "e2"},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "x"},
        {"webhook-signature": ""},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,é"},
    ],
)
def test_a_changed_header_is_a_forgery(change: dict[str, str]) -> None:
    headers = signed_headers(SECRET, id="e1", at=utc_now(), body=BODY) | change
    with pytest.raises(ForgedWebhook):
        verify(SECRET, BODY.encode(), headers, now=utc_now())


def test_another_secret_another_body_and_an_old_letter_are_forgeries() -> None:
    good = signed_headers(SECRET, id="e1", at=utc_now(), body=BODY)
    old = signed_headers(SECRET, id="e1", at=utc_now() - timedelta(seconds=310), body=BODY)
    for secret, body, headers in [
        ("whsec_b3RoZXI=", BODY, good),
        (SECRET, BODY + " ", good),
        (SECRET, BODY, old),
        (SECRET, BODY, {}),
    ]:
        with pytest.raises(ForgedWebhook):
            verify(secret, body.encode(), headers, now=utc_now())
    with pytest.raises(ForgedWebhook):
        verify(SECRET, b"\xff", good, now=utc_now())


def test_whoever_knows_one_of_two_secrets_can_verify() -> None:
    other = "whsec_b3RoZXI="
    headers = signed_headers(SECRET, other, id="e1", at=utc_now(), body=BODY)

    for secret in (SECRET, other):
        verify(secret, BODY.encode(), headers, now=utc_now())
    with pytest.raises(ForgedWebhook):
        verify("whsec_dGhpcmQ=", BODY.encode(), headers, now=utc_now())


def test_who_is_told_at_two_endpoints_knows_the_secret_of_each() -> None:
    ours, now = f"{SECRET} whsec_b3RoZXI=", utc_now()

    for secret in ours.split():
        verify(ours, BODY.encode(), signed_headers(secret, id="e1", at=now, body=BODY), now=now)
    for known in (ours, f"not-base64 {SECRET}", ""):
        headers = signed_headers("whsec_dGhpcmQ=", id="e1", at=now, body=BODY)
        with pytest.raises(ForgedWebhook):
            verify(known, BODY.encode(), headers, now=now)
