"""Segments, who is in them, and the imports and rules that decide it. Hold the segment to change it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from tuan.kernel.db import TAKE_YOUR_TIME, Connection, row_of
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.market.segment import BuyerFile, Counts, Import, ImportStatus, Rule, Segment

SEGMENT: Final = "SELECT id, name, description, created_at FROM segment WHERE id = %s"
ALL_SEGMENTS: Final = "SELECT id, name, description, created_at FROM segment WHERE true"
SEGMENTS: Final = Sorting[Segment](
    columns={
        "id": Column("id", Kind.TEXT, lambda segment: segment.id),
        "name": Column("name", Kind.TEXT, lambda segment: segment.name),
        "created": Column("created_at", Kind.MOMENT, lambda segment: segment.created_at),
    },
    key=("id",),
    key_of=lambda segment: (segment.id,),
)
ADD_SEGMENT: Final = """
    INSERT INTO segment (id, name, description, created_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (id) DO NOTHING RETURNING id"""
# Not FOR UPDATE: campaigns that name the segment must not wait for an import to end.
HOLD_SEGMENT: Final = "SELECT id FROM segment WHERE id = %s FOR NO KEY UPDATE"

COUNT_MEMBERS: Final = "SELECT count(*) FROM segment_member WHERE segment_id = %s"
IS_MEMBER: Final = """
    SELECT EXISTS (SELECT FROM segment_member WHERE (segment_id, buyer_id) = (%s, %s))"""

IMPORT_COLUMNS: Final = """
    id, segment_id, status, rows_read, rows_added, duplicates, bad_rows, bad_samples, started_at, ended_at"""
IMPORT: Final = f"SELECT {IMPORT_COLUMNS} FROM segment_import WHERE (segment_id, id) = (%s, %s)"
IMPORTS: Final = f"""
    SELECT {IMPORT_COLUMNS} FROM segment_import WHERE segment_id = %s ORDER BY started_at DESC, id LIMIT %s"""
BEGIN_IMPORT: Final = """
    INSERT INTO segment_import (id, segment_id, status, started_at, heard_at)
    VALUES (%s, %s, 'running', %s, %s) ON CONFLICT (id) DO NOTHING RETURNING id"""
STAGE: Final = "COPY segment_staged (import_id, buyer_id) FROM STDIN"
SAVE_PROGRESS: Final = """
    UPDATE segment_import SET rows_read = %s, bad_rows = %s, bad_samples = %s, heard_at = %s
    WHERE id = %s AND status = 'running'"""
HOLD_IMPORT: Final = "SELECT status FROM segment_import WHERE id = %s FOR UPDATE"
# Who is in is left out, not tried: ON CONFLICT takes nearly three times as long. The segment is held, so
# nobody else can bring in the same buyer meanwhile. DISTINCT ON sorts, as the index wants them; DISTINCT
# would hash a million strings first.
ADD_STAGED: Final = """
    INSERT INTO segment_member (segment_id, buyer_id)
    SELECT %(segment_id)s, buyer_id FROM (
        SELECT DISTINCT ON (buyer_id) buyer_id FROM segment_staged WHERE import_id = %(import_id)s
    ) AS staged
    WHERE NOT EXISTS (
        SELECT FROM segment_member AS member
        WHERE member.segment_id = %(segment_id)s AND member.buyer_id = staged.buyer_id
    )
    ORDER BY buyer_id"""
END_IMPORT: Final = """
    UPDATE segment_import SET status = 'done', rows_added = %s, duplicates = rows_read - bad_rows - %s,
        ended_at = %s
    WHERE id = %s"""
FAIL_IMPORT: Final = """
    UPDATE segment_import SET status = 'failed', ended_at = %s WHERE id = %s AND status = 'running'"""
UNSTAGE: Final = "DELETE FROM segment_staged WHERE import_id = %s"
SILENT_IMPORTS: Final = """
    SELECT id FROM segment_import WHERE status = 'running' AND heard_at < %s
    ORDER BY id FOR UPDATE SKIP LOCKED"""

RULE_COLUMNS: Final = """
    segment_id, counts, at_least, window_days, every_minutes, next_run_at, last_run_at, last_members"""
RULE: Final = f"SELECT {RULE_COLUMNS} FROM segment_rule WHERE segment_id = %s"
HOLD_RULE: Final = f"{RULE} FOR UPDATE"
HOLD_DUE_RULE: Final = f"""
    SELECT {RULE_COLUMNS} FROM segment_rule WHERE next_run_at <= %s
    ORDER BY next_run_at, segment_id LIMIT 1 FOR UPDATE SKIP LOCKED"""
PUT_RULE: Final = """
    INSERT INTO segment_rule (segment_id, counts, at_least, window_days, every_minutes, next_run_at)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (segment_id) DO UPDATE SET counts = excluded.counts, at_least = excluded.at_least,
        window_days = excluded.window_days, every_minutes = excluded.every_minutes,
        next_run_at = excluded.next_run_at"""
DELETE_RULE: Final = "DELETE FROM segment_rule WHERE segment_id = %s"
SAVE_RUN: Final = """
    UPDATE segment_rule SET last_run_at = %s, last_members = %s, next_run_at = %s WHERE segment_id = %s"""
POSTPONE_RULE: Final = "UPDATE segment_rule SET next_run_at = %s WHERE segment_id = %s"

# What is refunded is not settled any more: neither the seat counts, nor its money.
REPLACE: Final = """
    WITH chosen AS MATERIALIZED (
        SELECT buyer_id FROM seat WHERE status = 'settled' AND paid_at >= %s
        GROUP BY buyer_id HAVING {adds_up} >= %s
    ), gone AS (
        DELETE FROM segment_member AS member
        WHERE segment_id = %s AND NOT EXISTS (SELECT FROM chosen WHERE chosen.buyer_id = member.buyer_id)
    ), added AS (
        INSERT INTO segment_member (segment_id, buyer_id) SELECT %s, buyer_id FROM chosen
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM chosen"""
REPLACE_BY: Final = {
    Counts.SEATS: REPLACE.format(adds_up="count(*)"),
    Counts.SPENT_FEN: REPLACE.format(adds_up="sum(payable_fen)"),
}


async def segment_of(connection: Connection, segment_id: str) -> Segment | None:
    async with connection.cursor(row_factory=row_of(Segment)) as cursor:
        await cursor.execute(SEGMENT, [segment_id])
        return await cursor.fetchone()


async def segments(connection: Connection, turn: Turn, *, limit: int) -> Sequence[Segment]:
    """`turn` is one of SEGMENTS."""
    async with connection.cursor(row_factory=row_of(Segment)) as cursor:
        await cursor.execute(ALL_SEGMENTS + turn.sql, {"limit": limit, **turn.values})
        return await cursor.fetchall()


async def add_segment(connection: Connection, segment: Segment) -> bool:
    """Whether the name was free."""
    row = [segment.id, segment.name, segment.description, segment.created_at]
    return bool(await (await connection.execute(ADD_SEGMENT, row)).fetchall())


async def hold_segment(connection: Connection, segment_id: str) -> None:
    """For as long as it takes to change all its members."""
    await connection.execute(TAKE_YOUR_TIME)
    await connection.execute(HOLD_SEGMENT, [segment_id])


async def count_members(connection: Connection, segment_id: str) -> int:
    return int(await _one(connection, COUNT_MEMBERS, [segment_id]))


async def is_member(connection: Connection, *, segment_id: str, buyer_id: str) -> bool:
    return bool(await _one(connection, IS_MEMBER, [segment_id, buyer_id]))


async def import_of(connection: Connection, *, segment_id: str, import_id: str) -> Import | None:
    async with connection.cursor(row_factory=row_of(Import)) as cursor:
        await cursor.execute(IMPORT, [segment_id, import_id])
        return await cursor.fetchone()


async def imports_of(connection: Connection, segment_id: str, *, limit: int) -> Sequence[Import]:
    """The newest first."""
    async with connection.cursor(row_factory=row_of(Import)) as cursor:
        await cursor.execute(IMPORTS, [segment_id, limit])
        return await cursor.fetchall()


async def begin_import(connection: Connection, *, segment_id: str, import_id: str, now: datetime) -> bool:
    """Whether the name was free."""
    answer = await connection.execute(BEGIN_IMPORT, [import_id, segment_id, now, now])
    return bool(await answer.fetchall())


async def stage(connection: Connection, import_id: str, buyer_ids: Sequence[bytes]) -> None:
    """Ids have no letter that COPY would read as its own. Not in a pipeline: COPY does not know them."""
    next_row = b"\n%b\t" % import_id.encode()
    async with connection.cursor() as cursor, cursor.copy(STAGE) as copy:
        await copy.write(next_row.join([b"", *buyer_ids])[1:])


async def save_progress(connection: Connection, import_id: str, file: BuyerFile, *, now: datetime) -> None:
    samples = Jsonb(msgspec.to_builtins(file.bad_samples))
    await connection.execute(SAVE_PROGRESS, [file.rows_read, file.bad_rows, samples, now, import_id])


async def is_running(connection: Connection, import_id: str) -> bool:
    """And remains so until we commit, whoever has given it up by then."""
    return bool(await _one(connection, HOLD_IMPORT, [import_id]) == ImportStatus.RUNNING)


async def add_staged(connection: Connection, *, segment_id: str, import_id: str, now: datetime) -> None:
    """All of them, and the import is done. Not in a pipeline, which would not yet know how many they are."""
    added = await connection.execute(ADD_STAGED, {"segment_id": segment_id, "import_id": import_id})
    await connection.execute(END_IMPORT, [added.rowcount, added.rowcount, now, import_id])


async def clear_away(connection: Connection, import_id: str, *, now: datetime) -> None:
    """Nothing is left of an import but its row; one that is not done has failed."""
    await connection.execute(TAKE_YOUR_TIME)
    await connection.execute(FAIL_IMPORT, [now, import_id])
    await connection.execute(UNSTAGE, [import_id])


async def silent_imports(connection: Connection, *, since: datetime) -> list[str]:
    answer = await connection.execute(SILENT_IMPORTS, [since])
    return [import_id for (import_id,) in await answer.fetchall()]


async def rule_of(connection: Connection, segment_id: str) -> Rule | None:
    return await _rule(connection, RULE, [segment_id])


async def hold_rule(connection: Connection, segment_id: str) -> Rule | None:
    return await _rule(connection, HOLD_RULE, [segment_id])


async def hold_due_rule(connection: Connection, *, now: datetime) -> Rule | None:
    """One that nobody else holds."""
    return await _rule(connection, HOLD_DUE_RULE, [now])


async def put_rule(connection: Connection, rule: Rule) -> None:
    await connection.execute(
        PUT_RULE,
        [rule.segment_id, rule.counts, rule.at_least, rule.window_days, rule.every_minutes, rule.next_run_at],
    )


async def delete_rule(connection: Connection, segment_id: str) -> None:
    await connection.execute(DELETE_RULE, [segment_id])


async def replace_members(connection: Connection, rule: Rule, *, now: datetime) -> int:
    """Those the rule chooses are in, all others out. Returns how many are in."""
    arguments = [rule.since(now), rule.at_least, rule.segment_id, rule.segment_id]
    return int(await _one(connection, REPLACE_BY[rule.counts], arguments))


async def save_run(connection: Connection, rule: Rule) -> None:
    await connection.execute(
        SAVE_RUN, [rule.last_run_at, rule.last_members, rule.next_run_at, rule.segment_id]
    )


async def postpone_rule(connection: Connection, segment_id: str, *, until: datetime) -> None:
    await connection.execute(POSTPONE_RULE, [until, segment_id])


async def _rule(connection: Connection, query: LiteralString, arguments: Sequence[object]) -> Rule | None:
    async with connection.cursor(row_factory=row_of(Rule)) as cursor:
        await cursor.execute(query, arguments)
        return await cursor.fetchone()


async def _one(
    connection: Connection, query: LiteralString, arguments: Sequence[object] | Mapping[str, object]
) -> Any:
    row = await (await connection.execute(query, arguments)).fetchone()
    return row[0] if row else None
