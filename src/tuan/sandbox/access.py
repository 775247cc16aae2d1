"""Access tokens of WeChat: the stable kind, which stays the same, and the old, replaced at each call."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import Refusal
from tuan.sandbox.wechat_store import AccessToken, WechatStore

LASTS: Final = timedelta(seconds=7200)
OVERLAP: Final = timedelta(minutes=5)  # How long the last token stays good beside the next.
STABLE: Final = "stable"
LEGACY: Final = "legacy"


class WechatError(Refusal):
    """WeChat says no with status 200, and a number."""

    errcode: ClassVar[int] = -1


class TokenMissing(WechatError):
    """access_token missing"""

    errcode = 41001


class TokenInvalid(WechatError):
    """invalid credential, access_token is invalid or not latest"""

    errcode = 40001


class TokenExpired(WechatError):
    """access_token expired"""

    errcode = 42001


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    access_token: str
    expires_in: int


async def issue_stable(pool: Pool, *, force_refresh: bool, now: datetime) -> Issued:
    """The same token to everyone who asks, until five minutes before its end. Forcing ends it at once."""
    async with transaction(pool) as connection:
        store = WechatStore(connection)
        await store.hold_tokens(STABLE)
        latest = await store.latest_token(STABLE)
        if latest and not force_refresh and now < latest.expires_at - OVERLAP:
            return _issued(latest, now)

        if force_refresh:
            await store.end_tokens(STABLE, at=now)
        return await _issue(store, STABLE, now)


async def issue_legacy(pool: Pool, *, now: datetime) -> Issued:
    """Every call is a new token, and leaves the last one five minutes."""
    async with transaction(pool) as connection:
        store = WechatStore(connection)
        await store.hold_tokens(LEGACY)
        await store.end_tokens(LEGACY, at=now + OVERLAP)
        return await _issue(store, LEGACY, now)


async def require_token(store: WechatStore, token: str, *, now: datetime) -> None:
    """Raises TokenMissing, TokenInvalid or TokenExpired."""
    if not token:
        raise TokenMissing
    known = await store.find_token(token) if is_word(token) else None
    if known is None:
        raise TokenInvalid
    if now >= known.expires_at:
        raise TokenExpired


def is_word(text: str) -> bool:
    """Whether this can be a token or a ticket at all: the database takes no NUL and no half characters."""
    return text.isascii() and text.isprintable()


async def _issue(store: WechatStore, kind: str, now: datetime) -> Issued:
    token = AccessToken(
        token=f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(96)}",
        kind=kind,
        issued_at=now,
        expires_at=now + LASTS,
    )
    await store.add_token(token)
    return _issued(token, now)


def _issued(token: AccessToken, now: datetime) -> Issued:
    return Issued(access_token=token.token, expires_in=int((token.expires_at - now).total_seconds()))
