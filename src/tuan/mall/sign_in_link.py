"""The address at which a phone confirms a sign-in: told to who scanned the code, and to nobody else."""

import hashlib
import hmac

from tuan.kernel.errors import NotFound
from tuan.mall.buyer import LoginTicket

PURPOSE = b"tuan sign-in link"


class SignInLinks:
    def __init__(self, *, public_url: str, app_secret: str) -> None:
        self._public_url = public_url
        self._key = hmac.digest(app_secret.encode(), PURPOSE, "sha256")

    def link(self, ticket: LoginTicket) -> str:
        """The same each time, so that a push told again is answered alike."""
        return f"{self._public_url}/sign-in/{ticket.id}/{self._proof(ticket)}"

    def require(self, ticket: LoginTicket, proof: str) -> None:
        """Raises NotFound unless it is what the phone that scanned this ticket was told."""
        told = self._proof(ticket).encode()
        if ticket.openid is None or not hmac.compare_digest(proof.encode(), told):
            raise NotFound

    def _proof(self, ticket: LoginTicket) -> str:
        said = f"{ticket.id} {ticket.openid}".encode()
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()
