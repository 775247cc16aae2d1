"""Standard Webhooks: an id, a time and a signature, so that the receiver knows who speaks, and when."""

from collections.abc import Mapping
from datetime import datetime

import standardwebhooks

from tuan.kernel.errors import Refusal

ID_HEADER = "webhook-id"


class ForgedWebhook(Refusal):
    """The signature of this webhook does not verify."""

    code = "forged_webhook"
    status = 401


def signed_headers(*secrets: str, id: str, at: datetime, body: str) -> dict[str, str]:
    """Signed with each secret, so that a receiver who knows any one of them can verify."""
    return {
        "content-type": "application/json",
        ID_HEADER: id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(
            standardwebhooks.Webhook(secret).sign(id, at, body) for secret in secrets
        ),
    }


def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Raises ForgedWebhook unless signed with our secret within the last five minutes."""
    try:
        standardwebhooks.Webhook(secret).verify(body, dict(headers))
    except (standardwebhooks.WebhookVerificationError, ValueError) as error:
        raise ForgedWebhook from error
