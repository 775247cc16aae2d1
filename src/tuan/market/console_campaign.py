"""Campaigns over HTTP: looked at, drafted, edited, published, copied, ended."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator

from tuan.kernel.db import transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.money import FEN_MAX
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Body, Id
from tuan.market import offer, store_campaign
from tuan.market.campaign import CampaignStatus, Draft, Terms
from tuan.market.console_goods import DiscountView, PriceView
from tuan.market.console_guard import Here, Looker, Seller, deed_of
from tuan.market.console_shapes import (
    CONSOLE,
    NO_CONTROL,
    PAGE,
    AnyReason,
    Limit,
    Moment,
    Name,
    ReasonBody,
    cut,
)
from tuan.market.store_campaign import CAMPAIGNS, CampaignRecord

Text = Annotated[str | None, Query(min_length=1, max_length=80, pattern=NO_CONTROL)]
ListFen = Annotated[int | None, Query(ge=1, le=FEN_MAX)]
MONTH_MINUTES = 31 * 24 * 60


class AudienceView(Body):
    """Whom a campaign is for. Who is outside the segment may not see it, or may see it and not join."""

    segment_id: Id
    limits_see: bool
    limits_join: bool

    @model_validator(mode="after")
    def limits_something(self) -> Self:
        if not (self.limits_see or self.limits_join):
            raise ValueError("an audience limits who sees the campaign, who joins, or both")
        return self


class TermsView(BaseModel):
    id: str
    seats_target: int
    take_limit: int
    team_minutes: int
    hold_minutes: int
    audience: AudienceView | None

    @classmethod
    def of(cls, terms: Terms) -> Self:
        audience = None
        if terms.segment_id is not None and (terms.limits_see or terms.limits_join):
            audience = AudienceView(
                segment_id=terms.segment_id, limits_see=terms.limits_see, limits_join=terms.limits_join
            )
        return cls(
            id=terms.id,
            seats_target=terms.seats_target,
            take_limit=terms.take_limit,
            team_minutes=terms.team_minutes,
            hold_minutes=terms.hold_minutes,
            audience=audience,
        )


class CampaignView(BaseModel):
    id: str
    name: str
    status: CampaignStatus
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    terms: TermsView
    discount: DiscountView
    preview: PriceView | None

    @classmethod
    def of(cls, record: CampaignRecord, *, list_fen: int | None = None) -> Self:
        campaign = record.campaign
        discount = campaign.terms.discount
        return cls(
            id=campaign.id,
            name=campaign.name,
            status=campaign.status,
            starts_at=campaign.starts_at,
            ends_at=campaign.ends_at,
            created_at=record.created_at,
            terms=TermsView.of(campaign.terms),
            discount=DiscountView.of(discount, name=record.discount_name),
            preview=PriceView.of(discount.price(list_fen)) if list_fen else None,
        )


class CampaignPage(BaseModel):
    items: list[CampaignView]
    next_cursor: str | None


class TermsBody(Body):
    discount_id: Id
    seats_target: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    take_limit: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    team_minutes: Annotated[int, Field(strict=True, ge=1, le=MONTH_MINUTES)]
    hold_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)]
    audience: AudienceView | None = None


class CampaignBody(Body):
    name: Name
    starts_at: Moment
    ends_at: Moment
    terms: TermsBody
    reason: AnyReason = ""

    def draft(self) -> Draft:
        terms, audience = self.terms, self.terms.audience
        return Draft(
            name=self.name,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            discount_id=terms.discount_id,
            seats_target=terms.seats_target,
            take_limit=terms.take_limit,
            team_minutes=terms.team_minutes,
            hold_minutes=terms.hold_minutes,
            segment_id=audience.segment_id if audience else None,
            limits_see=audience is not None and audience.limits_see,
            limits_join=audience is not None and audience.limits_join,
        )


class AnyReasonBody(Body):
    reason: AnyReason = ""


class CopyBody(Body):
    name: Name
    reason: AnyReason = ""


router = APIRouter(prefix=CONSOLE)


@router.get("/campaigns")
async def list_campaigns(
    doors: Here,
    _: Looker,
    status: CampaignStatus | None = None,
    text: Text = None,
    sort: Sort = "-created",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> CampaignPage:
    """By `created`, `name`, `starts` or `ends`; `text` is part of a name."""
    turn = CAMPAIGNS.turn(sort, cursor)
    async with transaction(doors.pool) as connection:
        rows = await store_campaign.campaigns(connection, turn, status=status, text=text, limit=limit + 1)
    page, last = cut(rows, limit)
    return CampaignPage(
        items=[CampaignView.of(record) for record in page],
        next_cursor=CAMPAIGNS.cursor(sort, last) if last else None,
    )


@router.get("/campaigns/{campaign_id}")
async def read_campaign(campaign_id: Id, doors: Here, _: Looker, list_fen: ListFen = None) -> CampaignView:
    """With `list_fen`, also what goods at that price would cost."""
    async with transaction(doors.pool) as connection:
        record = await store_campaign.campaign_of(connection, campaign_id)
    if record is None:
        raise NotFound("There is no such campaign.")
    return CampaignView.of(record, list_fen=list_fen)


@router.post("/campaigns", status_code=201)
async def draft_campaign(body: CampaignBody, doors: Here, operator: Seller) -> CampaignView:
    deed = deed_of(operator, doors, reason=body.reason)
    return CampaignView.of(await offer.create_campaign(doors.pool, body.draft(), deed=deed))


@router.put("/campaigns/{campaign_id}")
async def edit_campaign(campaign_id: Id, body: CampaignBody, doors: Here, operator: Seller) -> CampaignView:
    """Name and window change at once; other terms count for teams that open from now on."""
    deed = deed_of(operator, doors, reason=body.reason)
    return CampaignView.of(await offer.edit_campaign(doors.pool, campaign_id, body.draft(), deed=deed))


@router.put("/campaigns/{campaign_id}/publication")
async def publish_campaign(
    campaign_id: Id, body: AnyReasonBody, doors: Here, operator: Seller
) -> CampaignView:
    deed = deed_of(operator, doors, reason=body.reason)
    return CampaignView.of(await offer.publish_campaign(doors.pool, campaign_id, deed=deed))


@router.put("/campaigns/{campaign_id}/end")
async def end_campaign(campaign_id: Id, body: ReasonBody, doors: Here, operator: Seller) -> CampaignView:
    """No team opens, and nobody joins, from now on. Seats that are held can still be paid for."""
    deed = deed_of(operator, doors, reason=body.reason)
    return CampaignView.of(await offer.end_campaign(doors.pool, campaign_id, deed=deed))


@router.post("/campaigns/{campaign_id}/copies", status_code=201)
async def copy_campaign(campaign_id: Id, body: CopyBody, doors: Here, operator: Seller) -> CampaignView:
    """A new draft with the same terms and window; goods are listed in it anew."""
    deed = deed_of(operator, doors, reason=body.reason)
    return CampaignView.of(await offer.copy_campaign(doors.pool, campaign_id, name=body.name, deed=deed))
