"""Operators, their sessions and tries to sign in, and the record of what they changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tuan.kernel.db import Connection, row_of
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.market.operator import SESSION_IDLE_MAX, SESSION_LASTS, TRIES_WINDOW, Deed, Operator, Role

OPERATOR_COLUMNS: Final = "operator.id, operator.name, role, operator.created_at, disabled_at"

# One name's tries come one after the other, or a hundred at once would all find room.
HOLD_TRIES: Final = "SELECT pg_advisory_xact_lock(hashtextextended('sign-in ' || %s, 0))"
COUNT_TRIES: Final = "SELECT count(*) FROM sign_in_try WHERE name = %s AND at > %s"
FORGET_OLD_TRIES: Final = """
    DELETE FROM sign_in_try WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM sign_in_try WHERE at <= %s LIMIT 100 FOR UPDATE SKIP LOCKED))"""
ADD_TRY: Final = "INSERT INTO sign_in_try (name, at) VALUES (%s, %s)"
FORGET_TRIES: Final = "DELETE FROM sign_in_try WHERE name = %s"

CREDENTIALS: Final = "SELECT id, password_hash FROM operator WHERE name = %s AND disabled_at IS NULL"

# The password was checked a moment ago: whoever changes it, or dismisses its owner, waits for us.
ADD_SESSION: Final = """
    INSERT INTO operator_session (fingerprint, operator_id, created_at, seen_at, expires_at)
    SELECT %(fingerprint)s, id, %(now)s, %(now)s, %(expires_at)s FROM operator
    WHERE (id, password_hash) = (%(operator_id)s, %(password_hash)s) AND disabled_at IS NULL FOR SHARE"""
FORGET_OLD_SESSIONS: Final = """
    DELETE FROM operator_session WHERE operator_id = %s AND (expires_at <= %s OR seen_at <= %s)"""
# Once a minute is enough to know that somebody is there.
SEEN: Final = """
    UPDATE operator_session SET seen_at = %(now)s
    WHERE fingerprint = %(fingerprint)s AND expires_at > %(now)s AND seen_at > %(idle_since)s
        AND seen_at <= %(now)s - interval '1 minute'"""
SIGNED_IN: Final = f"""
    SELECT {OPERATOR_COLUMNS} FROM operator_session JOIN operator ON operator.id = operator_id
    WHERE fingerprint = %(fingerprint)s AND expires_at > %(now)s AND seen_at > %(idle_since)s
        AND disabled_at IS NULL"""
END_SESSION: Final = "DELETE FROM operator_session WHERE fingerprint = %s"
END_SESSIONS: Final = "DELETE FROM operator_session WHERE operator_id = %s"

OPERATORS: Final = f"SELECT {OPERATOR_COLUMNS} FROM operator ORDER BY name"
# All of them, always in the same order: of two admins who dismiss each other, one waits and is refused.
HOLD_OPERATORS: Final = f"SELECT {OPERATOR_COLUMNS} FROM operator ORDER BY id FOR UPDATE"
HAS_OPERATOR: Final = "SELECT EXISTS (SELECT FROM operator WHERE name = %s)"
ADD_OPERATOR: Final = """
    INSERT INTO operator (id, name, password_hash, role, created_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (name) DO NOTHING RETURNING id"""
SAVE_OPERATOR: Final = "UPDATE operator SET role = %s, disabled_at = %s WHERE id = %s"
SAVE_HASH: Final = "UPDATE operator SET password_hash = %s WHERE id = %s"

RECORD: Final = """
    INSERT INTO audit_log (at, operator_id, action, about, before, after, reason)
    VALUES (%s, %s, %s, %s, %s, %s, %s)"""
FOUND: Final = """
    SELECT audit_log.id, at, operator_id, name AS operator_name, action, about, before, after, reason
    FROM audit_log JOIN operator ON operator.id = operator_id
    WHERE (%(operator_id)s::text IS NULL OR operator_id = %(operator_id)s)
        AND (%(action)s::text IS NULL OR action = %(action)s)
        AND (%(about)s::text IS NULL OR about = %(about)s)
        AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR at < %(until)s)"""

JSON = msgspec.json.Encoder()


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    id: str
    password_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    id: int
    at: datetime
    operator_id: str
    operator_name: str
    action: str
    about: str
    before: Any
    after: Any
    reason: str


AUDIT: Final = Sorting[AuditEntry](
    # Entries are numbered as they are added.
    columns={"at": Column("audit_log.id", Kind.NUMBER, lambda entry: entry.id)},
    key=(),
    key_of=lambda _: (),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFilter:
    operator_id: str | None = None
    action: str | None = None
    about: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def hold_tries(connection: Connection, name: str, *, now: datetime) -> int:
    """How often somebody tried this name of late; until we commit, nobody else tries it."""
    await connection.execute(HOLD_TRIES, [name])
    row = await (await connection.execute(COUNT_TRIES, [name, now - TRIES_WINDOW])).fetchone()
    return row[0] if row else 0


async def add_try(connection: Connection, name: str, *, now: datetime) -> None:
    await connection.execute(FORGET_OLD_TRIES, [now - TRIES_WINDOW])
    await connection.execute(ADD_TRY, [name, now])


async def forget_tries(connection: Connection, name: str) -> None:
    await connection.execute(FORGET_TRIES, [name])


async def credentials_of(connection: Connection, name: str) -> Credentials | None:
    """None for a name that is nobody's, or of one who was dismissed."""
    async with connection.cursor(row_factory=row_of(Credentials)) as cursor:
        await cursor.execute(CREDENTIALS, [name])
        return await cursor.fetchone()


async def add_session(
    connection: Connection, known: Credentials, *, fingerprint: bytes, now: datetime
) -> Operator | None:
    """None if the operator was dismissed, or given another password, since we asked."""
    session = {
        "fingerprint": fingerprint,
        "operator_id": known.id,
        "password_hash": known.password_hash,
        "now": now,
        "expires_at": now + SESSION_LASTS,
    }
    await connection.execute(FORGET_OLD_SESSIONS, [known.id, now, now - SESSION_IDLE_MAX])
    await connection.execute(ADD_SESSION, session)
    return await signed_in(connection, fingerprint=fingerprint, now=now)


async def signed_in(connection: Connection, *, fingerprint: bytes, now: datetime) -> Operator | None:
    asked = {"fingerprint": fingerprint, "now": now, "idle_since": now - SESSION_IDLE_MAX}
    await connection.execute(SEEN, asked)
    async with connection.cursor(row_factory=row_of(Operator)) as cursor:
        await cursor.execute(SIGNED_IN, asked)
        return await cursor.fetchone()


async def end_session(connection: Connection, *, fingerprint: bytes) -> None:
    await connection.execute(END_SESSION, [fingerprint])


async def end_sessions(connection: Connection, *, operator_id: str) -> None:
    await connection.execute(END_SESSIONS, [operator_id])


async def operators(connection: Connection) -> list[Operator]:
    async with connection.cursor(row_factory=row_of(Operator)) as cursor:
        await cursor.execute(OPERATORS)
        return await cursor.fetchall()


async def hold_operators(connection: Connection) -> dict[str, Operator]:
    async with connection.cursor(row_factory=row_of(Operator)) as cursor:
        await cursor.execute(HOLD_OPERATORS)
        return {operator.id: operator for operator in await cursor.fetchall()}


async def has_operator(connection: Connection, name: str) -> bool:
    row = await (await connection.execute(HAS_OPERATOR, [name])).fetchone()
    return row is not None and bool(row[0])


async def add_operator(
    connection: Connection, *, id: str, name: str, password_hash: str, role: Role, now: datetime
) -> bool:
    """False, and nothing added, when the name is taken."""
    answer = await connection.execute(ADD_OPERATOR, [id, name, password_hash, role, now])
    return await answer.fetchone() is not None


async def save_operator(connection: Connection, operator: Operator) -> None:
    await connection.execute(SAVE_OPERATOR, [operator.role, operator.disabled_at, operator.id])


async def set_password(connection: Connection, *, operator_id: str, password_hash: str) -> None:
    await connection.execute(SAVE_HASH, [password_hash, operator_id])


async def record(
    connection: Connection,
    deed: Deed,
    action: str,
    *,
    about: str,
    before: object = None,
    after: object = None,
) -> None:
    """`about` is a noun and its id, as in campaign:100123; `before` and `after` become JSON."""
    states = [None if state is None else JSON.encode(state).decode() for state in (before, after)]
    await connection.execute(RECORD, [deed.at, deed.operator_id, action, about, *states, deed.reason])


async def audit(
    connection: Connection, wanted: AuditFilter, turn: Turn, *, limit: int
) -> Sequence[AuditEntry]:
    """`turn` is one of AUDIT."""
    asked = {
        "operator_id": wanted.operator_id,
        "action": wanted.action,
        "about": wanted.about,
        "since": wanted.since,
        "until": wanted.until,
        "limit": limit,
        **turn.values,
    }
    async with connection.cursor(row_factory=row_of(AuditEntry)) as cursor:
        await cursor.execute(FOUND + turn.sql, asked)
        return await cursor.fetchall()
