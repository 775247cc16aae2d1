"""Each day the gateway's bill is held against our books, and what can be put right is put right.

A lost notify is asked for and taken in; a refund whose answer was lost is asked for again under its
number. What else differs is kept as a break, and rings. Every step is safe to repeat: a day cut short
is taken up again, and one that is done can be done again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import structlog

from tuan.kernel.clock import midnight
from tuan.kernel.db import TAKE_YOUR_TIME, Connection, Pool, transaction
from tuan.kernel.errors import NotFound, Refusal, Unreachable
from tuan.kernel.jobs import Jobs
from tuan.mall import store_bill, store_break, store_ledger, store_reconcile
from tuan.mall.alarm import raise_alarm
from tuan.mall.bill import BillLine, MovementKind
from tuan.mall.gateways.gateway import Gateway
from tuan.mall.ledger import fee
from tuan.mall.operator import Deed
from tuan.mall.pay import ask_gateway
from tuan.mall.reconciliation import (
    AROUND_MIDNIGHT,
    Agreement,
    Break,
    BreakKind,
    compare,
    last_day_due,
    require_over,
)
from tuan.mall.refund import RefundPending, make_refund, retry_refund
from tuan.mall.store_break import BREAKS, BreakSeen, BreakStatus
from tuan.mall.store_deed import record
from tuan.mall.store_reconcile import Due, Run

Gateways = Mapping[str, Gateway]

TRY_AGAIN_AFTER = timedelta(minutes=30)
TRIES_BEFORE_ALARM = 4
RUNS_MAX = 100
BREAKS_MAX = 100
NEWEST = "-id"
OURSELVES = "reconciliation"
log = structlog.get_logger()


class BreakEnded(Refusal):
    """This break has ended already."""

    code = "break_ended"


async def reconcile_due(pool: Pool, jobs: Jobs, gateways: Gateways, *, now: datetime) -> bool:
    """The oldest day that waits for its bill. Whether there may be more."""
    async with transaction(pool) as connection:
        due = await store_reconcile.take_due(
            connection,
            list(gateways),
            until=last_day_due(now),
            now=now,
            again_at=now + TRY_AGAIN_AFTER,
        )
    if due is None:
        return False

    try:
        await reconcile_day(pool, jobs, gateways, gateway=due.gateway, day=due.day, now=now)
    except Refusal as trouble:
        await _postpone(pool, due, trouble, now=now)
    return True


async def reconcile_day(
    pool: Pool, jobs: Jobs, gateways: Gateways, *, gateway: str, day: date, now: datetime
) -> Run:
    """Safe to repeat, also for a day that is done.

    Raises DayNotOver, NotFound for a gateway we do not know, and what Gateway.bill raises: then nothing
    has changed. Raises Unreachable, too, when a repair got no answer: what was found is kept, and the day
    is not done.
    """
    require_over(day, now=now)
    if gateway not in gateways:
        raise NotFound
    lines = await gateways[gateway].bill(day, now=now)

    found = await _compare(pool, gateways[gateway], day, lines, now=now)
    repairable = [one for one in found if one.kind.is_repairable]
    unanswered = [one for one in repairable if not await _repair(pool, jobs, gateways, gateway, one, now=now)]
    if repairable:
        found = await _compare(pool, gateways[gateway], day, lines, now=now)
    if found:
        await _ring(pool, gateway, day, found, now=now)
    if unanswered:
        raise Unreachable("The gateway gave no answer to a repair yet. It is asked again in half an hour.")
    return await _finish(pool, gateway, day, lines, now=now)


async def reconcile_again(
    pool: Pool, jobs: Jobs, gateways: Gateways, *, gateway: str, day: date, deed: Deed
) -> Run:
    """An operator asks for it. Raises what reconcile_day raises."""
    require_over(day, now=deed.at)
    if gateway not in gateways:
        raise NotFound
    async with transaction(pool) as connection:
        await record(connection, deed, "day.reconciled", about=f"day:{gateway}/{day}")
    return await reconcile_day(pool, jobs, gateways, gateway=gateway, day=day, now=deed.at)


async def list_runs(pool: Pool, *, gateway: str | None = None, before: date | None = None) -> list[Run]:
    """Newest day first, a hundred at most; `before` is the day of the last one seen."""
    async with transaction(pool) as connection:
        return await store_reconcile.runs(connection, gateway=gateway, before=before, limit=RUNS_MAX)


async def list_breaks(
    pool: Pool,
    *,
    gateway: str | None = None,
    day: date | None = None,
    status: BreakStatus | None = None,
    sort: str = NEWEST,
    cursor: str | None = None,
    limit: int = BREAKS_MAX,
) -> list[BreakSeen]:
    """Raises InvalidRequest for a sort or a cursor that is none of BREAKS."""
    turn = BREAKS.turn(sort, cursor)
    async with transaction(pool) as connection:
        return await store_break.breaks(
            connection, turn, gateway=gateway, day=day, status=status, limit=limit
        )


async def repair_break(pool: Pool, jobs: Jobs, gateways: Gateways, break_id: str, *, deed: Deed) -> BreakSeen:
    """Hold its day against the bill once more, putting right what can be. Returns what became of it.

    Raises NotFound, BreakEnded, and what reconcile_day raises.
    """
    async with transaction(pool) as connection:
        known = await store_break.hold(connection, break_id)
        if known.status is not BreakStatus.OPEN:
            raise BreakEnded
        await record(connection, deed, "break.repair_asked", about=f"break:{break_id}")
    await reconcile_day(pool, jobs, gateways, gateway=known.gateway, day=known.day, now=deed.at)
    async with transaction(pool) as connection:
        return await store_break.hold(connection, break_id)


async def resolve_break(pool: Pool, break_id: str, *, deed: Deed) -> BreakSeen:
    """An operator has looked, and says what it was. Raises NotFound, BreakEnded."""
    async with transaction(pool) as connection:
        known = await store_break.hold(connection, break_id)
        if known.status is not BreakStatus.OPEN:
            raise BreakEnded
        await store_break.resolve(
            connection, break_id, by=deed.operator_name, reason=deed.reason, now=deed.at
        )
        await record(connection, deed, "break.resolved", about=f"break:{break_id}", before=known)
        return await store_break.hold(connection, break_id)


async def _compare(
    pool: Pool, gateway: Gateway, day: date, lines: Sequence[BillLine], *, now: datetime
) -> list[Break]:
    """Write down what agrees and what does not. Returns what is open of the day."""
    async with transaction(pool) as connection:
        await connection.execute(TAKE_YOUR_TIME)
        await store_reconcile.hold(connection, gateway=gateway.name, day=day, now=now)
        ours = await store_bill.movements(
            connection,
            lines,
            gateway=gateway.name,
            day=day,
            since=midnight(day) - AROUND_MIDNIGHT,
            until=midnight(day + timedelta(days=1)) + AROUND_MIDNIGHT,
        )
        billed = await store_bill.billed_days(connection, gateway=gateway.name, around=day)
        told = compare(day, lines, ours, billed=billed, fee_bp=gateway.fee_bp)
        confirmed = await _confirm(connection, told.agreed, gateway=gateway.name, day=day, now=now)
        await store_break.save_found(connection, told.breaks, gateway=gateway.name, day=day, now=now)
        await store_break.end_repaired(
            connection, told.breaks, confirmed, gateway=gateway.name, day=day, by=OURSELVES, now=now
        )
        return await store_break.open_of(connection, gateway=gateway.name, day=day)


async def _confirm(
    connection: Connection, agreed: Sequence[Agreement], *, gateway: str, day: date, now: datetime
) -> list[str]:
    """What the bill confirms for the first time, and with it the fee that was taken or came back."""
    lines = [one.line for one in agreed]
    new = await store_bill.confirm(connection, lines, gateway=gateway, day=day, now=now)
    fees = [
        fee(one.line, order_number=one.order_number)
        for one in agreed
        if one.line.fee_fen and (one.line.kind, one.line.number) in new
    ]
    await store_ledger.book_all(connection, fees, now=now)
    return [number for _, number in new]


async def _repair(
    pool: Pool, jobs: Jobs, gateways: Gateways, gateway: str, broken: Break, *, now: datetime
) -> bool:
    """What the gateway has done and we do not know of. It is asked: the bill alone proves nothing.

    Whether it gave an answer, be it no.
    """
    try:
        match broken.kind:
            case BreakKind.PAYMENT_MISSING_HERE:
                await ask_gateway(pool, jobs, gateways[gateway], broken.about, now=now)
            case BreakKind.REFUND_MISSING_HERE:
                await retry_refund(pool, jobs, broken.about, now=now)
                await make_refund(pool, gateways, refund_number=broken.about, now=now)
    except (Refusal, RefundPending) as trouble:
        log.warning("not_repaired", kind=broken.kind, about=broken.about, why=repr(trouble))
        return not isinstance(trouble, Unreachable | RefundPending)
    return True


async def _ring(pool: Pool, gateway: str, day: date, left: Sequence[Break], *, now: datetime) -> None:
    counted = Counter(one.kind for one in left)
    detail = ", ".join(f"{count} {kind}" for kind, count in sorted(counted.items()))
    async with transaction(pool) as connection:
        await raise_alarm(connection, "books_differ", about=f"{gateway} {day}", detail=detail, now=now)


async def _finish(pool: Pool, gateway: str, day: date, lines: Sequence[BillLine], *, now: datetime) -> Run:
    async with transaction(pool) as connection:
        await store_reconcile.finish(
            connection,
            gateway=gateway,
            day=day,
            lines=len(lines),
            taken_fen=_sum(lines, MovementKind.PAYMENT),
            given_back_fen=_sum(lines, MovementKind.REFUND),
            fees_fen=sum(line.fee_fen for line in lines),
            now=now,
        )
        [run] = await store_reconcile.runs(connection, gateway=gateway, day=day, limit=1)
    log.info("reconciled", gateway=gateway, day=str(day), lines=run.lines, breaks_open=run.breaks_open)
    return run


async def _postpone(pool: Pool, due: Due, trouble: Refusal, *, now: datetime) -> None:
    about = f"{due.gateway} {due.day}"
    async with transaction(pool) as connection:
        tries = await store_reconcile.postpone(
            connection,
            gateway=due.gateway,
            day=due.day,
            trouble=f"{trouble.code}: {trouble}",
            ask_at=now + TRY_AGAIN_AFTER,
        )
        if tries >= TRIES_BEFORE_ALARM:
            await raise_alarm(connection, "bill_missing", about=about, detail=str(trouble), now=now)
    log.warning("no_bill", day=about, tries=tries, why=trouble.code)


def _sum(lines: Sequence[BillLine], kind: MovementKind) -> int:
    return sum(line.amount_fen for line in lines if line.kind is kind)
