"""Campaigns to look at: each of the four discounts, teams of two, three and five."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from tuan.kernel.db import Pool, transaction
from tuan.kernel.ids import fingerprint
from tuan.market.campaign import Campaign, CampaignStatus, Listing, Terms
from tuan.market.discount import Discount, Plan
from tuan.market.operator import NameTaken, Role
from tuan.market.sign_in import create_operator
from tuan.market.store_catalog import add_campaign, add_listing, has_campaigns, put_endpoint, put_source

SOURCE = "s01"
CHANNEL = "c01"
ADMIN = "admin"
DAYS_OPEN = 3650


class Offer(NamedTuple):
    number: int
    goods_id: str
    name: str
    list_fen: int
    seats_target: int
    discount: Discount


OFFERS = [
    Offer(100123, "9890001", "手写MyBatis 拼团", 100_00, 3,
          Discount(id="25120208", plan=Plan.THRESHOLD, over_fen=100_00, off_fen=10_00)),
    Offer(100124, "9890002", "武夷岩茶·肉桂 两人团", 128_00, 2,
          Discount(id="25120207", plan=Plan.AMOUNT_OFF, off_fen=20_00)),
    Offer(100125, "9890003", "云南小粒咖啡豆 三人团", 68_00, 3,
          Discount(id="25120209", plan=Plan.PERCENT, rate_bp=8_000)),
    Offer(100126, "9890004", "手工皂体验装 五人团", 19_90, 5,
          Discount(id="25120210", plan=Plan.FIXED_PRICE, price_fen=1_99)),
    Offer(100127, "9890005", "竹纤维毛巾 两人团", 59_90, 2,
          Discount(id="25120211", plan=Plan.AMOUNT_OFF, off_fen=15_00)),
    Offer(100128, "9890006", "桌面阅读灯 五人团", 199_00, 5,
          Discount(id="25120212", plan=Plan.PERCENT, rate_bp=7_000)),
    Offer(100129, "9890007", "龙井明前茶礼盒 三人团", 268_00, 3,
          Discount(id="25120213", plan=Plan.THRESHOLD, over_fen=200_00, off_fen=60_00)),
]  # fmt: skip


async def load_demo(
    pool: Pool, *, api_key: str, webhook_url: str, webhook_secret: str, operator_password: str, now: datetime
) -> None:
    """Register the mall as source s01, with its key and endpoint, and an admin; sell, if nothing is sold."""
    with suppress(NameTaken):
        await create_operator(pool, name=ADMIN, password=operator_password, role=Role.ADMIN, now=now)
    async with transaction(pool) as connection:
        await put_source(
            connection, id=SOURCE, name="小型支付商城", key_fingerprint=fingerprint(api_key), now=now
        )
        await put_endpoint(
            connection, id="mall", source=SOURCE, url=webhook_url, secret=webhook_secret, now=now
        )
        if await has_campaigns(connection):
            return
        for offer in OFFERS:
            campaign = _campaign(offer, now=now)
            await add_campaign(connection, campaign, discount_name=offer.name, now=now)
            await add_listing(
                connection,
                Listing(
                    source=SOURCE,
                    channel=CHANNEL,
                    goods_id=offer.goods_id,
                    list_fen=offer.list_fen,
                    campaign=campaign,
                ),
            )


def _campaign(offer: Offer, *, now: datetime) -> Campaign:
    campaign_id = str(offer.number)
    return Campaign(
        id=campaign_id,
        name=offer.name,
        status=CampaignStatus.LIVE,
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=DAYS_OPEN),
        terms=Terms(
            id=f"{campaign_id}-1",
            campaign_id=campaign_id,
            seats_target=offer.seats_target,
            take_limit=5,
            team_minutes=24 * 60,
            hold_minutes=30,
            discount=offer.discount,
        ),
    )
