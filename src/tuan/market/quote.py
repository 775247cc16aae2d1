"""What this buyer would pay, and why. The seat is priced by the same rules, under its own locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tuan.kernel.pace import Pace
from tuan.market.campaign import Listing, NoListing, Terms
from tuan.market.catalog import Catalog
from tuan.market.discount import Discount, Price


class Reason(NamedTuple):
    code: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """What a buyer pays who is, or is not, in the segments of this offer."""

    listing: Listing
    in_audience: bool
    in_segment: bool

    @property
    def price(self) -> Price:
        return self.listing.price(in_segment=self.in_segment)

    @property
    def may_see(self) -> bool:
        return self.listing.campaign.terms.may_see(in_audience=self.in_audience)

    @property
    def may_join(self) -> bool:
        return self.listing.campaign.terms.may_join(in_audience=self.in_audience)

    @property
    def reasons(self) -> Sequence[Reason]:
        """The path to the price."""
        campaign, terms = self.listing.campaign, self.listing.campaign.terms
        return [
            Reason("switches_open", "No switch keeps this buyer out."),
            Reason("listing_found", f"{self.listing.goods_id} is sold in campaign {campaign.id}."),
            Reason("campaign_live", f"It runs until {campaign.ends_at.isoformat()}."),
            _audience_reason(terms, in_audience=self.in_audience),
            _discount_reason(terms.discount, in_segment=self.in_segment),
        ]


async def quote(
    catalog: Catalog, pace: Pace, *, source: str, channel: str, goods_id: str, buyer_id: str, now: datetime
) -> Quote:
    """Writes nothing, and reads nothing that is in memory.

    Raises QuotesTooFast, Downgraded, OutsideRollout, SourceBlocked, NoListing or CampaignClosed.
    """
    switches = await catalog.switches()
    switches.require_pace(quotes_this_second=pace.count((source, buyer_id), now=now))
    switches.admit(source=source, channel=channel, buyer_id=buyer_id)
    listing = await catalog.listing((source, channel, goods_id))
    if listing is None:
        raise NoListing
    listing.campaign.require_live(now)
    terms, memberships = listing.campaign.terms, await catalog.memberships(listing.segment_ids, buyer_id)
    return Quote(
        listing=listing,
        in_audience=terms.segment_id is None or terms.segment_id in memberships,
        in_segment=terms.discount.segment_id is None or terms.discount.segment_id in memberships,
    )


def _audience_reason(terms: Terms, *, in_audience: bool) -> Reason:
    if terms.segment_id is None or not (terms.limits_see or terms.limits_join):
        return Reason("audience_open", "The offer is for everybody.")
    if in_audience:
        return Reason("audience_inside", f"The buyer is in segment {terms.segment_id}.")
    forbidden = " and ".join(
        word for word, limits in (("seeing", terms.limits_see), ("joining", terms.limits_join)) if limits
    )
    return Reason(
        "audience_outside", f"Segment {terms.segment_id} limits {forbidden}; the buyer is not in it."
    )


def _discount_reason(discount: Discount, *, in_segment: bool) -> Reason:
    if in_segment:
        return Reason(f"discount_{discount.plan}", f"Discount {discount.id} applies.")
    return Reason(
        "discount_outside_segment",
        f"Discount {discount.id} is for segment {discount.segment_id}: list price.",
    )
