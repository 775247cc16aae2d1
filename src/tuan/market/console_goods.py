"""Discounts, and the goods listed in campaigns, over HTTP."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from tuan.kernel.db import transaction
from tuan.kernel.ids import new_id
from tuan.kernel.money import FEN_MAX
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Body, Id
from tuan.market import offer, store_campaign
from tuan.market.campaign import CampaignStatus, Listing
from tuan.market.console_guard import Here, Looker, Seller, deed_of
from tuan.market.console_shapes import CONSOLE, PAGE, AnyReason, Limit, Name, cut
from tuan.market.discount import BASIS_POINTS, Discount, Plan, Price
from tuan.market.store_campaign import DISCOUNTS, LISTINGS, Listed

SomeFen = Annotated[int, Field(strict=True, ge=1, le=FEN_MAX)]


class DiscountView(BaseModel):
    id: str
    name: str
    plan: Plan
    off_fen: int
    over_fen: int
    rate_bp: int
    price_fen: int
    segment_id: str | None

    @classmethod
    def of(cls, discount: Discount, *, name: str) -> Self:
        return cls(
            id=discount.id,
            name=name,
            plan=discount.plan,
            off_fen=discount.off_fen,
            over_fen=discount.over_fen,
            rate_bp=discount.rate_bp,
            price_fen=discount.price_fen,
            segment_id=discount.segment_id,
        )


class DiscountPage(BaseModel):
    items: list[DiscountView]
    next_cursor: str | None


class PriceView(BaseModel):
    list_fen: int
    discount_fen: int
    payable_fen: int

    @classmethod
    def of(cls, price: Price) -> Self:
        return cls(list_fen=price.list_fen, discount_fen=price.discount_fen, payable_fen=price.payable_fen)


class MarginView(BaseModel):
    """What is left of the price, negative if the goods cost more; `margin_bp` is of the price."""

    cost_fen: int
    margin_fen: int
    margin_bp: int

    @classmethod
    def of(cls, price: Price, cost_fen: int | None) -> Self | None:
        return None if cost_fen is None else cls(**price.margin(cost_fen)._asdict())


class PreviewView(PriceView):
    margin: MarginView | None


class AmountOffBody(Body):
    plan: Literal["amount_off"]
    off_fen: SomeFen


class ThresholdBody(Body):
    plan: Literal["threshold"]
    over_fen: SomeFen
    off_fen: SomeFen

    @model_validator(mode="after")
    def takes_off_part_of_it(self) -> Self:
        if self.off_fen >= self.over_fen:
            raise ValueError("off_fen is less than over_fen")
        return self


class PercentBody(Body):
    plan: Literal["percent"]
    rate_bp: Annotated[int, Field(strict=True, ge=1, lt=BASIS_POINTS)]


class FixedPriceBody(Body):
    plan: Literal["fixed_price"]
    price_fen: SomeFen


DiscountTerms = Annotated[
    AmountOffBody | ThresholdBody | PercentBody | FixedPriceBody, Field(discriminator="plan")
]


class DiscountBody(Body):
    name: Name
    terms: DiscountTerms
    segment_id: Id | None = None
    reason: AnyReason = ""

    def discount(self) -> Discount:
        return _discount(self.terms, segment_id=self.segment_id)


class PreviewBody(Body):
    terms: DiscountTerms
    list_fen: SomeFen
    cost_fen: SomeFen | None = None


class ListingView(BaseModel):
    source: str
    channel: str
    goods_id: str
    campaign_id: str
    campaign_name: str
    campaign_status: CampaignStatus
    price: PriceView
    margin: MarginView | None  # Where the listing says what the goods cost.

    @classmethod
    def of(cls, listing: Listing) -> Self:
        price = listing.price(in_segment=True)
        return cls(
            source=listing.source,
            channel=listing.channel,
            goods_id=listing.goods_id,
            campaign_id=listing.campaign.id,
            campaign_name=listing.campaign.name,
            campaign_status=listing.campaign.status,
            price=PriceView.of(price),
            margin=MarginView.of(price, listing.cost_fen),
        )


class ListingPage(BaseModel):
    items: list[ListingView]
    next_cursor: str | None


class ListingBody(Body):
    campaign_id: Id
    list_fen: SomeFen
    cost_fen: SomeFen | None = None
    reason: AnyReason = ""


router = APIRouter(prefix=CONSOLE)


@router.get("/discounts")
async def list_discounts(
    doors: Here, _: Looker, sort: Sort = "-id", cursor: SortedCursor = None, limit: Limit = PAGE
) -> DiscountPage:
    """By `id`, `name` or `plan`: the newest first if nothing is said."""
    turn = DISCOUNTS.turn(sort, cursor)
    async with transaction(doors.pool) as connection:
        rows = await store_campaign.discounts(connection, turn, limit=limit + 1)
    page, last = cut(rows, limit)
    return DiscountPage(
        items=[DiscountView.of(named.discount, name=named.name) for named in page],
        next_cursor=DISCOUNTS.cursor(sort, last) if last else None,
    )


@router.post("/discounts", status_code=201)
async def create_discount(body: DiscountBody, doors: Here, operator: Seller) -> DiscountView:
    """Never edited afterwards: what was promised can be looked up."""
    deed = deed_of(operator, doors, reason=body.reason)
    named = await offer.create_discount(doors.pool, body.discount(), name=body.name, deed=deed)
    return DiscountView.of(named.discount, name=named.name)


@router.post("/discounts/preview")
async def preview_discount(body: PreviewBody, _: Seller) -> PreviewView:
    """What goods at this price would cost, and what would be left of it; nothing is kept."""
    price = _discount(body.terms).price(body.list_fen)
    return PreviewView(**price._asdict(), margin=MarginView.of(price, body.cost_fen))


@router.get("/listings")
async def list_listings(
    doors: Here,
    _: Looker,
    campaign_id: Id | None = None,
    source: Id | None = None,
    goods_id: Id | None = None,
    sort: Sort = "source",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> ListingPage:
    """By `source`, `goods` or `price`, with the price of whoever is in the discount's segment."""
    turn = LISTINGS.turn(sort, cursor)
    async with transaction(doors.pool) as connection:
        rows = await store_campaign.listings(
            connection, turn, campaign_id=campaign_id, source=source, goods_id=goods_id, limit=limit + 1
        )
    page, last = cut(rows, limit)
    return ListingPage(
        items=[ListingView.of(listing) for listing in page],
        next_cursor=LISTINGS.cursor(sort, last) if last else None,
    )


@router.put("/listings/{source}/{channel}/{goods_id}")
async def put_listing(
    source: Id, channel: Id, goods_id: Id, body: ListingBody, doors: Here, operator: Seller
) -> ListingView:
    """Goods are in one campaign at a time: this takes them out of the one they were in. It replaces all that
    the listing says: without `cost_fen` nothing is known of what they cost."""
    deed = deed_of(operator, doors, reason=body.reason)
    listed = Listed(campaign_id=body.campaign_id, list_fen=body.list_fen, cost_fen=body.cost_fen)
    return ListingView.of(await offer.list_goods(doors.pool, (source, channel, goods_id), listed, deed=deed))


@router.delete("/listings/{source}/{channel}/{goods_id}", status_code=204)
async def delete_listing(source: Id, channel: Id, goods_id: Id, doors: Here, operator: Seller) -> None:
    await offer.delist_goods(doors.pool, (source, channel, goods_id), deed=deed_of(operator, doors))


def _discount(terms: DiscountTerms, *, segment_id: str | None = None) -> Discount:
    amounts = terms.model_dump(exclude={"plan"})
    return Discount(id=new_id(), plan=Plan(terms.plan), segment_id=segment_id, **amounts)
