"""Operators make segments, and rules that decide who is in: whoever bought enough lately, nobody else."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from tuan.kernel.clock import Clock
from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import Overloaded, Refusal
from tuan.market import store_segment as store
from tuan.market.operator import Deed
from tuan.market.segment import NoRule, NoSegment, Rule, Segment, SegmentExists
from tuan.market.segment_import import give_up_silent_imports
from tuan.market.store_operator import record

LOOK_EVERY_SECONDS = 5.0
POSTPONED = timedelta(minutes=5)
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Any number of workers may keep it: a rule somebody is running is left to them."""

    pool: Pool
    clock: Clock

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.catch_up()
            except Refusal as refusal:
                log.warning("segment_rules_cut_short", reason=refusal.code)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def catch_up(self) -> None:
        """Every rule that is due now, once, however often it should have run."""
        now = self.clock()
        await give_up_silent_imports(self.pool, now=now)
        while await self._run_next(now):
            pass

    async def _run_next(self, now: datetime) -> bool:
        """Whether there was one. One that takes too long is put off, so that it keeps no other waiting."""
        rule = None
        try:
            async with transaction(self.pool) as connection:
                rule = await store.hold_due_rule(connection, now=now)
                if rule is not None:
                    await _run(connection, rule, now=now)
        except Overloaded as overloaded:
            if rule is None:
                raise
            log.error("segment_rule_failed", segment_id=rule.segment_id, error=repr(overloaded.__cause__))
            async with transaction(self.pool) as connection:
                await store.postpone_rule(connection, rule.segment_id, until=now + POSTPONED)
        return rule is not None


async def create_segment(pool: Pool, segment: Segment, *, deed: Deed) -> Segment:
    """Raises SegmentExists."""
    async with transaction(pool) as connection:
        if not await store.add_segment(connection, segment):
            raise SegmentExists
        await record(connection, deed, "segment.created", about=f"segment:{segment.id}", after=segment)
    return segment


async def put_rule(pool: Pool, rule: Rule, *, deed: Deed) -> Rule:
    """A rule with a schedule is due at once. Raises NoSegment."""
    rule = replace(rule, next_run_at=None if rule.every_minutes is None else deed.at)
    async with transaction(pool) as connection:
        if await store.segment_of(connection, rule.segment_id) is None:
            raise NoSegment
        before = await store.hold_rule(connection, rule.segment_id)
        await store.put_rule(connection, rule)
        await record(
            connection,
            deed,
            "segment.rule_put",
            about=f"segment:{rule.segment_id}",
            before=before,
            after=rule,
        )
    return rule


async def delete_rule(pool: Pool, segment_id: str, *, deed: Deed) -> None:
    """Whoever is in the segment stays. Raises NoRule."""
    async with transaction(pool) as connection:
        before = await _hold_rule(connection, segment_id)
        await store.delete_rule(connection, segment_id)
        await record(connection, deed, "segment.rule_deleted", about=f"segment:{segment_id}", before=before)


async def run_rule(pool: Pool, segment_id: str, *, deed: Deed) -> Rule:
    """Now, whatever its schedule says. Raises NoRule."""
    async with transaction(pool) as connection:
        before = await _hold_rule(connection, segment_id)
        after = await _run(connection, before, now=deed.at)
        await record(
            connection, deed, "segment.rule_run", about=f"segment:{segment_id}", before=before, after=after
        )
    return after


async def _hold_rule(connection: Connection, segment_id: str) -> Rule:
    rule = await store.hold_rule(connection, segment_id)
    if rule is None:
        raise NoRule
    return rule


async def _run(connection: Connection, rule: Rule, *, now: datetime) -> Rule:
    await store.hold_segment(connection, rule.segment_id)
    members = await store.replace_members(connection, rule, now=now)
    ran = replace(rule, last_run_at=now, last_members=members, next_run_at=rule.next_run_after(now))
    await store.save_run(connection, ran)
    return ran
