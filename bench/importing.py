"""A file of a million buyers: imported by us, every row looked at, beside a bare COPY of the same file."""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg

from bench.load import Plan
from bench.market import Market
from bench.report import Figure, figure
from tuan.kernel.clock import utc_now
from tuan.kernel.db import build_pool
from tuan.market.operator import Deed
from tuan.market.segment_import import import_buyers

MEMBERS = 1_000_000
OPERATOR = "INSERT INTO operator VALUES ('bench', 'bench', '', 'admin', now()) ON CONFLICT DO NOTHING"
CHUNK_BYTES = 64 * 1024  # As uvicorn hands a body on.


def importing(market: Market, plan: Plan) -> Figure:
    members = MEMBERS // 10 if plan.is_quick else MEMBERS
    file = b"".join(b"buyer-%d\n" % number for number in range(members))
    with psycopg.connect(market.url, autocommit=True) as connection:
        connection.execute("INSERT INTO segment VALUES ('imported', '', '', now()) ON CONFLICT DO NOTHING")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS copied (segment_id text COLLATE \"C\" NOT NULL DEFAULT 'copied',"
            ' buyer_id text COLLATE "C" NOT NULL, PRIMARY KEY (segment_id, buyer_id))'
        )
        connection.execute(OPERATOR)
        pairs = []
        for pair in range(plan.long_pairs):
            connection.execute("DELETE FROM segment_member WHERE segment_id = 'imported'")
            connection.execute("VACUUM segment_member, segment_staged")
            connection.execute("TRUNCATE copied")
            ours = asyncio.run(seconds_of_ours(market.url, file, f"import-{pair}"))
            pairs.append((members / ours, members / seconds_of_copy(connection, file)))
    return figure(pairs, more={"members": members})


async def seconds_of_ours(url: str, file: bytes, import_id: str) -> float:
    deed = Deed(operator_id="bench", at=utc_now())
    async with build_pool(url, size=2) as pool:
        began = time.perf_counter()
        done = await import_buyers(
            pool, chunks(file), segment_id="imported", import_id=import_id, clock=utc_now, deed=deed
        )
        took = time.perf_counter() - began
    asked = file.count(b"\n")
    if done.rows_added != asked:
        raise RuntimeError(f"{done.rows_added} of {asked} came in")
    return took


async def chunks(file: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(file), CHUNK_BYTES):
        yield file[start : start + CHUNK_BYTES]


def seconds_of_copy(connection: psycopg.Connection, file: bytes) -> float:
    """Into a table of the same columns and key."""
    began = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy("COPY copied (buyer_id) FROM STDIN") as copy:
        copy.write(file)
    return time.perf_counter() - began
