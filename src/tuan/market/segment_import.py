"""A file of buyers is imported into a segment: all of them at once, or none."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import structlog

from tuan.kernel.clock import Clock
from tuan.kernel.db import Connection, Pool, single_statements, transaction
from tuan.market import store_segment as store
from tuan.market.operator import Deed
from tuan.market.segment import (
    BuyerFile,
    Import,
    ImportAbandoned,
    ImportExists,
    NoSegment,
    RuleDecides,
)
from tuan.market.store_operator import record

ROWS_AT_ONCE = 20_000
SILENCE_MAX = timedelta(minutes=1)  # Of whoever sends the file.
GIVEN_UP_AFTER = timedelta(minutes=10)  # Whoever received it must have died.
log = structlog.get_logger()


async def import_buyers(
    pool: Pool,
    chunks: AsyncIterator[bytes],
    *,
    segment_id: str,
    import_id: str,
    clock: Clock,
    deed: Deed,
) -> Import:
    """Others can watch it by its name while it runs. No transaction is open while we wait for the file.

    Raises NoSegment, RuleDecides, ImportExists, or ImportAbandoned when the file stops coming.
    """
    async with transaction(pool) as connection:
        await _require_open(connection, segment_id)
        if not await store.begin_import(connection, segment_id=segment_id, import_id=import_id, now=clock()):
            raise ImportExists
    try:
        await _stage(pool, chunks, import_id=import_id, clock=clock)
        return await _add(pool, segment_id=segment_id, import_id=import_id, now=clock(), deed=deed)
    finally:
        await _clear_away(pool, import_id, now=clock())


async def give_up_silent_imports(pool: Pool, *, now: datetime) -> None:
    async with transaction(pool) as connection:
        silent = await store.silent_imports(connection, since=now - GIVEN_UP_AFTER)
        for import_id in silent:
            await store.clear_away(connection, import_id, now=now)
    for import_id in silent:
        log.error("segment_import_abandoned", import_id=import_id)


async def _require_open(connection: Connection, segment_id: str) -> None:
    if await store.segment_of(connection, segment_id) is None:
        raise NoSegment
    if await store.rule_of(connection, segment_id) is not None:
        raise RuleDecides


async def _stage(pool: Pool, chunks: AsyncIterator[bytes], *, import_id: str, clock: Clock) -> None:
    file = BuyerFile()
    buyer_ids: list[bytes] = []
    rows_saved = 0
    try:
        async with asyncio.timeout(SILENCE_MAX.total_seconds()) as patience:
            async for chunk in chunks:
                buyer_ids += file.read(chunk)
                if file.rows_read - rows_saved >= ROWS_AT_ONCE:
                    await _save(pool, import_id, file, buyer_ids, now=clock())
                    buyer_ids, rows_saved = [], file.rows_read
                patience.reschedule(asyncio.get_running_loop().time() + SILENCE_MAX.total_seconds())
    except TimeoutError as error:
        raise ImportAbandoned from error
    await _save(pool, import_id, file, buyer_ids + file.end(), now=clock())


async def _save(
    pool: Pool, import_id: str, file: BuyerFile, buyer_ids: list[bytes], *, now: datetime
) -> None:
    async with single_statements(pool) as connection:
        await store.stage(connection, import_id, buyer_ids)
        await store.save_progress(connection, import_id, file, now=now)


async def _add(pool: Pool, *, segment_id: str, import_id: str, now: datetime, deed: Deed) -> Import:
    async with single_statements(pool) as connection, connection.transaction():
        await store.hold_segment(connection, segment_id)
        await _require_open(connection, segment_id)
        if not await store.is_running(connection, import_id):
            raise ImportAbandoned
        await store.add_staged(connection, segment_id=segment_id, import_id=import_id, now=now)
        done = await store.import_of(connection, segment_id=segment_id, import_id=import_id)
        if done is None:
            raise ImportAbandoned
        await record(connection, deed, "segment.imported", about=f"segment:{segment_id}", after=done)
    return done


async def _clear_away(pool: Pool, import_id: str, *, now: datetime) -> None:
    async with transaction(pool) as connection:
        await store.clear_away(connection, import_id, now=now)
