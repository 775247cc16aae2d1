"""Teams filling before everybody's eyes: one query every half second for all who watch this process.

A stream that is slow to take an event gets only the newest of each team: it shows a state, not a history.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import msgspec
import structlog
from starlette.types import Receive, Send

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound, Refusal
from tuan.market.store_team import Progress, progress_of

LOOK_EVERY_SECONDS = 0.5
HEARTBEAT_EVERY_LOOKS = 30
HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
HEARTBEAT = b": still here\n\n"
log = structlog.get_logger()


class Stream:
    """One watcher's connection."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: dict[str, bytes] = {}
        self._sending: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        await self._send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})

    def offer(self, team_id: str, event: bytes) -> None:
        self._waiting[team_id] = event
        if self._sending is None:
            self._sending = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        try:
            while self._waiting:
                body = b"".join(self._waiting.values())
                self._waiting.clear()
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
        finally:
            self._sending = None

    async def end(self) -> None:
        if self._sending is not None:
            await self._sending
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class Watch:
    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._streams: defaultdict[str, set[Stream]] = defaultdict(set)
        self._seen: dict[str, Progress] = {}

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    def watchers(self) -> int:
        return len({stream for streams in self._streams.values() for stream in streams})

    async def serve(self, team_ids: Sequence[str], last_event_id: str, receive: Receive, send: Send) -> None:
        """Stream until the watcher leaves. Raises NotFound if none of the teams exists."""
        teams = await self._read(team_ids)
        if not teams:
            raise NotFound("There is no such team.")

        stream = Stream(send)
        await stream.begin()
        for team in teams:
            self._streams[team.id].add(stream)
            self._seen[team.id] = team
            if team.version != last_event_id:
                stream.offer(team.id, self._event(team))
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._leave(stream, [team.id for team in teams])
        await stream.end()

    def _leave(self, stream: Stream, team_ids: Sequence[str]) -> None:
        for team_id in team_ids:
            self._streams[team_id].discard(stream)
            if not self._streams[team_id]:
                del self._streams[team_id]
                self._seen.pop(team_id, None)

    async def _look_on(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            looks += 1
            try:
                await self._look()
            except Refusal as refusal:
                log.warning("live_progress_cut_off", reason=refusal.code)
            except Exception:  # Whatever it was, all who watch would wait for ever.
                log.exception("live_progress_broke")
            if looks % HEARTBEAT_EVERY_LOOKS == 0:
                for stream in {stream for streams in self._streams.values() for stream in streams}:
                    stream.offer("", HEARTBEAT)

    async def _look(self) -> None:
        if not self._streams:
            return
        for team in await self._read(list(self._streams)):
            before = self._seen.get(team.id)
            if before is None or before.version != team.version:
                self._seen[team.id] = team
                event = self._event(team)
                for stream in self._streams.get(team.id, ()):
                    stream.offer(team.id, event)

    async def _read(self, team_ids: Sequence[str]) -> list[Progress]:
        async with transaction(self._pool) as connection:
            return await progress_of(connection, team_ids)

    def _event(self, team: Progress) -> bytes:
        data = msgspec.json.encode(_shown(team, now=self._clock()))
        return b"event: team\nid: %b\ndata: %b\n\n" % (team.version.encode(), data)


def _shown(team: Progress, *, now: datetime) -> dict[str, object]:
    return {
        "id": team.id,
        "status": team.status,
        "seats_target": team.seats_target,
        "seats_taken": team.seats_taken,
        "seats_settled": team.seats_settled,
        "closes_at": team.closes_at,
        "server_time": now,
    }
