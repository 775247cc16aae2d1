"""Standard Webhooks: an id, a time and a signature, so that the receiver knows who speaks, and when."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import standardwebhooks

from tuan.kernel.errors import Refusal

ID_HEADER = "webhook-id"
TIME_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
FRESH_FOR = timedelta(minutes=5)


class ForgedWebhook(Refusal):
    """The signature of this webhook does not verify."""

    code = "forged_webhook"
    status = 401


def signed_headers(*secrets: str, id: str, at: datetime, body: str) -> dict[str, str]:
    """Signed with each secret, so that a receiver who knows any one of them can verify."""
    return {
        "content-type": "application/json",
        ID_HEADER: id,
        TIME_HEADER: str(int(at.timestamp())),
        SIGNATURE_HEADER: " ".join(standardwebhooks.Webhook(secret).sign(id, at, body) for secret in secrets),
    }


def verify(secrets: str, body: bytes, headers: Mapping[str, str], *, now: datetime | None) -> None:
    """Raises ForgedWebhook unless signed with our secret, and within five minutes of now; where now is None,
    whenever: a message may wait in a queue for days.

    Who is told at several endpoints has a secret of each, separated by spaces.
    """
    try:
        at = datetime.fromtimestamp(int(headers[TIME_HEADER]), UTC)
        ours = [_signature(secret, headers[ID_HEADER], at, body) for secret in secrets.split()]
        shown = headers[SIGNATURE_HEADER].split(" ")
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise ForgedWebhook from error

    is_signed = any(hmac.compare_digest(one, theirs.encode()) for one in ours if one for theirs in shown)
    if not is_signed or (now and abs(now - at) > FRESH_FOR):
        raise ForgedWebhook


def _signature(secret: str, id: str, at: datetime, body: bytes) -> bytes | None:
    """None when the secret is none."""
    try:
        return standardwebhooks.Webhook(secret).sign(id, at, body.decode()).encode()
    except ValueError:
        return None
