"""Days held against the gateway's bill, and where they differ, over HTTP: looked at, done again, ended."""

from datetime import date
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.shapes import AnyReasonBody, Limit, ReasonBody, cut
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Id
from tuan.mall import reconcile
from tuan.mall.console_guard import Accountant, Looker, deed_of
from tuan.mall.reconcile import BREAKS_MAX, NEWEST, RUNS_MAX
from tuan.mall.reconciliation import BreakKind
from tuan.mall.store_break import BREAKS, BreakSeen, BreakStatus
from tuan.mall.store_reconcile import Run, RunStatus
from tuan.mall.visitor import Here

FIRST, LAST = date(2000, 1, 1), date(9000, 1, 1)
Day = Annotated[date, Path(ge=FIRST, le=LAST)]
SomeDay = Annotated[date | None, Query(ge=FIRST, le=LAST)]
BeforeDay = Annotated[date | None, Query(alias="cursor", ge=FIRST, le=LAST)]


class RunView(BaseModel):
    """How a day of Beijing stands at one gateway; amounts are what its bill says."""

    gateway: str
    day: date
    status: RunStatus
    tries: int
    trouble: str | None
    ask_at: AwareDatetime | None
    lines: int
    taken_fen: int
    given_back_fen: int
    fees_fen: int
    started_at: AwareDatetime
    done_at: AwareDatetime | None
    breaks_open: int
    breaks_found: int

    @classmethod
    def of(cls, run: Run) -> Self:
        return cls(
            gateway=run.gateway,
            day=run.day,
            status=run.status,
            tries=run.tries,
            trouble=run.trouble,
            ask_at=run.ask_at,
            lines=run.lines,
            taken_fen=run.taken_fen,
            given_back_fen=run.given_back_fen,
            fees_fen=run.fees_fen,
            started_at=run.started_at,
            done_at=run.done_at,
            breaks_open=run.breaks_open,
            breaks_found=run.breaks_found,
        )


class RunPage(BaseModel):
    items: list[RunView]
    next_cursor: str | None


class BreakView(BaseModel):
    """Where a bill and our books differ: what each says of the same money, `null` where it says nothing."""

    id: str
    gateway: str
    day: date
    kind: BreakKind
    about: str
    order_number: str | None
    ours_fen: int | None
    ledger_fen: int | None
    bill_fen: int | None
    detail: str
    status: BreakStatus
    found_at: AwareDatetime
    ended_at: AwareDatetime | None
    ended_by: str | None
    reason: str | None

    @classmethod
    def of(cls, seen: BreakSeen) -> Self:
        return cls(
            id=seen.id,
            gateway=seen.gateway,
            day=seen.day,
            kind=seen.kind,
            about=seen.about,
            order_number=seen.order_number,
            ours_fen=seen.ours_fen,
            ledger_fen=seen.ledger_fen,
            bill_fen=seen.bill_fen,
            detail=seen.detail,
            status=seen.status,
            found_at=seen.found_at,
            ended_at=seen.ended_at,
            ended_by=seen.ended_by,
            reason=seen.reason,
        )


class BreakPage(BaseModel):
    items: list[BreakView]
    next_cursor: str | None


router = APIRouter()


@router.get("/reconciliations")
async def list_reconciliations(
    doors: Here, _: Looker, gateway: Id | None = None, cursor: BeforeDay = None
) -> RunPage:
    """The newest day first, up to a hundred; a day's gateways come together."""
    runs = await reconcile.list_runs(doors.console_pool, gateway=gateway, before=cursor)
    last = runs[-1].day if len(runs) == RUNS_MAX else None
    whole_days = [run for run in runs if run.day != last]
    return RunPage(
        items=[RunView.of(run) for run in whole_days],
        next_cursor=str(whole_days[-1].day) if last is not None else None,
    )


@router.post("/reconciliations/{gateway}/{day}/rerun")
async def rerun_reconciliation(
    gateway: Id, day: Day, body: AnyReasonBody, doors: Here, operator: Accountant
) -> RunView:
    """Fetch the day's bill and compare once more, putting right what can be. Safe to repeat."""
    deed = deed_of(operator, doors, reason=body.reason)
    run = await reconcile.reconcile_again(
        doors.console_pool, doors.jobs, doors.gateways, gateway=gateway, day=day, deed=deed
    )
    return RunView.of(run)


@router.get("/breaks")
async def list_breaks(
    doors: Here,
    _: Looker,
    gateway: Id | None = None,
    day: SomeDay = None,
    status: BreakStatus | None = None,
    sort: Sort = NEWEST,
    cursor: SortedCursor = None,
    limit: Limit = BREAKS_MAX,
) -> BreakPage:
    """By `id`, which is when it was found first; by `found`, when it was found last; by `day`, `kind`, or
    what `ours`, `ledger` or `bill` say."""
    rows = await reconcile.list_breaks(
        doors.console_pool, gateway=gateway, day=day, status=status, sort=sort, cursor=cursor, limit=limit + 1
    )
    page, last = cut(rows, limit)
    return BreakPage(
        items=[BreakView.of(seen) for seen in page], next_cursor=BREAKS.cursor(sort, last) if last else None
    )


@router.post("/breaks/{break_id}/repair")
async def repair_break(break_id: Id, body: AnyReasonBody, doors: Here, operator: Accountant) -> BreakView:
    """Hold its day against the bill once more: what can be got back is, and what agrees by now has ended."""
    deed = deed_of(operator, doors, reason=body.reason)
    return BreakView.of(
        await reconcile.repair_break(doors.console_pool, doors.jobs, doors.gateways, break_id, deed=deed)
    )


@router.put("/breaks/{break_id}/resolution")
async def resolve_break(break_id: Id, body: ReasonBody, doors: Here, operator: Accountant) -> BreakView:
    """Somebody has looked, and says what it was. A later bill that says something else opens it again."""
    deed = deed_of(operator, doors, reason=body.reason)
    return BreakView.of(await reconcile.resolve_break(doors.console_pool, break_id, deed=deed))
