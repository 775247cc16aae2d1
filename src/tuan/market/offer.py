"""Campaigns are drafted, edited, published, copied and ended; goods are listed in them."""

from dataclasses import replace

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import NotFound, Refusal
from tuan.kernel.ids import new_id
from tuan.market import store_campaign as store
from tuan.market.campaign import Campaign, CampaignStatus, Draft, Listing
from tuan.market.discount import Discount
from tuan.market.operator import Deed
from tuan.market.store_campaign import CampaignRecord, Listed, NamedDiscount
from tuan.market.store_catalog import add_campaign_on, add_discount, add_terms
from tuan.market.store_operator import record
from tuan.market.store_source import has_source
from tuan.market.team import ListingKey


class DiscountUnknown(Refusal):
    """There is no such discount."""

    code = "discount_unknown"
    status = 422


class SegmentUnknown(Refusal):
    """There is no such segment."""

    code = "segment_unknown"
    status = 422


class CampaignUnknown(Refusal):
    """There is no such campaign."""

    code = "campaign_unknown"
    status = 422


class SourceUnknown(Refusal):
    """There is no such source."""

    code = "source_unknown"
    status = 422


async def create_campaign(pool: Pool, draft: Draft, *, deed: Deed) -> CampaignRecord:
    """Raises WindowReversed, WindowPast, DiscountUnknown or SegmentUnknown."""
    draft.require_window(deed.at)
    async with transaction(pool) as connection:
        named = await _require_known(connection, draft)
        campaign_id = await store.next_campaign_number(connection)
        campaign = Campaign(
            id=campaign_id,
            name=draft.name,
            status=CampaignStatus.DRAFT,
            starts_at=draft.starts_at,
            ends_at=draft.ends_at,
            terms=draft.terms(id=new_id(), campaign_id=campaign_id, discount=named.discount),
        )

        await add_campaign_on(connection, campaign, now=deed.at)
        await record(connection, deed, "campaign.created", about=_about(campaign_id), after=campaign)
    return CampaignRecord(campaign=campaign, discount_name=named.name, created_at=deed.at)


async def edit_campaign(pool: Pool, campaign_id: str, draft: Draft, *, deed: Deed) -> CampaignRecord:
    """Teams keep the terms they opened with. Raises NotFound, CampaignEnded, and what creating one does."""
    draft.require_window(deed.at)
    async with transaction(pool) as connection:
        found = await _hold(connection, campaign_id)
        named = await _require_known(connection, draft)
        terms = draft.terms(id=new_id(), campaign_id=campaign_id, discount=named.discount)
        campaign = found.campaign.edit(draft, terms=terms)

        if campaign.terms.id == terms.id:
            await add_terms(connection, terms)
        await _save(connection, found.campaign, campaign, deed, "campaign.edited")
    return replace(found, campaign=campaign, discount_name=named.name)


async def publish_campaign(pool: Pool, campaign_id: str, *, deed: Deed) -> CampaignRecord:
    """Raises NotFound, CampaignNotDraft or WindowPast."""
    async with transaction(pool) as connection:
        found = await _hold(connection, campaign_id)
        campaign = found.campaign.publish(deed.at)
        await _save(connection, found.campaign, campaign, deed, "campaign.published")
    return replace(found, campaign=campaign)


async def end_campaign(pool: Pool, campaign_id: str, *, deed: Deed) -> CampaignRecord:
    """Nobody joins any more; who holds a seat may still pay. Raises NotFound or CampaignNotLive."""
    async with transaction(pool) as connection:
        found = await _hold(connection, campaign_id)
        campaign = found.campaign.end()
        await _save(connection, found.campaign, campaign, deed, "campaign.ended")
    return replace(found, campaign=campaign)


async def copy_campaign(pool: Pool, campaign_id: str, *, name: str, deed: Deed) -> CampaignRecord:
    """A new draft on the same terms, in the same window, without listings. Raises NotFound."""
    async with transaction(pool) as connection:
        found = await store.campaign_of(connection, campaign_id)
        if found is None:
            raise NotFound("There is no such campaign.")
        number = await store.next_campaign_number(connection)
        terms = replace(found.campaign.terms, id=new_id(), campaign_id=number)
        copy = replace(found.campaign, id=number, name=name, status=CampaignStatus.DRAFT, terms=terms)

        await add_campaign_on(connection, copy, now=deed.at)
        await record(
            connection, deed, "campaign.copied", about=_about(number), before=found.campaign, after=copy
        )
    return replace(found, campaign=copy, created_at=deed.at)


async def create_discount(pool: Pool, discount: Discount, *, name: str, deed: Deed) -> NamedDiscount:
    """Raises SegmentUnknown."""
    async with transaction(pool) as connection:
        await _require_segment(connection, discount.segment_id)
        await add_discount(connection, discount, name=name)
        await record(connection, deed, "discount.created", about=f"discount:{discount.id}", after=discount)
    return NamedDiscount(discount=discount, name=name)


async def list_goods(pool: Pool, key: ListingKey, listed: Listed, *, deed: Deed) -> Listing:
    """Goods are in one campaign at a time. Raises SourceUnknown, CampaignUnknown or CampaignEnded."""
    async with transaction(pool) as connection:
        if not await has_source(connection, key[0]):
            raise SourceUnknown
        found = await store.hold_campaign(connection, listed.campaign_id)
        if found is None:
            raise CampaignUnknown
        found.campaign.require_not_ended()
        before = await store.hold_listing(connection, key)

        listing = await store.put_listing(connection, key, listed)
        await record(connection, deed, "listing.put", about=_about_goods(key), before=before, after=listed)
    return listing


async def delist_goods(pool: Pool, key: ListingKey, *, deed: Deed) -> None:
    """Raises NotFound."""
    async with transaction(pool) as connection:
        before = await store.hold_listing(connection, key)
        if before is None:
            raise NotFound("These goods are not listed there.")

        await store.delete_listing(connection, key)
        await record(connection, deed, "listing.deleted", about=_about_goods(key), before=before)


async def _hold(connection: Connection, campaign_id: str) -> CampaignRecord:
    if found := await store.hold_campaign(connection, campaign_id):
        return found
    raise NotFound("There is no such campaign.")


async def _require_known(connection: Connection, draft: Draft) -> NamedDiscount:
    await _require_segment(connection, draft.segment_id)
    if named := await store.discount_of(connection, draft.discount_id):
        return named
    raise DiscountUnknown


async def _require_segment(connection: Connection, segment_id: str | None) -> None:
    if segment_id is not None and not await store.has_segment(connection, segment_id):
        raise SegmentUnknown


async def _save(connection: Connection, before: Campaign, after: Campaign, deed: Deed, action: str) -> None:
    await store.save_campaign(connection, after)
    await record(connection, deed, action, about=_about(after.id), before=before, after=after)


def _about(campaign_id: str) -> str:
    return f"campaign:{campaign_id}"


def _about_goods(key: ListingKey) -> str:
    return f"listing:{'/'.join(key)}"
