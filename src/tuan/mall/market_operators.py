"""Who is at the console: the market knows, and is asked; while it is away, what it said lately counts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from tuan.kernel.errors import Refusal
from tuan.kernel.ids import fingerprint
from tuan.kernel.log import REQUEST_ID_HEADER, request_id
from tuan.mall.buyer import NotSignedIn
from tuan.mall.operator import Operator, Role

# Which of them the market believes depends on its public address, and is the market's affair.
COOKIES = ("__Host-tuan_operator", "tuan_operator")
SECRET = re.compile(r"[A-Za-z0-9_-]{20,128}", re.ASCII)
TIMEOUT = httpx.Timeout(2.0)

COUNTS_FOR = timedelta(seconds=5)
COUNTS_ALONE_FOR = timedelta(minutes=5)  # Counted from when it was asked for, while no answer comes.
REMEMBERED_MAX = 1_000
log = structlog.get_logger()


class SignInUnknown(Refusal):
    """The market, which knows who is signed in, does not answer; ask again shortly."""

    code = "sign_in_unknown"
    status = 503
    retry_after_seconds = 5


class Me(BaseModel):
    """What the mall reads of the market's answer."""

    id: str
    name: str
    role: Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    operator: Operator
    asked_at: datetime


class Operators:
    """Remembers, in this process, who was behind a cookie: by its fingerprint, never the cookie itself."""

    def __init__(self, http: httpx.AsyncClient, *, url: str) -> None:
        self._http = http
        self._url = f"{url.rstrip('/')}/console/v1/me"
        self._known: dict[bytes, Known] = {}
        self._silent_until: datetime | None = None

    async def who_is(self, cookies: Mapping[str, str], *, now: datetime) -> Operator:
        """Raises NotSignedIn, or SignInUnknown while the market does not answer."""
        sent = _operators_own(cookies)
        if not sent:
            raise NotSignedIn

        key = fingerprint(sent)
        known = self._known.get(key)
        if known is not None and now < known.asked_at + self._trusted_for(now):
            return known.operator
        try:
            operator = await self._ask(sent)
        except SignInUnknown:
            self._silent_until = now + COUNTS_FOR
            if known is not None and now < known.asked_at + COUNTS_ALONE_FOR:
                return known.operator
            raise
        except NotSignedIn:
            self._known.pop(key, None)
            raise
        self._remember(key, Known(operator=operator, asked_at=now))
        return operator

    def _trusted_for(self, now: datetime) -> timedelta:
        """A market that has just not answered is not waited for again by everybody."""
        is_silent = self._silent_until is not None and now < self._silent_until
        return COUNTS_ALONE_FOR if is_silent else COUNTS_FOR

    def _remember(self, key: bytes, known: Known) -> None:
        self._known.pop(key, None)
        if len(self._known) >= REMEMBERED_MAX:
            del self._known[next(iter(self._known))]  # The one asked about longest ago.
        self._known[key] = known

    async def _ask(self, cookie: str) -> Operator:
        """Raises NotSignedIn, SignInUnknown."""
        headers = {"cookie": cookie}
        if origin := request_id():
            headers[REQUEST_ID_HEADER] = origin
        try:
            response = await self._http.get(self._url, headers=headers, timeout=TIMEOUT)
        except httpx.HTTPError as error:
            raise SignInUnknown from error
        if response.status_code == 401:
            raise NotSignedIn
        try:
            if response.status_code == 200:
                me = Me.model_validate_json(response.content)
                return Operator(id=me.id, name=me.name, role=me.role)
        except ValidationError as error:
            log.error("market_answer_unreadable", path="/console/v1/me", status=200)
            raise SignInUnknown from error
        log.error("market_unavailable", path="/console/v1/me", status=response.status_code)
        raise SignInUnknown


def _operators_own(cookies: Mapping[str, str]) -> str:
    """What to hand on of a browser's cookies; empty when it has none that could be an operator's."""
    ours = ((name, cookies.get(name, "")) for name in COOKIES)
    return "; ".join(f"{name}={secret}" for name, secret in ours if SECRET.fullmatch(secret))
