"""A source is connected: it gets keys to speak with, and endpoints to be told things at."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.egress import Egress
from tuan.kernel.errors import NotFound, Refusal
from tuan.kernel.ids import fingerprint, new_id, new_secret
from tuan.market import store_source as store
from tuan.market.delivery import Format
from tuan.market.operator import Deed
from tuan.market.published import ADDRESS
from tuan.market.store_operator import record
from tuan.market.store_source import Endpoint, Key, Source
from tuan.market.way_out import require_reachable


class SourceExists(Refusal):
    """There is a source with this id."""

    code = "source_exists"


class KeyRevoked(Refusal):
    """This key was revoked."""

    code = "key_revoked"


class EndpointDisabled(Refusal):
    """This endpoint is disabled."""

    code = "endpoint_disabled"


class NoBrokerHere(Refusal):
    """This market publishes nothing: no broker is configured."""

    code = "no_broker"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    key: Key
    secret: str  # Shown once, kept by nobody.


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSecret:
    endpoint: Endpoint
    secret: str  # Shown once.


async def create_source(pool: Pool, *, id: str, name: str, deed: Deed) -> Source:
    """Raises SourceExists."""
    source = Source(id=id, name=name, created_at=deed.at)
    async with transaction(pool) as connection:
        if not await store.add_source(connection, source):
            raise SourceExists
        await record(connection, deed, "source.created", about=f"source:{id}", after=source)
    return source


async def keys(pool: Pool, source: str) -> Sequence[Key]:
    """Raises NotFound for a source there is not."""
    async with transaction(pool) as connection:
        await _require_source(connection, source)
        return await store.keys_of(connection, source)


async def issue_key(pool: Pool, source: str, *, deed: Deed) -> NewKey:
    """Raises NotFound for a source there is not."""
    async with transaction(pool) as connection:
        await _require_source(connection, source)
        issued = await _add_key(connection, source, now=deed.at)
        await record(connection, deed, "key.issued", about=_about_key(issued.key), after=issued.key)
    return issued


async def revoke_key(pool: Pool, *, source: str, key_id: str, deed: Deed) -> Key:
    """At once, even if it was to be revoked later. Raises NotFound or KeyRevoked."""
    async with transaction(pool) as connection:
        before = await _hold_key(connection, source=source, key_id=key_id, now=deed.at)
        after = await _revoke(connection, before, at=deed.at)
        await record(connection, deed, "key.revoked", about=_about_key(before), before=before, after=after)
    return after


async def rotate_key(
    pool: Pool, *, source: str, key_id: str, revoke_at: datetime | None, deed: Deed
) -> NewKey:
    """A new key; the old one is good until `revoke_at`, or no more. Raises NotFound or KeyRevoked."""
    async with transaction(pool) as connection:
        before = await _hold_key(connection, source=source, key_id=key_id, now=deed.at)
        after = await _revoke(connection, before, at=max(deed.at, revoke_at or deed.at))
        issued = await _add_key(connection, source, now=deed.at)
        await record(
            connection,
            deed,
            "key.rotated",
            about=_about_key(before),
            before=before,
            after={"old": after, "new": issued.key},
        )
    return issued


async def create_endpoint(
    pool: Pool,
    *,
    source: str,
    url: str,
    format: Format,
    egress: Egress,
    publishes: bool,
    deed: Deed,
) -> NewSecret:
    """Raises NotFound for a source there is not, AddressNotPublic for a URL into a private network, and
    NoBrokerHere where there is none to publish at."""
    if url != ADDRESS:
        await require_reachable(egress, url)
    elif not publishes:
        raise NoBrokerHere
    endpoint = Endpoint(id=new_id(), source=source, url=url, format=format, created_at=deed.at)
    secret = _new_webhook_secret()
    async with transaction(pool) as connection:
        await _require_source(connection, source)
        await store.add_endpoint(connection, endpoint, secret=secret)
        await record(connection, deed, "endpoint.created", about=_about_endpoint(endpoint), after=endpoint)
    return NewSecret(endpoint=endpoint, secret=secret)


async def disable_endpoint(pool: Pool, endpoint_id: str, *, deed: Deed) -> Endpoint:
    """Nothing more is sent there, not even what is on its way. Raises NotFound or EndpointDisabled."""
    async with transaction(pool) as connection:
        before = await hold_active_endpoint(connection, endpoint_id)
        after = replace(before, disabled_at=deed.at)
        await store.disable_endpoint(connection, endpoint_id, at=deed.at)
        await record(
            connection, deed, "endpoint.disabled", about=_about_endpoint(before), before=before, after=after
        )
    return after


async def rotate_secret(pool: Pool, endpoint_id: str, *, previous_lasts: timedelta, deed: Deed) -> NewSecret:
    """Both secrets sign until the previous one's time is over. Raises NotFound or EndpointDisabled."""
    secret = _new_webhook_secret()
    until = deed.at + previous_lasts if previous_lasts else None
    async with transaction(pool) as connection:
        before = await hold_active_endpoint(connection, endpoint_id)
        after = replace(before, previous_secret_until=until)
        await store.rotate_secret(connection, endpoint_id, secret=secret, previous_until=until)
        await record(
            connection,
            deed,
            "endpoint.secret_rotated",
            about=_about_endpoint(before),
            before=before,
            after=after,
        )
    return NewSecret(endpoint=after, secret=secret)


async def hold_active_endpoint(connection: Connection, endpoint_id: str) -> Endpoint:
    """Raises NotFound or EndpointDisabled."""
    endpoint = await store.hold_endpoint(connection, endpoint_id)
    if endpoint is None:
        raise NotFound("There is no such endpoint.")
    if endpoint.disabled_at is not None:
        raise EndpointDisabled
    return endpoint


async def _require_source(connection: Connection, source: str) -> None:
    if not await store.has_source(connection, source):
        raise NotFound("There is no such source.")


async def _hold_key(connection: Connection, *, source: str, key_id: str, now: datetime) -> Key:
    key = await store.hold_key(connection, source=source, key_id=key_id)
    if key is None:
        raise NotFound("There is no such key.")
    if key.revoked_at is not None and key.revoked_at <= now:
        raise KeyRevoked
    return key


async def _add_key(connection: Connection, source: str, *, now: datetime) -> NewKey:
    secret = new_secret()
    key = await store.add_key(connection, fingerprint=fingerprint(secret), source=source, now=now)
    return NewKey(key=key, secret=secret)


async def _revoke(connection: Connection, key: Key, *, at: datetime) -> Key:
    await store.revoke_key(connection, key, at=at)
    return replace(key, revoked_at=at)


def _new_webhook_secret() -> str:
    """As Standard Webhooks write them: 24 random bytes in base64, and a prefix by which to know them."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


def _about_key(key: Key) -> str:
    return f"key:{key.id}"


def _about_endpoint(endpoint: Endpoint) -> str:
    return f"endpoint:{endpoint.id}"
