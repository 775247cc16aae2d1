"""Access tokens, QR codes, followers, pushes and messages as rows. Tokens of a kind are issued in turn."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row, dict_row

from tuan.kernel.db import Connection, row_of
from tuan.kernel.errors import NotFound
from tuan.sandbox.courier import Answer
from tuan.sandbox.qr import Follower, Push, Qr
from tuan.sandbox.template import Message

HOLD_ACCESS = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))"

LATEST_ACCESS = "SELECT * FROM access_token WHERE kind = %s ORDER BY expires_at DESC, token LIMIT 1"

ACCESS = "SELECT * FROM access_token WHERE token = %s"

ADD_ACCESS = """
    INSERT INTO access_token (token, kind, issued_at, expires_at)
    VALUES (%(token)s, %(kind)s, %(issued_at)s, %(expires_at)s)"""

END_ACCESS = "UPDATE access_token SET expires_at = least(expires_at, %s) WHERE kind = %s"

ADD_QR = """
    INSERT INTO qr (id, ticket, scene, created_at, expires_at)
    VALUES (%(id)s, %(ticket)s, %(scene)s, %(created_at)s, %(expires_at)s)"""

QR = "SELECT * FROM qr WHERE id = %s"

QR_OF_TICKET = "SELECT * FROM qr WHERE ticket = %s"

LATEST_QRS = "SELECT * FROM qr ORDER BY created_at DESC, id LIMIT %s"

FOLLOWERS = "SELECT * FROM follower ORDER BY followed_at DESC, openid LIMIT %s"

FOLLOWER = "SELECT * FROM follower WHERE openid = %s"

HOLD_FOLLOWER = "SELECT * FROM follower WHERE openid = %s FOR UPDATE"

ADD_FOLLOWER = """
    INSERT INTO follower (openid, nickname, followed_at)
    VALUES (%(openid)s, %(nickname)s, %(followed_at)s)"""

ADD_PUSH = """
    INSERT INTO push (id, qr_id, openid, event, message, created_at, due_at, acknowledged_at)
    VALUES (%(id)s, %(qr_id)s, %(openid)s, %(event)s, %(message)s, %(created_at)s, %(due_at)s,
        %(acknowledged_at)s)"""

TAKE_LATE = """
    UPDATE push SET due_at = NULL
    WHERE id IN (SELECT id FROM push WHERE due_at <= %s ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING *"""

ADD_ATTEMPT = """
    INSERT INTO push_attempt (push_id, attempt, sent_at, status, answer, milliseconds)
    VALUES (%s, %s, %s, %s, %s, %s)"""

ACKNOWLEDGE = "UPDATE push SET acknowledged_at = %s, reply = %s WHERE id = %s"

PUSHES = """
    SELECT push.id, push.qr_id, push.openid, follower.nickname, qr.scene, push.event, push.created_at,
        push.acknowledged_at, push.reply, attempt.attempt, attempt.sent_at, attempt.status, attempt.answer,
        attempt.milliseconds
    FROM push
    JOIN follower USING (openid)
    LEFT JOIN qr ON qr.id = push.qr_id
    LEFT JOIN push_attempt AS attempt ON attempt.push_id = push.id
    WHERE %(id)s::text IS NULL OR push.id = %(id)s
    ORDER BY push.created_at DESC, push.id, attempt.attempt LIMIT %(limit)s"""


SENT_ALREADY = """
    SELECT id FROM message WHERE openid = %(openid)s AND client_msg_id = %(client_msg_id)s
        AND sent_at > %(since)s ORDER BY id LIMIT 1"""

ADD_MESSAGE = """
    INSERT INTO message (openid, client_msg_id, template_id, url, lines, sent_at)
    VALUES (%(openid)s, %(client_msg_id)s, %(template_id)s, %(url)s, %(lines)s, %(sent_at)s)
    RETURNING id"""

MESSAGES = "SELECT * FROM message WHERE openid = %s ORDER BY id DESC LIMIT %s"


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessToken:
    token: str
    kind: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class PushTry:
    """A push and one attempt at it; the attempt's fields are None while there was none."""

    id: str
    qr_id: str | None
    openid: str
    nickname: str
    scene: str | None
    event: str
    created_at: datetime
    acknowledged_at: datetime | None
    reply: str | None
    attempt: int | None
    sent_at: datetime | None
    status: int | None
    answer: str | None
    milliseconds: int | None


class WechatStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection.cursor(row_factory=dict_row)

    async def hold_tokens(self, kind: str) -> None:
        await self._connection.execute(HOLD_ACCESS, [kind])

    async def latest_token(self, kind: str) -> AccessToken | None:
        row = await self._one(LATEST_ACCESS, kind)
        return AccessToken(**row) if row else None

    async def find_token(self, token: str) -> AccessToken | None:
        row = await self._one(ACCESS, token)
        return AccessToken(**row) if row else None

    async def add_token(self, token: AccessToken) -> None:
        await self._connection.execute(ADD_ACCESS, asdict(token))

    async def end_tokens(self, kind: str, *, at: datetime) -> None:
        await self._connection.execute(END_ACCESS, [at, kind])

    async def add_qr(self, qr: Qr) -> None:
        await self._connection.execute(ADD_QR, asdict(qr))

    async def qr(self, qr_id: str) -> Qr:
        """Raises NotFound."""
        if row := await self._one(QR, qr_id):
            return Qr(**row)
        raise NotFound("没有这个二维码。")

    async def find_qr_of(self, ticket: str) -> Qr | None:
        row = await self._one(QR_OF_TICKET, ticket)
        return Qr(**row) if row else None

    async def latest_qrs(self, limit: int) -> list[Qr]:
        await self._rows.execute(LATEST_QRS, [limit])
        return [Qr(**row) for row in await self._rows.fetchall()]

    async def followers(self, limit: int) -> list[Follower]:
        await self._rows.execute(FOLLOWERS, [limit])
        return [Follower(**row) for row in await self._rows.fetchall()]

    async def follower(self, openid: str) -> Follower:
        """Raises NotFound."""
        if row := await self._one(FOLLOWER, openid):
            return Follower(**row)
        raise NotFound("没有这位粉丝。")

    async def hold_follower(self, openid: str) -> None:
        """Raises NotFound."""
        if await self._one(HOLD_FOLLOWER, openid) is None:
            raise NotFound("没有这位粉丝。")

    async def add_follower(self, follower: Follower) -> None:
        await self._connection.execute(ADD_FOLLOWER, asdict(follower))

    async def add_push(self, push: Push) -> None:
        await self._connection.execute(ADD_PUSH, asdict(push))

    async def take_late(self, *, now: datetime, limit: int) -> list[Push]:
        """Those whose time has come; nobody else gets them."""
        rows = self._connection.cursor(row_factory=row_of(Push))
        await rows.execute(TAKE_LATE, [now, limit])
        return await rows.fetchall()

    async def record(
        self, push: Push, attempt: int, answer: Answer, *, acknowledged: bool, reply: str | None
    ) -> None:
        tried = [push.id, attempt, answer.sent_at, answer.status, answer.text, answer.milliseconds]
        await self._connection.execute(ADD_ATTEMPT, tried)
        if acknowledged:
            await self._connection.execute(ACKNOWLEDGE, [answer.sent_at, reply, push.id])

    async def pushes(self, limit: int, *, push_id: str | None = None) -> list[PushTry]:
        rows = self._connection.cursor(row_factory=class_row(PushTry))
        await rows.execute(PUSHES, {"id": push_id, "limit": limit})
        return await rows.fetchall()

    async def sent_already(self, message: Message, *, since: datetime) -> int | None:
        """The id it was sent under after `since`. Hold its follower first."""
        await self._rows.execute(SENT_ALREADY, asdict(message) | {"since": since})
        found = await self._rows.fetchone()
        return found["id"] if found else None

    async def add_message(self, message: Message) -> int:
        await self._rows.execute(ADD_MESSAGE, asdict(message))
        [saved] = await self._rows.fetchall()
        message_id: int = saved["id"]
        return message_id

    async def messages(self, openid: str, limit: int) -> list[Message]:
        """The newest first."""
        await self._rows.execute(MESSAGES, [openid, limit])
        return [Message(**row) for row in await self._rows.fetchall()]

    async def _one(self, query: LiteralString, key: str) -> Mapping[str, Any] | None:
        await self._rows.execute(query, [key])
        return await self._rows.fetchone()
