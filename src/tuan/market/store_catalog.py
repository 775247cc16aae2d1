"""What is sold, by whom and on which terms; and who may ask."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from psycopg.rows import dict_row

from tuan.kernel.db import Connection, row_of
from tuan.market.campaign import Campaign, Listing, Terms
from tuan.market.discount import Discount
from tuan.market.switch import Switchboard
from tuan.market.team import ListingKey

LISTINGS: Final = """
    SELECT (to_jsonb(listing) || jsonb_build_object('campaign',
        to_jsonb(campaign) || jsonb_build_object('terms',
            to_jsonb(terms) || jsonb_build_object('discount', discount))))::text
    FROM unnest(%s::text[], %s::text[], %s::text[]) AS asked (source, channel, goods_id)
    JOIN listing USING (source, channel, goods_id) JOIN campaign ON campaign.id = listing.campaign_id
    JOIN terms ON terms.id = terms_id JOIN discount ON discount.id = discount_id"""

MEMBERSHIPS: Final = """
    SELECT segment_id, buyer_id FROM segment_member
    JOIN unnest(%s::text[], %s::text[]) AS asked (segment_id, buyer_id) USING (segment_id, buyer_id)"""

SWITCHES: Final = """
    SELECT downgraded, rollout_percent, blocked, locks_per_minute, quotes_per_second FROM switchboard"""

KEY_HOLDER: Final = "SELECT source, revoked_at FROM api_key WHERE fingerprint = %s"

ADD_DISCOUNT: Final = """
    INSERT INTO discount (id, name, plan, off_fen, over_fen, rate_bp, price_fen, segment_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""

ADD_CAMPAIGN: Final = """
    INSERT INTO campaign (id, name, status, starts_at, ends_at, terms_id, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s)"""

ADD_TERMS: Final = """
    INSERT INTO terms (id, campaign_id, discount_id, seats_target, take_limit, team_minutes, hold_minutes,
        segment_id, limits_see, limits_join)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""

ADD_LISTING: Final = """
    INSERT INTO listing (source, channel, goods_id, campaign_id, list_fen) VALUES (%s, %s, %s, %s, %s)"""

PUT_SOURCE: Final = """
    INSERT INTO source (id, name, created_at) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING"""

PUT_KEY: Final = """
    INSERT INTO api_key (fingerprint, source, created_at) VALUES (%s, %s, %s)
    ON CONFLICT (fingerprint) DO NOTHING"""

PUT_ENDPOINT: Final = """
    INSERT INTO endpoint (id, source, url, secret, created_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET url = excluded.url, secret = excluded.secret"""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyHolder:
    source: str
    revoked_at: datetime | None  # A key being replaced is revoked at a time still to come.

    def speaks(self, *, now: datetime) -> bool:
        return self.revoked_at is None or now < self.revoked_at


DECODE_LISTING = msgspec.json.Decoder(Listing)


async def listings_of(connection: Connection, keys: Collection[ListingKey]) -> dict[ListingKey, Listing]:
    """Those that there are."""
    asked = [list(part) for part in zip(*keys, strict=True)]
    rows = await (await connection.execute(LISTINGS, asked)).fetchall()
    listings = [DECODE_LISTING.decode(row) for (row,) in rows]
    return {listing.key: listing for listing in listings}


async def key_holder(connection: Connection, key_fingerprint: bytes) -> KeyHolder | None:
    async with connection.cursor(row_factory=row_of(KeyHolder)) as cursor:
        await cursor.execute(KEY_HOLDER, [key_fingerprint])
        return await cursor.fetchone()


async def memberships_among(
    connection: Connection, asked: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those of these pairs, a segment and a buyer, where the buyer is in the segment."""
    segment_ids, buyer_ids = zip(*asked, strict=True)
    answer = await connection.execute(MEMBERSHIPS, [list(segment_ids), list(buyer_ids)])
    return set(await answer.fetchall())


async def switches(connection: Connection) -> Switchboard:
    """As delivered, until somebody turns one."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SWITCHES)
        row = await cursor.fetchone()
    if row is None:
        return Switchboard()
    blocked = frozenset((source, channel) for source, channel in row.pop("blocked"))
    return Switchboard(blocked=blocked, **row)


async def has_campaigns(connection: Connection) -> bool:
    row = await (await connection.execute("SELECT EXISTS (SELECT FROM campaign)")).fetchone()
    return row is not None and bool(row[0])


async def put_source(
    connection: Connection, *, id: str, name: str, key_fingerprint: bytes, now: datetime
) -> None:
    await connection.execute(PUT_SOURCE, [id, name, now])
    await connection.execute(PUT_KEY, [key_fingerprint, id, now])


async def put_endpoint(
    connection: Connection, *, id: str, source: str, url: str, secret: str, now: datetime
) -> None:
    await connection.execute(PUT_ENDPOINT, [id, source, url, secret, now])


async def add_campaign(
    connection: Connection, campaign: Campaign, *, discount_name: str, now: datetime
) -> None:
    """With its first terms and their discount."""
    await add_discount(connection, campaign.terms.discount, name=discount_name)
    await add_campaign_on(connection, campaign, now=now)


async def add_discount(connection: Connection, discount: Discount, *, name: str) -> None:
    await connection.execute(
        ADD_DISCOUNT,
        [discount.id, name, discount.plan, discount.off_fen, discount.over_fen, discount.rate_bp,
         discount.price_fen, discount.segment_id],
    )  # fmt: skip


async def add_campaign_on(connection: Connection, campaign: Campaign, *, now: datetime) -> None:
    """With its first terms, on a discount there is."""
    await connection.execute(
        ADD_CAMPAIGN,
        [campaign.id, campaign.name, campaign.status, campaign.starts_at, campaign.ends_at,
         campaign.terms.id, now],
    )  # fmt: skip
    await add_terms(connection, campaign.terms)


async def add_terms(connection: Connection, terms: Terms) -> None:
    await connection.execute(
        ADD_TERMS,
        [terms.id, terms.campaign_id, terms.discount.id, terms.seats_target, terms.take_limit,
         terms.team_minutes, terms.hold_minutes, terms.segment_id, terms.limits_see, terms.limits_join],
    )  # fmt: skip


async def add_listing(connection: Connection, listing: Listing) -> None:
    await connection.execute(ADD_LISTING, [*listing.key, listing.campaign.id, listing.list_fen])
