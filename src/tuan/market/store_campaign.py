"""Campaigns, discounts and listings as an operator sees and changes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from tuan.kernel.db import Connection
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.market.campaign import Campaign, CampaignStatus, Listing
from tuan.market.discount import Discount
from tuan.market.team import ListingKey

CAMPAIGN: Final = """
    SELECT json_build_object(
        'campaign', to_jsonb(campaign) || jsonb_build_object('terms',
            to_jsonb(terms) || jsonb_build_object('discount', discount)),
        'discount_name', discount.name,
        'created_at', campaign.created_at)::text
    FROM campaign JOIN terms ON terms.id = terms_id JOIN discount ON discount.id = discount_id"""
ONE_CAMPAIGN: Final = f"{CAMPAIGN} WHERE campaign.id = %s"
FOUND_CAMPAIGNS: Final = f"""{CAMPAIGN}
    WHERE (%(status)s::text IS NULL OR campaign.status = %(status)s)
        AND (%(text)s::text IS NULL OR strpos(lower(campaign.name), lower(%(text)s)) > 0)"""
HOLD_CAMPAIGN: Final = "SELECT id FROM campaign WHERE id = %s FOR UPDATE"
NEXT_NUMBER: Final = "SELECT nextval('campaign_number')::text"
SAVE_CAMPAIGN: Final = """
    UPDATE campaign SET name = %s, status = %s, starts_at = %s, ends_at = %s, terms_id = %s WHERE id = %s"""

DISCOUNT: Final = """
    SELECT json_build_object('discount', discount, 'name', name)::text FROM discount"""
ONE_DISCOUNT: Final = f"{DISCOUNT} WHERE id = %s"
ALL_DISCOUNTS: Final = f"{DISCOUNT} WHERE true"
HAS_SEGMENT: Final = "SELECT EXISTS (SELECT FROM segment WHERE id = %s)"

LISTING: Final = """
    SELECT (to_jsonb(listing) || jsonb_build_object('campaign',
        to_jsonb(campaign) || jsonb_build_object('terms',
            to_jsonb(terms) || jsonb_build_object('discount', discount))))::text
    FROM listing JOIN campaign ON campaign.id = listing.campaign_id
    JOIN terms ON terms.id = terms_id JOIN discount ON discount.id = discount_id"""
FOUND_LISTINGS: Final = f"""{LISTING}
    WHERE (%(campaign_id)s::text IS NULL OR listing.campaign_id = %(campaign_id)s)
        AND (%(source)s::text IS NULL OR source = %(source)s)
        AND (%(goods_id)s::text IS NULL OR goods_id = %(goods_id)s)"""
HOLD_LISTING: Final = """
    SELECT campaign_id, list_fen, cost_fen FROM listing
    WHERE (source, channel, goods_id) = (%s, %s, %s) FOR UPDATE"""
ONE_LISTING: Final = f"{LISTING} WHERE (source, channel, goods_id) = (%s, %s, %s)"
PUT_LISTING: Final = """
    INSERT INTO listing (source, channel, goods_id, campaign_id, list_fen, cost_fen)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (source, channel, goods_id) DO UPDATE
    SET campaign_id = excluded.campaign_id, list_fen = excluded.list_fen, cost_fen = excluded.cost_fen"""
DELETE_LISTING: Final = "DELETE FROM listing WHERE (source, channel, goods_id) = (%s, %s, %s)"


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignRecord:
    campaign: Campaign
    discount_name: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedDiscount:
    discount: Discount
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """What a listing says of its goods."""

    campaign_id: str
    list_fen: int
    cost_fen: int | None = None


CAMPAIGNS: Final = Sorting[CampaignRecord](
    columns={
        "created": Column("campaign.created_at", Kind.MOMENT, lambda record: record.created_at),
        "name": Column("campaign.name", Kind.TEXT, lambda record: record.campaign.name),
        "starts": Column("starts_at", Kind.MOMENT, lambda record: record.campaign.starts_at),
        "ends": Column("ends_at", Kind.MOMENT, lambda record: record.campaign.ends_at),
    },
    key=("campaign.id",),
    key_of=lambda record: (record.campaign.id,),
)
DISCOUNTS: Final = Sorting[NamedDiscount](
    columns={
        "id": Column("id", Kind.TEXT, lambda named: named.discount.id),
        "name": Column("name", Kind.TEXT, lambda named: named.name),
        "plan": Column("plan", Kind.TEXT, lambda named: named.discount.plan),
    },
    key=("id",),
    key_of=lambda named: (named.discount.id,),
)
LISTINGS: Final = Sorting[Listing](
    columns={
        "goods": Column("goods_id", Kind.TEXT, lambda listing: listing.goods_id),
        "source": Column("source", Kind.TEXT, lambda listing: listing.source),
        "price": Column("list_fen", Kind.NUMBER, lambda listing: listing.list_fen),
    },
    key=("source", "channel", "goods_id"),
    key_of=lambda listing: listing.key,
)

DECODE_CAMPAIGN = msgspec.json.Decoder(CampaignRecord)
DECODE_DISCOUNT = msgspec.json.Decoder(NamedDiscount)
DECODE_LISTING = msgspec.json.Decoder(Listing)


async def campaign_of(connection: Connection, campaign_id: str) -> CampaignRecord | None:
    row = await (await connection.execute(ONE_CAMPAIGN, [campaign_id])).fetchone()
    return DECODE_CAMPAIGN.decode(row[0]) if row else None


async def hold_campaign(connection: Connection, campaign_id: str) -> CampaignRecord | None:
    await connection.execute(HOLD_CAMPAIGN, [campaign_id])
    return await campaign_of(connection, campaign_id)


async def campaigns(
    connection: Connection, turn: Turn, *, status: CampaignStatus | None, text: str | None, limit: int
) -> Sequence[CampaignRecord]:
    """Those whose name has `text` in it; `turn` is one of CAMPAIGNS."""
    asked = {"status": status, "text": text, "limit": limit, **turn.values}
    answer = await connection.execute(FOUND_CAMPAIGNS + turn.sql, asked)
    return [DECODE_CAMPAIGN.decode(row) for (row,) in await answer.fetchall()]


async def next_campaign_number(connection: Connection) -> str:
    [(number,)] = await (await connection.execute(NEXT_NUMBER)).fetchall()
    return str(number)


async def save_campaign(connection: Connection, campaign: Campaign) -> None:
    await connection.execute(
        SAVE_CAMPAIGN,
        [
            campaign.name,
            campaign.status,
            campaign.starts_at,
            campaign.ends_at,
            campaign.terms.id,
            campaign.id,
        ],
    )


async def discount_of(connection: Connection, discount_id: str) -> NamedDiscount | None:
    row = await (await connection.execute(ONE_DISCOUNT, [discount_id])).fetchone()
    return DECODE_DISCOUNT.decode(row[0]) if row else None


async def discounts(connection: Connection, turn: Turn, *, limit: int) -> Sequence[NamedDiscount]:
    """`turn` is one of DISCOUNTS."""
    answer = await connection.execute(ALL_DISCOUNTS + turn.sql, {"limit": limit, **turn.values})
    return [DECODE_DISCOUNT.decode(row) for (row,) in await answer.fetchall()]


async def has_segment(connection: Connection, segment_id: str) -> bool:
    row = await (await connection.execute(HAS_SEGMENT, [segment_id])).fetchone()
    return row is not None and bool(row[0])


async def listings(
    connection: Connection,
    turn: Turn,
    *,
    campaign_id: str | None,
    source: str | None,
    goods_id: str | None,
    limit: int,
) -> Sequence[Listing]:
    """`turn` is one of LISTINGS."""
    asked = {"campaign_id": campaign_id, "source": source, "goods_id": goods_id, "limit": limit}
    answer = await connection.execute(FOUND_LISTINGS + turn.sql, asked | turn.values)
    return [DECODE_LISTING.decode(row) for (row,) in await answer.fetchall()]


async def hold_listing(connection: Connection, key: ListingKey) -> Listed | None:
    row = await (await connection.execute(HOLD_LISTING, key)).fetchone()
    return Listed(campaign_id=row[0], list_fen=row[1], cost_fen=row[2]) if row else None


async def put_listing(connection: Connection, key: ListingKey, listed: Listed) -> Listing:
    await connection.execute(PUT_LISTING, [*key, listed.campaign_id, listed.list_fen, listed.cost_fen])
    [(row,)] = await (await connection.execute(ONE_LISTING, key)).fetchall()
    return DECODE_LISTING.decode(row)


async def delete_listing(connection: Connection, key: ListingKey) -> None:
    await connection.execute(DELETE_LISTING, key)
