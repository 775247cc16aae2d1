"""A campaign sells to teams of a given size, between two moments, so many times per buyer.

Campaign    DRAFT ── publish ──▶ LIVE ── end, or the last moment ──▶ ENDED
"""

from dataclasses import dataclass, replace
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


class CampaignNotDraft(Refusal):
    """Only a draft can be published."""

    code = "campaign_not_draft"


class CampaignNotLive(Refusal):
    """Only a live campaign can be ended."""

    code = "campaign_not_live"


class CampaignEnded(Refusal):
    """This campaign has ended; copy it to go on selling."""

    code = "campaign_ended"


class WindowReversed(Refusal):
    """A campaign ends after it starts."""

    code = "window_reversed"
    status = 422


class WindowPast(Refusal):
    """A campaign cannot end in the past; to stop a live one, end it."""

    code = "window_past"
    status = 422


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
class Draft:
    """What an operator wants a campaign to be."""

    name: str
    starts_at: datetime
    ends_at: datetime
    discount_id: str
    seats_target: int
    take_limit: int
    team_minutes: int
    hold_minutes: int
    segment_id: str | None
    limits_see: bool
    limits_join: bool

    def require_window(self, now: datetime) -> None:
        if self.starts_at >= self.ends_at:
            raise WindowReversed
        if self.ends_at <= now:
            raise WindowPast

    def terms(self, *, id: str, campaign_id: str, discount: Discount) -> Terms:
        return Terms(
            id=id,
            campaign_id=campaign_id,
            seats_target=self.seats_target,
            take_limit=self.take_limit,
            team_minutes=self.team_minutes,
            hold_minutes=self.hold_minutes,
            discount=discount,
            segment_id=self.segment_id,
            limits_see=self.limits_see,
            limits_join=self.limits_join,
        )


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

    def edit(self, draft: Draft, *, terms: Terms) -> "Campaign":
        """The window and the name change at once; the terms for teams that open from now on."""
        self.require_not_ended()
        has_changed = replace(terms, id=self.terms.id) != self.terms
        return replace(
            self,
            name=draft.name,
            starts_at=draft.starts_at,
            ends_at=draft.ends_at,
            terms=terms if has_changed else self.terms,
        )

    def publish(self, now: datetime) -> "Campaign":
        if self.status is not CampaignStatus.DRAFT:
            raise CampaignNotDraft
        if self.ends_at <= now:
            raise WindowPast
        return replace(self, status=CampaignStatus.LIVE)

    def end(self) -> "Campaign":
        if self.status is not CampaignStatus.LIVE:
            raise CampaignNotLive
        return replace(self, status=CampaignStatus.ENDED)

    def require_not_ended(self) -> None:
        if self.status is CampaignStatus.ENDED:
            raise CampaignEnded


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Goods that one source sells through one channel in one campaign, at a price before discount."""

    source: str
    channel: str
    goods_id: str
    list_fen: int
    campaign: Campaign
    cost_fen: int | None = None  # What it costs the shop, if that was said.

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
