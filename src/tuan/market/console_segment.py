"""Segments at the console: who is in them, the files they are imported from, the rules that decide."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from tuan.kernel.db import transaction
from tuan.kernel.errors import NotFound, Refusal
from tuan.kernel.ids import new_id
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Body, Id
from tuan.market import store_segment as store
from tuan.market.console_guard import Here, Looker, Seller, deed_of
from tuan.market.console_shapes import CONSOLE, NO_CONTROL, PAGE, Limit, Name, cut
from tuan.market.segment import Counts, Import, ImportAbandoned, ImportStatus, NoSegment, Rule, Segment
from tuan.market.segment_import import import_buyers
from tuan.market.segment_rule import create_segment, delete_rule, put_rule, run_rule

IMPORT_PATH = "/segments/{segment_id}/imports/{import_id}"
IMPORT_MAX_BYTES = 128 * 1024 * 1024  # A million of the longest ids, and as much again.
LISTS = ("text/csv", "text/plain")
A_LIST = {"requestBody": {"required": True, "content": {kind: {} for kind in LISTS}}}
IMPORTS_SHOWN = 20

SegmentId = Annotated[Id, Path(description="The segment.")]
Text = Annotated[str, Field(max_length=500, pattern=NO_CONTROL)]


class NotAList(Refusal):
    """A list of buyers is text/csv or text/plain: one id a line."""

    code = "not_a_list"
    status = 415


class SegmentBody(Body):
    id: Id | None = None  # None: we make one.
    name: Name
    description: Text = ""


class RuleBody(Body):
    counts: Counts
    at_least: Annotated[int, Field(strict=True, ge=1, le=2**62)]
    window_days: Annotated[int, Field(strict=True, ge=1, le=3650)]
    every_minutes: Annotated[int, Field(strict=True, ge=1, le=525_600)] | None = None


class RuleView(BaseModel):
    segment_id: str
    counts: Counts
    at_least: int
    window_days: int
    every_minutes: int | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_members: int | None

    @classmethod
    def of(cls, rule: Rule) -> Self:
        return cls(**asdict(rule))


class SegmentView(BaseModel):
    id: str
    name: str
    description: str
    created_at: datetime

    @classmethod
    def of(cls, segment: Segment) -> Self:
        return cls(**asdict(segment))


class SegmentPage(BaseModel):
    items: list[SegmentView]
    next_cursor: str | None


class SegmentDetailView(SegmentView):
    members: int
    rule: RuleView | None


class MemberView(BaseModel):
    buyer_id: str
    is_member: bool


class BadRowView(BaseModel):
    line: int
    text: str


class ImportView(BaseModel):
    id: str
    segment_id: str
    status: ImportStatus
    rows_read: int
    rows_added: int
    duplicates: int
    bad_rows: int
    bad_samples: list[BadRowView]
    started_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, one: Import) -> Self:
        return cls.model_validate(asdict(one))


class ImportList(BaseModel):
    items: list[ImportView]


router = APIRouter(prefix=CONSOLE)


@router.get("/segments")
async def list_segments(
    doors: Here, _: Looker, sort: Sort = "id", cursor: SortedCursor = None, limit: Limit = PAGE
) -> SegmentPage:
    """By `id`, `name` or `created`."""
    turn = store.SEGMENTS.turn(sort, cursor)
    async with transaction(doors.pool) as connection:
        found = await store.segments(connection, turn, limit=limit + 1)
    page, last = cut(found, limit)
    return SegmentPage(
        items=[SegmentView.of(one) for one in page],
        next_cursor=store.SEGMENTS.cursor(sort, last) if last else None,
    )


@router.post("/segments", status_code=201)
async def create_one(body: SegmentBody, doors: Here, operator: Seller) -> SegmentView:
    """A segment that admits nobody yet."""
    segment = Segment(
        id=body.id or new_id(), name=body.name, description=body.description, created_at=doors.clock()
    )
    return SegmentView.of(await create_segment(doors.pool, segment, deed=deed_of(operator, doors)))


@router.get("/segments/{segment_id}")
async def read_segment(segment_id: SegmentId, doors: Here, _: Looker) -> SegmentDetailView:
    """A segment, how many are in it, and the rule that decides it, if one does."""
    async with transaction(doors.pool) as connection:
        found = await store.segment_of(connection, segment_id)
        members = await store.count_members(connection, segment_id)
        rule = await store.rule_of(connection, segment_id)
    if found is None:
        raise NoSegment
    return SegmentDetailView(**asdict(found), members=members, rule=rule and RuleView.of(rule))


@router.get("/segments/{segment_id}/members/{buyer_id}")
async def read_member(segment_id: SegmentId, buyer_id: Id, doors: Here, _: Looker) -> MemberView:
    """Whether this buyer is in."""
    async with transaction(doors.pool) as connection:
        found = await store.segment_of(connection, segment_id)
        inside = await store.is_member(connection, segment_id=segment_id, buyer_id=buyer_id)
    if found is None:
        raise NoSegment
    return MemberView(buyer_id=buyer_id, is_member=inside)


@router.put(IMPORT_PATH, openapi_extra=A_LIST)
async def import_list(
    segment_id: SegmentId, import_id: Id, request: Request, doors: Here, operator: Seller
) -> ImportView:
    """Add the buyers this file lists, one id a line: all of them, or none if anything fails.

    You name the import, so that you can watch it while the file is on its way.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in LISTS:
        raise NotAList
    done = await import_buyers(
        doors.pool,
        _chunks(request),
        segment_id=segment_id,
        import_id=import_id,
        clock=doors.clock,
        deed=deed_of(operator, doors),
    )
    return ImportView.of(done)


@router.get("/segments/{segment_id}/imports")
async def list_imports(segment_id: SegmentId, doors: Here, _: Looker) -> ImportList:
    """The last imports, the newest first."""
    async with transaction(doors.pool) as connection:
        found = await store.imports_of(connection, segment_id, limit=IMPORTS_SHOWN)
    return ImportList(items=[ImportView.of(one) for one in found])


@router.get(IMPORT_PATH)
async def read_import(segment_id: SegmentId, import_id: Id, doors: Here, _: Looker) -> ImportView:
    """How far an import is, or how it ended."""
    async with transaction(doors.pool) as connection:
        found = await store.import_of(connection, segment_id=segment_id, import_id=import_id)
    if found is None:
        raise NotFound("There is no such import.")
    return ImportView.of(found)


@router.put("/segments/{segment_id}/rule")
async def put_segment_rule(segment_id: SegmentId, body: RuleBody, doors: Here, operator: Seller) -> RuleView:
    """Whoever bought enough in the last days is in, and nobody else, from the rule's next run on."""
    rule = Rule(segment_id=segment_id, **body.model_dump())
    return RuleView.of(await put_rule(doors.pool, rule, deed=deed_of(operator, doors)))


@router.delete("/segments/{segment_id}/rule", status_code=204)
async def delete_segment_rule(segment_id: SegmentId, doors: Here, operator: Seller) -> Response:
    """Whoever is in stays; from now on buyers can be imported."""
    await delete_rule(doors.pool, segment_id, deed=deed_of(operator, doors))
    return Response(status_code=204)


@router.post("/segments/{segment_id}/rule/runs")
async def run_segment_rule(segment_id: SegmentId, doors: Here, operator: Seller) -> RuleView:
    """Run the rule now."""
    return RuleView.of(await run_rule(doors.pool, segment_id, deed=deed_of(operator, doors)))


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as error:
        raise ImportAbandoned from error
