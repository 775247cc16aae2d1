"""Valid by default; override what matters."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg

from tuan.kernel.ids import fingerprint, new_id
from tuan.market.books import Books
from tuan.market.campaign import Campaign, CampaignStatus, Listing, Terms
from tuan.market.discount import Discount, Plan
from tuan.market.switch import Switchboard
from tuan.market.team import SeatRequest, Team

NOW = datetime.now(UTC)
API_KEY = "the-key-of-the-mall"
SWITCHES = Switchboard()

TERMS = Terms(
    id="summer-1",
    campaign_id="summer",
    seats_target=5,
    take_limit=1,
    team_minutes=15,
    hold_minutes=10,
    discount=Discount(id="d1", plan=Plan.PERCENT, rate_bp=8_000),
)
CAMPAIGN = Campaign(
    id="summer",
    name="夏日拼团",
    status=CampaignStatus.LIVE,
    starts_at=NOW - timedelta(days=1),
    ends_at=NOW + timedelta(days=1),
    terms=TERMS,
)


def a_listing(campaign: Campaign = CAMPAIGN, **changes: object) -> Listing:
    listing = Listing(source="mall", channel="app", goods_id="tea", list_fen=100_00, campaign=campaign)
    return replace(listing, **changes)  # type: ignore[arg-type]


def a_request(n: int, **changes: str | None) -> SeatRequest:
    request = SeatRequest(
        source="mall",
        channel="app",
        out_trade_no=f"T{n}",
        buyer_id=f"b{n}",
        campaign_id="summer",
        goods_id="tea",
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def a_team(**changes: object) -> Team:
    team = a_listing().open_team(team_id=new_id(), request=a_request(0), now=NOW)
    return replace(team, **changes)  # type: ignore[arg-type]


def some_books(campaign: Campaign = CAMPAIGN, *teams: Team) -> Books:
    listing = a_listing(campaign)
    return Books(
        teams={team.id: team for team in teams},
        seats={},
        terms={campaign.terms.id: campaign.terms},
        listings={listing.key: listing},
    )


def save_campaign(
    url: str, campaign: Campaign = CAMPAIGN, *, source: str = "mall", key: str = API_KEY
) -> None:
    """The campaign, its terms and discount, a listing of tea, and the source that may sell it."""
    terms, discount = campaign.terms, campaign.terms.discount
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO source VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", [source, source, NOW]
        )
        connection.execute(
            "INSERT INTO api_key (fingerprint, source, created_at) VALUES (%s, %s, %s)",
            [fingerprint(key), source, NOW],
        )
        connection.execute(
            "INSERT INTO discount VALUES (%s, 'd', %s, %s, %s, %s, %s, %s)",
            [
                discount.id,
                discount.plan,
                discount.off_fen,
                discount.over_fen,
                discount.rate_bp,
                discount.price_fen,
                discount.segment_id,
            ],
        )
        connection.execute(
            "INSERT INTO campaign (id, name, status, starts_at, ends_at, terms_id, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                campaign.id,
                campaign.name,
                campaign.status,
                campaign.starts_at,
                campaign.ends_at,
                terms.id,
                NOW,
            ],
        )
        connection.execute(
            "INSERT INTO terms VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [terms.id, campaign.id, discount.id, terms.seats_target, terms.take_limit, terms.team_minutes,
             terms.hold_minutes, terms.segment_id, terms.limits_see, terms.limits_join],
        )  # fmt: skip
        connection.execute(
            "INSERT INTO listing VALUES (%s, 'app', 'tea', %s, 10000) ON CONFLICT DO NOTHING",
            [source, campaign.id],
        )
