"""Sources, the keys by which they are known, and the endpoints where they hear of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tuan.kernel.db import Connection, row_of
from tuan.market.delivery import Format

SHORT_ID_BYTES: Final = 6  # Of a key's fingerprint: twelve hex digits to speak of it.

SOURCES: Final = "SELECT id, name, created_at FROM source ORDER BY id"
HAS_SOURCE: Final = "SELECT EXISTS (SELECT FROM source WHERE id = %s)"
ADD_SOURCE: Final = """
    INSERT INTO source (id, name, created_at) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING RETURNING id"""

KEY_COLUMNS: Final = f"""
    encode(substring(fingerprint FOR {SHORT_ID_BYTES}), 'hex') AS id, source, created_at, revoked_at"""
KEYS: Final = f"SELECT {KEY_COLUMNS} FROM api_key WHERE source = %s ORDER BY created_at DESC, fingerprint"
HOLD_KEY: Final = f"""
    SELECT {KEY_COLUMNS} FROM api_key
    WHERE source = %s AND substring(fingerprint FOR {SHORT_ID_BYTES}) = %s FOR UPDATE"""
ADD_KEY: Final = f"""
    INSERT INTO api_key (fingerprint, source, created_at) VALUES (%s, %s, %s) RETURNING {KEY_COLUMNS}"""
REVOKE_KEY: Final = f"""
    UPDATE api_key SET revoked_at = %s
    WHERE source = %s AND substring(fingerprint FOR {SHORT_ID_BYTES}) = %s"""

ENDPOINT_COLUMNS: Final = "id, source, url, format, created_at, disabled_at, previous_secret_until"
ENDPOINTS: Final = f"""
    SELECT {ENDPOINT_COLUMNS} FROM endpoint WHERE (%(source)s::text IS NULL OR source = %(source)s)
    ORDER BY source, created_at, id"""
HOLD_ENDPOINT: Final = f"SELECT {ENDPOINT_COLUMNS} FROM endpoint WHERE id = %s FOR UPDATE"
ADD_ENDPOINT: Final = """
    INSERT INTO endpoint (id, source, url, format, secret, created_at) VALUES (%s, %s, %s, %s, %s, %s)"""
DISABLE_ENDPOINT: Final = "UPDATE endpoint SET disabled_at = %s WHERE id = %s"
NEXT_SIGNING: Final = """
    UPDATE endpoint SET secret = %(secret)s,
        previous_secret = CASE WHEN %(until)s::timestamptz IS NULL THEN NULL ELSE secret END,
        previous_secret_until = %(until)s
    WHERE id = %(id)s"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    id: str  # The beginning of its fingerprint. The key itself is kept by nobody.
    source: str
    created_at: datetime
    revoked_at: datetime | None  # Possibly still to come.


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    id: str
    source: str
    url: str
    format: Format
    created_at: datetime
    disabled_at: datetime | None = None
    previous_secret_until: datetime | None = None


async def sources(connection: Connection) -> Sequence[Source]:
    async with connection.cursor(row_factory=row_of(Source)) as cursor:
        await cursor.execute(SOURCES)
        return await cursor.fetchall()


async def has_source(connection: Connection, source: str) -> bool:
    row = await (await connection.execute(HAS_SOURCE, [source])).fetchone()
    return row is not None and bool(row[0])


async def add_source(connection: Connection, source: Source) -> bool:
    """False, and nothing added, when there is one with this id."""
    answer = await connection.execute(ADD_SOURCE, [source.id, source.name, source.created_at])
    return await answer.fetchone() is not None


async def keys_of(connection: Connection, source: str) -> Sequence[Key]:
    async with connection.cursor(row_factory=row_of(Key)) as cursor:
        await cursor.execute(KEYS, [source])
        return await cursor.fetchall()


async def hold_key(connection: Connection, *, source: str, key_id: str) -> Key | None:
    async with connection.cursor(row_factory=row_of(Key)) as cursor:
        await cursor.execute(HOLD_KEY, [source, bytes.fromhex(key_id)])
        return await cursor.fetchone()


async def add_key(connection: Connection, *, fingerprint: bytes, source: str, now: datetime) -> Key:
    async with connection.cursor(row_factory=row_of(Key)) as cursor:
        await cursor.execute(ADD_KEY, [fingerprint, source, now])
        [key] = await cursor.fetchall()
        return key


async def revoke_key(connection: Connection, key: Key, *, at: datetime) -> None:
    await connection.execute(REVOKE_KEY, [at, key.source, bytes.fromhex(key.id)])


async def endpoints(connection: Connection, *, source: str | None) -> Sequence[Endpoint]:
    async with connection.cursor(row_factory=row_of(Endpoint)) as cursor:
        await cursor.execute(ENDPOINTS, {"source": source})
        return await cursor.fetchall()


async def hold_endpoint(connection: Connection, endpoint_id: str) -> Endpoint | None:
    async with connection.cursor(row_factory=row_of(Endpoint)) as cursor:
        await cursor.execute(HOLD_ENDPOINT, [endpoint_id])
        return await cursor.fetchone()


async def add_endpoint(connection: Connection, endpoint: Endpoint, *, secret: str) -> None:
    await connection.execute(
        ADD_ENDPOINT,
        [endpoint.id, endpoint.source, endpoint.url, endpoint.format, secret, endpoint.created_at],
    )


async def disable_endpoint(connection: Connection, endpoint_id: str, *, at: datetime) -> None:
    await connection.execute(DISABLE_ENDPOINT, [at, endpoint_id])


async def rotate_secret(
    connection: Connection, endpoint_id: str, *, secret: str, previous_until: datetime | None
) -> None:
    """The secret it had signs beside the new one until then; None: from now on it does not."""
    await connection.execute(NEXT_SIGNING, {"id": endpoint_id, "secret": secret, "until": previous_until})
