"""What quotes and keys are answered from: read once, kept in memory, dropped when it has changed.

While nobody listens to the database, nothing is kept: every question is read anew.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import psycopg
import structlog

from tuan.kernel.clock import Clock, utc_now
from tuan.kernel.db import Pool, single_statements, transaction
from tuan.kernel.desk import Desk
from tuan.kernel.ids import fingerprint
from tuan.market.campaign import Listing
from tuan.market.store_catalog import KeyHolder, key_holder, listings_of, memberships_among, switches
from tuan.market.switch import Switchboard
from tuan.market.team import ListingKey

Key = TypeVar("Key")
Value = TypeVar("Value")

KEPT_MAX = 200_000
RELISTEN_SECONDS = 1.0
log = structlog.get_logger()


class Catalog:
    def __init__(self, pool: Pool, url: str, clock: Clock = utc_now) -> None:
        self._pool = pool
        self._url = url
        self._clock = clock
        self._listening = False
        self._generation = 0
        self._listings: dict[ListingKey, Listing | None] = {}
        self._keys: dict[str, KeyHolder | None] = {}
        self._switches: dict[None, Switchboard | None] = {}
        self._reading = Desk(self._listings_of)
        self._memberships = Desk(self._memberships_of, clerks_max=1)

    async def switches(self) -> Switchboard:
        if kept := self._switches.get(None):
            return kept
        return await self._read(self._switches, None, self._switchboard) or Switchboard()

    async def listing(self, key: ListingKey) -> Listing | None:
        if key in self._listings:
            return self._listings[key]
        return await self._read(self._listings, key, lambda: self._reading.ask(key))

    async def source(self, api_key: str) -> str | None:
        """The source this key belongs to, or None for a key that is unknown or revoked."""
        if api_key in self._keys:
            holder = self._keys[api_key]
        else:
            holder = await self._read(self._keys, api_key, lambda: self._key_holder(api_key))
        return holder.source if holder and holder.speaks(now=self._clock()) else None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        listener = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener

    async def _read(
        self, kept: dict[Key, Value | None], key: Key, read: Callable[[], Awaitable[Value | None]]
    ) -> Value | None:
        generation = self._generation
        value = await read()
        # What changed while we read may be older than what we were told of: do not keep it.
        if self._listening and generation == self._generation:
            if len(kept) >= KEPT_MAX:
                kept.clear()
            kept[key] = value
        return value

    async def _listings_of(self, keys: Sequence[ListingKey]) -> list[Listing | None]:
        async with single_statements(self._pool) as connection:
            found = await listings_of(connection, {*keys})
        return [found.get(key) for key in keys]

    async def memberships(self, segment_ids: Collection[str], buyer_id: str) -> set[str]:
        """Which of these segments the buyer is in. Asked anew each time, as there may be millions; but those
        who ask at the same time ask together."""
        if not segment_ids:
            return set()
        return await self._memberships.ask((segment_ids, buyer_id))

    async def _memberships_of(self, asked: Sequence[tuple[Collection[str], str]]) -> list[set[str]]:
        pairs = {(segment_id, buyer_id) for segment_ids, buyer_id in asked for segment_id in segment_ids}
        async with single_statements(self._pool) as connection:
            found = await memberships_among(connection, pairs)
        return [
            {segment_id for segment_id in segment_ids if (segment_id, buyer_id) in found}
            for segment_ids, buyer_id in asked
        ]

    async def _switchboard(self) -> Switchboard:
        async with transaction(self._pool) as connection:
            return await switches(connection)

    async def _key_holder(self, api_key: str) -> KeyHolder | None:
        async with transaction(self._pool) as connection:
            return await key_holder(connection, fingerprint(api_key))

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute("LISTEN catalog")
                    self._forget(listening=True)
                    async for _ in connection.notifies():
                        self._forget(listening=True)
            except psycopg.OperationalError as error:
                log.warning("catalog_cut_off", error=str(error))
            finally:
                self._forget(listening=False)
            await asyncio.sleep(RELISTEN_SECONDS)

    def _forget(self, *, listening: bool) -> None:
        self._listening = listening
        self._generation += 1
        self._listings.clear()
        self._keys.clear()
        self._switches.clear()
