"""A campaign sells to teams of a given size, between two moments, so many times per buyer.

Campaign    DRAFT ── publish ──▶ LIVE ── end, or the last moment ──▶ ENDED
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tuan.kernel.errors import NotFound, Refusal
from tuan.market.discount import Discount, Price
from tuan.market.team import ListingKey, SeatRequest, Team


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    LIVE = "live"
    ENDED = "ended"


class NoListing(NotFound):
    """These goods are in no campaign of this channel."""

    code = "no_listing"


class ListingChanged(Refusal):
    """These goods are sold in another campaign now; look again."""

    code = "listing_changed"


class CampaignClosed(Refusal):
    """This campaign is not running."""

    code = "campaign_closed"


class TakeLimitReached(Refusal):
    """This buyer has joined this campaign as often as it allows."""

    code = "take_limit_reached"


class AudienceRestricted(Refusal):
    """This offer is for other buyers."""

    code = "audience_restricted"
    status = 403


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The rules a team opens with, and keeps. Editing a campaign makes new terms; these stay as they are."""

    id: str
    campaign_id: str
    seats_target: int
    take_limit: int
    team_minutes: int
    hold_minutes: int
    discount: Discount
    segment_id: str | None = None  # The audience; None: everybody.
    limits_see: bool = False  # Who is outside the audience may not see the offer,
    limits_join: bool = False  # or may see it and not join.

    def may_see(self, *, in_audience: bool) -> bool:
        return in_audience or not self.limits_see

    def may_join(self, *, in_audience: bool) -> bool:
        return self.may_see(in_audience=in_audience) and (in_audience or not self.limits_join)

    def require_audience(self, *, in_audience: bool) -> None:
        if not self.may_join(in_audience=in_audience):
            raise AudienceRestricted

    def hold_until(self, now: datetime) -> datetime:
        return now + timedelta(minutes=self.hold_minutes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    id: str
    name: str
    status: CampaignStatus
    starts_at: datetime
    ends_at: datetime
    terms: Terms

    def require_live(self, now: datetime) -> None:
        if self.status is not CampaignStatus.LIVE or not self.starts_at <= now < self.ends_at:
            raise CampaignClosed

    def admit(self, *, seats_held: int, now: datetime) -> None:
        self.require_live(now)
        if seats_held >= self.terms.take_limit:
            raise TakeLimitReached


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Goods that one source sells through one channel in one campaign, at a price before discount."""

    source: str
    channel: str
    goods_id: str
    list_fen: int
    campaign: Campaign

    @property
    def key(self) -> ListingKey:
        return self.source, self.channel, self.goods_id

    @property
    def segment_ids(self) -> set[str]:
        """Those that decide anything here: the audience's, and the discount's."""
        terms = self.campaign.terms
        return {segment for segment in (terms.segment_id, terms.discount.segment_id) if segment}

    def price(self, *, in_segment: bool) -> Price:
        return self.campaign.terms.discount.price(self.list_fen, in_segment=in_segment)

    def require_campaign(self, campaign_id: str) -> None:
        if self.campaign.id != campaign_id:
            raise ListingChanged

    def open_team(self, *, team_id: str, request: SeatRequest, now: datetime) -> Team:
        terms = self.campaign.terms
        return Team(
            id=team_id,
            campaign_id=self.campaign.id,
            terms_id=terms.id,
            source=self.source,
            goods_id=self.goods_id,
            opener_id=request.buyer_id,
            list_fen=self.list_fen,
            seats_target=terms.seats_target,
            opened_at=now,
            closes_at=now + timedelta(minutes=terms.team_minutes),
        )
