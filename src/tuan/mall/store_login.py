"""Every query about buyers, their sessions, and the tickets that lead to them."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime

from psycopg.rows import class_row

from tuan.kernel.db import Connection
from tuan.mall.buyer import Buyer, LoginTicket

ADD_TICKET = """
    INSERT INTO login_ticket (id, browser, url, created_at, expires_at)
    VALUES (%(id)s, %(browser)s, %(url)s, %(created_at)s, %(expires_at)s)"""

TICKET = """
    SELECT id, browser, url, created_at, expires_at, openid, confirmed_at, used_at FROM login_ticket
    WHERE id = %(id)s AND browser = %(browser)s"""

HOLD_TICKET = """
    SELECT id, browser, url, created_at, expires_at, openid, confirmed_at, used_at FROM login_ticket
    WHERE id = %(id)s AND browser = %(browser)s FOR UPDATE"""

HOLD_SCANNED = """
    SELECT id, browser, url, created_at, expires_at, openid, confirmed_at, used_at FROM login_ticket
    WHERE id = %(id)s FOR UPDATE"""

SAVE_TICKET = """
    UPDATE login_ticket
    SET openid = %(openid)s, confirmed_at = %(confirmed_at)s, used_at = %(used_at)s WHERE id = %(id)s"""

NEW_EVENT = """
    INSERT INTO wechat_event (openid, created_second, received_at)
    VALUES (%(openid)s, %(created_second)s, %(now)s)
    ON CONFLICT DO NOTHING RETURNING openid"""

WELCOME = """
    INSERT INTO buyer (id, openid, nickname, created_at)
    VALUES (%(id)s, %(openid)s, %(nickname)s, %(now)s)
    ON CONFLICT (openid) DO UPDATE SET openid = excluded.openid
    RETURNING id, nickname"""

ADD_SESSION = """
    INSERT INTO session (fingerprint, buyer_id, created_at, seen_at, expires_at)
    VALUES (%(fingerprint)s, %(buyer_id)s, %(now)s, %(now)s, %(expires_at)s)"""

# Once a minute is often enough to know who was here, and keeps reading from being writing.
SEEN = """
    UPDATE session SET seen_at = %(now)s
    WHERE fingerprint = %(fingerprint)s AND seen_at < %(now)s::timestamptz - interval '1 minute'"""

SIGNED_IN = """
    SELECT buyer.id, nickname FROM session JOIN buyer ON buyer.id = buyer_id
    WHERE fingerprint = %(fingerprint)s AND expires_at > %(now)s"""

END_SESSION = "DELETE FROM session WHERE fingerprint = %(fingerprint)s"

NICKNAMES = "SELECT id, nickname FROM buyer WHERE id = ANY(%(ids)s)"


async def add_ticket(connection: Connection, ticket: LoginTicket) -> None:
    await connection.execute(ADD_TICKET, asdict(ticket))


async def ticket_of(connection: Connection, ticket_id: str, *, browser: bytes) -> LoginTicket | None:
    cursor = connection.cursor(row_factory=class_row(LoginTicket))
    await cursor.execute(TICKET, {"id": ticket_id, "browser": browser})
    return await cursor.fetchone()


async def hold_ticket(connection: Connection, ticket_id: str, *, browser: bytes) -> LoginTicket | None:
    cursor = connection.cursor(row_factory=class_row(LoginTicket))
    await cursor.execute(HOLD_TICKET, {"id": ticket_id, "browser": browser})
    return await cursor.fetchone()


async def hold_scanned_ticket(connection: Connection, ticket_id: str) -> LoginTicket | None:
    cursor = connection.cursor(row_factory=class_row(LoginTicket))
    await cursor.execute(HOLD_SCANNED, {"id": ticket_id})
    return await cursor.fetchone()


async def save_ticket(connection: Connection, ticket: LoginTicket) -> None:
    await connection.execute(SAVE_TICKET, asdict(ticket))


async def is_new_event(connection: Connection, *, openid: str, created_second: int, now: datetime) -> bool:
    """Remembers the event; False when it was told before."""
    event = {"openid": openid, "created_second": created_second, "now": now}
    answer = await connection.execute(NEW_EVENT, event)
    return await answer.fetchone() is not None


async def welcome(connection: Connection, *, openid: str, id: str, nickname: str, now: datetime) -> Buyer:
    """The buyer behind this openid: under the id and name given here, unless they have been here before."""
    cursor = connection.cursor(row_factory=class_row(Buyer))
    await cursor.execute(WELCOME, {"openid": openid, "id": id, "nickname": nickname, "now": now})
    [buyer] = await cursor.fetchall()
    return buyer


async def add_session(
    connection: Connection, *, fingerprint: bytes, buyer_id: str, now: datetime, expires_at: datetime
) -> None:
    session = {"fingerprint": fingerprint, "buyer_id": buyer_id, "now": now, "expires_at": expires_at}
    await connection.execute(ADD_SESSION, session)


async def signed_in(connection: Connection, *, fingerprint: bytes, now: datetime) -> Buyer | None:
    await connection.execute(SEEN, {"fingerprint": fingerprint, "now": now})
    cursor = connection.cursor(row_factory=class_row(Buyer))
    await cursor.execute(SIGNED_IN, {"fingerprint": fingerprint, "now": now})
    return await cursor.fetchone()


async def end_session(connection: Connection, *, fingerprint: bytes) -> None:
    await connection.execute(END_SESSION, {"fingerprint": fingerprint})


async def nicknames(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    answer = await connection.execute(NICKNAMES, {"ids": list(ids)})
    return dict(await answer.fetchall())
