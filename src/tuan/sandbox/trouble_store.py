"""Troubles as rows. Those of one door are met one at a time, the oldest first."""

from collections.abc import Sequence
from dataclasses import asdict

from tuan.kernel.db import Connection, row_of
from tuan.kernel.errors import NotFound
from tuan.sandbox.trouble import Occasion, Trouble

ADD_TROUBLE = """
    INSERT INTO trouble (id, door, kind, about, method, measure, times_left, times_met, made_at)
    VALUES (%(id)s, %(door)s, %(kind)s, %(about)s, %(method)s, %(measure)s, %(times_left)s, %(times_met)s,
        %(made_at)s)"""

HOLD_DOOR = """
    SELECT * FROM trouble WHERE door = %s AND times_left IS DISTINCT FROM 0 ORDER BY id FOR UPDATE"""

SAVE_MET = "UPDATE trouble SET times_left = %(times_left)s, times_met = %(times_met)s WHERE id = %(id)s"

TROUBLES = "SELECT * FROM trouble WHERE %(id)s::text IS NULL OR id = %(id)s ORDER BY id LIMIT %(limit)s"

REMOVE = "DELETE FROM trouble WHERE %(id)s::text IS NULL OR id = %(id)s RETURNING id"

# What a trouble kept back is due once it is gone.
LET_GO = """
    UPDATE notify SET next_at = to_timestamp(0), kept_back_by = NULL
    WHERE kept_back_by = ANY(%s) AND attempts = 0"""


class TroubleStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection.cursor(row_factory=row_of(Trouble))

    async def add(self, trouble: Trouble) -> None:
        await self._connection.execute(ADD_TROUBLE, asdict(trouble))

    async def take(self, occasion: Occasion) -> Trouble | None:
        """The one that befalls it, used up by once; None on a good day."""
        await self._rows.execute(HOLD_DOOR, [occasion.door])
        waiting = await self._rows.fetchall()
        found = next((trouble for trouble in waiting if trouble.befalls(occasion)), None)
        if found:
            found.meet()
            await self._connection.execute(SAVE_MET, asdict(found))
        return found

    async def find(self, trouble_id: str) -> Trouble | None:
        await self._rows.execute(TROUBLES, {"id": trouble_id, "limit": 1})
        return await self._rows.fetchone()

    async def all(self, limit: int) -> list[Trouble]:
        """The oldest first, as they are met."""
        await self._rows.execute(TROUBLES, {"id": None, "limit": limit})
        return await self._rows.fetchall()

    async def remove(self, trouble_id: str) -> None:
        """Raises NotFound."""
        if not await self._remove(trouble_id):
            raise NotFound("没有这个麻烦，或者它已经移除。")

    async def remove_all(self) -> None:
        await self._remove(None)

    async def _remove(self, trouble_id: str | None) -> Sequence[str]:
        answer = await self._connection.execute(REMOVE, {"id": trouble_id})
        gone = [found for (found,) in await answer.fetchall()]
        await self._connection.execute(LET_GO, [gone])
        return gone
