"""What this buyer would pay, and why. The seat is priced by the same rules, under its own locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tuan.market.campaign import Listing, NoListing
from tuan.market.catalog import Catalog
from tuan.market.discount import Price
from tuan.market.team import ListingKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    code: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    listing: Listing
    price: Price
    may_see: bool
    may_join: bool
    reasons: Sequence[Reason]


async def quote(catalog: Catalog, key: ListingKey, *, now: datetime) -> Quote:
    """Raises NoListing or CampaignClosed. Writes nothing, and reads nothing that is in memory."""
    listing = await catalog.listing(key)
    if listing is None:
        raise NoListing
    listing.campaign.require_live(now)

    discount = listing.campaign.terms.discount
    reasons = [
        Reason(code="listing_found", detail=f"{listing.goods_id} is sold in campaign {listing.campaign.id}."),
        Reason(code="campaign_live", detail=f"It runs until {listing.campaign.ends_at.isoformat()}."),
        Reason(code=f"discount_{discount.plan}", detail=f"Discount {discount.id} applies."),
    ]
    return Quote(listing=listing, price=listing.price, may_see=True, may_join=True, reasons=reasons)
