"""The original's index page asks: what would this buyer pay, and which teams are there to join."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.original import read
from tuan.kernel.pace import Pace
from tuan.market import store_team
from tuan.market.campaign import AudienceRestricted, CampaignClosed
from tuan.market.catalog import Catalog
from tuan.market.compat_answer import answer, config_shape, shown_teams
from tuan.market.compat_body import ConfigBody
from tuan.market.compat_code import Answered, Code, code_of_closed
from tuan.market.quote import Quote, quote
from tuan.market.quote_count import QuoteCounts
from tuan.market.store_original import team_number
from tuan.market.team import ListingKey

TEAMS_LOOKED_AT: Final = 20


@dataclass(frozen=True, kw_only=True)
class IndexPage:
    catalog: Catalog
    counts: QuoteCounts
    pool: Pool
    clock: Clock
    pace: Pace = field(default_factory=Pace)

    async def config(self, request: Request) -> Response:
        """For browsers, and so without a key. A team is numbered when it is first shown here."""
        body = await read(request, ConfigBody)
        now = self.clock()
        quoted = await self._quote(body, now=now)
        if not quoted.may_see:
            raise AudienceRestricted

        campaign_id = quoted.listing.campaign.id
        self.counts.add(campaign_id)
        async with transaction(self.pool) as connection:
            teams = await store_team.joinable_teams(
                connection,
                source=body.source,
                campaign_id=campaign_id,
                goods_id=body.goods_id,
                buyer_id=body.user_id,
                now=now,
                limit=TEAMS_LOOKED_AT,
            )
            members = await store_team.members_of(connection, [team.id for team in teams])
            shown = shown_teams(teams, members, buyer_id=body.user_id)
            # Sorted, or two pages that number the same teams could wait for each other.
            ids = sorted(one.team.id for one in shown)
            numbers = {team_id: await team_number(connection, team_id) for team_id in ids}
            statistics = await store_team.statistics_of(connection, campaign_id)
        return answer(
            config_shape(
                quoted,
                buyer_id=body.user_id,
                shown=shown,
                numbers=numbers,
                statistics=statistics,
                now=now,
            )
        )

    async def _quote(self, body: ConfigBody, *, now: datetime) -> Quote:
        try:
            return await quote(
                self.catalog,
                self.pace,
                source=body.source,
                channel=body.channel,
                goods_id=body.goods_id,
                buyer_id=body.user_id,
                now=now,
            )
        except CampaignClosed as closed:
            key = (body.source, body.channel, body.goods_id)
            raise await why_closed(self.catalog, key, now=now) from closed


async def why_closed(catalog: Catalog, key: ListingKey, *, now: datetime) -> Answered:
    """Not selling, or not at this hour: what is one refusal here is two there."""
    listing = await catalog.listing(key)
    if listing is None:
        return Answered(Code.NO_LISTING)
    return Answered(code_of_closed(listing.campaign, now=now))
