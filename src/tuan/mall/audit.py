"""The mall's books and orders, held against what must be true of them: one snapshot, and no change."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuan.kernel.db import TAKE_YOUR_TIME, Connection, Pool, single_statements
from tuan.mall.order import BEFORE, OrderStatus
from tuan.mall.payment import CLOCKS_APART
from tuan.mall.reconciliation import AROUND_MIDNIGHT, last_day_due
from tuan.mall.store_audit import ALWAYS, AT_REST, SNAPSHOT, broken

SAMPLE_MAX = 10
COMES_TO_REST_AFTER = timedelta(minutes=10)
BILLS_COME_WITHIN = timedelta(days=1)
MOVES = [f"{before} {after}" for after, froms in BEFORE.items() for before in sorted(froms)]
FIRST_MOVE = f" {OrderStatus.CREATED}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """An invariant that is broken, how often, and where."""

    name: str
    count: int
    sample: Sequence[str]


async def audit(pool: Pool, now: datetime) -> list[Finding]:
    """Nothing, when all is well."""
    async with snapshot(pool) as connection:
        return await findings(connection, now)


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """Everything as it was at one moment, however long we look; and nothing can be changed."""
    async with single_statements(pool) as connection, connection.transaction():
        await connection.execute(SNAPSHOT)
        await connection.execute(TAKE_YOUR_TIME)
        yield connection


async def findings(connection: Connection, now: datetime) -> list[Finding]:
    """Within the caller's transaction."""
    values = {
        "since": now - COMES_TO_REST_AFTER,
        "moves": [FIRST_MOVE, *MOVES],
        "apart": CLOCKS_APART,
        "due": last_day_due(now - BILLS_COME_WITHIN),
        "around": AROUND_MIDNIGHT,
    }
    found = []
    for name, query in (ALWAYS | AT_REST).items():
        if rows := await broken(connection, query, values=values):
            found.append(Finding(name=name, count=len(rows), sample=rows[:SAMPLE_MAX]))
    return found
