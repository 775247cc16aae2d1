"""Every query about buyers, their sessions, and the tickets that lead to them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, LiteralString

from psycopg.rows import class_row

from tuan.kernel.db import Connection, values_of
from tuan.mall.buyer import Buyer, LoginTicket, Session

LIVES: LiteralString = "expires_at > %(now)s AND seen_at + idle_for > %(now)s"

ADD_TICKET = """
    INSERT INTO login_ticket (id, browser, url, device, address, scan_confirms, created_at, expires_at)
    VALUES (%(id)s, %(browser)s, %(url)s, %(device)s, %(address)s, %(scan_confirms)s, %(created_at)s,
        %(expires_at)s)"""

TICKET = "SELECT * FROM login_ticket WHERE id = %(id)s AND browser = %(browser)s"

TICKET_ID = "SELECT id FROM login_ticket WHERE browser = %(browser)s"

HOLD_TICKET = "SELECT * FROM login_ticket WHERE id = %(id)s AND browser = %(browser)s FOR UPDATE"

HOLD_SCANNED = "SELECT * FROM login_ticket WHERE id = %(id)s FOR UPDATE"

SAVE_TICKET = """
    UPDATE login_ticket SET openid = %(openid)s, scanned_at = %(scanned_at)s,
        confirmed_at = %(confirmed_at)s, used_at = %(used_at)s
    WHERE id = %(id)s"""

NEW_EVENT = """
    INSERT INTO wechat_event (openid, created_second, received_at)
    VALUES (%(openid)s, %(created_second)s, %(now)s)
    ON CONFLICT DO NOTHING RETURNING openid"""

WELCOME = """
    INSERT INTO buyer (id, openid, nickname, created_at)
    VALUES (%(id)s, %(openid)s, %(nickname)s, %(now)s)
    ON CONFLICT (openid) DO UPDATE SET openid = excluded.openid
    RETURNING id, nickname, openid IS NULL AS is_guest"""

ADD_GUEST = "INSERT INTO buyer (id, nickname, created_at) VALUES (%(id)s, %(nickname)s, %(now)s)"

# Once: what a guest bought stays with whom they became first. A session that is over takes nothing along.
BECOME = f"""
    UPDATE buyer SET became = %(buyer_id)s FROM session
    WHERE session.buyer_id = buyer.id AND fingerprint = %(fingerprint)s AND {LIVES}
        AND openid IS NULL AND became IS NULL"""

ADD_SESSION = """
    INSERT INTO session (fingerprint, buyer_id, device, idle_for, created_at, seen_at, expires_at)
    VALUES (%(fingerprint)s, %(buyer_id)s, %(device)s, %(idle_for)s, %(now)s, %(now)s, %(expires_at)s)"""

# Once a minute is often enough to know who was here, and keeps reading from being writing.
SEEN_LONG_AGO: LiteralString = "seen_at < %(now)s::timestamptz - interval '1 minute'"
SEEN = f"""
    UPDATE session SET seen_at = %(now)s
    WHERE fingerprint = %(fingerprint)s AND {LIVES} AND {SEEN_LONG_AGO}"""

SIGNED_IN = f"""
    SELECT buyer.id, nickname, openid IS NULL, {SEEN_LONG_AGO}
    FROM session JOIN buyer ON buyer.id = buyer_id
    WHERE fingerprint = %(fingerprint)s AND {LIVES}"""

SESSIONS = f"""
    SELECT device, created_at, seen_at, fingerprint = %(current)s AS is_current FROM session
    WHERE buyer_id = %(buyer_id)s AND {LIVES} ORDER BY seen_at DESC, created_at DESC LIMIT 50"""

END_SESSION = "DELETE FROM session WHERE fingerprint = %(fingerprint)s"

END_SESSIONS = "DELETE FROM session WHERE buyer_id = %(buyer_id)s"

# A guest is known as who they became.
PEOPLE = """
    SELECT one.id, now.id, now.nickname, now.openid IS NULL
    FROM buyer AS one JOIN buyer AS now ON now.id = coalesce(one.became, one.id)
    WHERE one.id = ANY(%(ids)s)"""

OPENID = """
    SELECT now.openid FROM buyer AS one JOIN buyer AS now ON now.id = coalesce(one.became, one.id)
    WHERE one.id = %(id)s"""

FORGET: Final = (
    "DELETE FROM session WHERE least(expires_at, seen_at + idle_for) < %(before)s",
    "DELETE FROM login_ticket WHERE expires_at < %(before)s",
    "DELETE FROM wechat_event WHERE received_at < %(before)s",
)


async def add_ticket(connection: Connection, ticket: LoginTicket) -> None:
    await connection.execute(ADD_TICKET, values_of(ticket))


async def ticket_of(connection: Connection, ticket_id: str, *, browser: bytes) -> LoginTicket | None:
    cursor = connection.cursor(row_factory=class_row(LoginTicket))
    await cursor.execute(TICKET, {"id": ticket_id, "browser": browser})
    return await cursor.fetchone()


async def ticket_id_of(connection: Connection, *, browser: bytes) -> str | None:
    row = await (await connection.execute(TICKET_ID, {"browser": browser})).fetchone()
    return row[0] if row else None


async def hold_ticket(connection: Connection, ticket_id: str, *, browser: bytes) -> LoginTicket | None:
    cursor = connection.cursor(row_factory=class_row(LoginTicket))
    await cursor.execute(HOLD_TICKET, {"id": ticket_id, "browser": browser})
    return await cursor.fetchone()


async def hold_scanned_ticket(connection: Connection, ticket_id: str) -> LoginTicket | None:
    cursor = connection.cursor(row_factory=class_row(LoginTicket))
    await cursor.execute(HOLD_SCANNED, {"id": ticket_id})
    return await cursor.fetchone()


async def save_ticket(connection: Connection, ticket: LoginTicket) -> None:
    await connection.execute(SAVE_TICKET, values_of(ticket))


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


async def add_guest(connection: Connection, *, id: str, nickname: str, now: datetime) -> Buyer:
    await connection.execute(ADD_GUEST, {"id": id, "nickname": nickname, "now": now})
    return Buyer(id=id, nickname=nickname, is_guest=True)


async def let_guest_become(
    connection: Connection, *, fingerprint: bytes, buyer_id: str, now: datetime
) -> None:
    """If the session lives, and is a guest's."""
    values = {"fingerprint": fingerprint, "buyer_id": buyer_id, "now": now}
    await connection.execute(BECOME, values)


async def add_session(
    connection: Connection,
    *,
    fingerprint: bytes,
    buyer_id: str,
    device: str,
    idle_for: timedelta,
    now: datetime,
    expires_at: datetime,
) -> None:
    session = {
        "fingerprint": fingerprint,
        "buyer_id": buyer_id,
        "device": device,
        "idle_for": idle_for,
        "now": now,
        "expires_at": expires_at,
    }
    await connection.execute(ADD_SESSION, session)


async def signed_in(connection: Connection, *, fingerprint: bytes, now: datetime) -> Buyer | None:
    session = {"fingerprint": fingerprint, "now": now}
    found = await (await connection.execute(SIGNED_IN, session)).fetchone()
    if found is None:
        return None
    buyer_id, nickname, is_guest, seen_long_ago = found
    if seen_long_ago:
        await connection.execute(SEEN, session)
    return Buyer(id=buyer_id, nickname=nickname, is_guest=is_guest)


async def sessions(connection: Connection, *, buyer_id: str, current: bytes, now: datetime) -> list[Session]:
    """Those that live; the one seen last comes first."""
    cursor = connection.cursor(row_factory=class_row(Session))
    await cursor.execute(SESSIONS, {"buyer_id": buyer_id, "current": current, "now": now})
    return await cursor.fetchall()


async def end_session(connection: Connection, *, fingerprint: bytes) -> None:
    await connection.execute(END_SESSION, {"fingerprint": fingerprint})


async def end_sessions(connection: Connection, *, buyer_id: str) -> None:
    await connection.execute(END_SESSIONS, {"buyer_id": buyer_id})


async def people(connection: Connection, ids: Collection[str]) -> dict[str, Buyer]:
    """Who stands behind each id: a guest, or who that guest became."""
    answer = await connection.execute(PEOPLE, {"ids": list(ids)})
    return {
        known_as: Buyer(id=id, nickname=nickname, is_guest=is_guest)
        for known_as, id, nickname, is_guest in await answer.fetchall()
    }


async def openid_of(connection: Connection, buyer_id: str) -> str | None:
    """None for a guest who has become nobody yet."""
    answer = await connection.execute(OPENID, {"id": buyer_id})
    found = await answer.fetchone()
    return found[0] if found else None


async def forget(connection: Connection, *, before: datetime) -> None:
    """Sessions, tickets and scans that ended before."""
    for statement in FORGET:
        await connection.execute(statement, {"before": before})
