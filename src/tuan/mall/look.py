"""A buyer looks: at products, their group price, and the teams to join. A read never writes.

When the market is slow or away, everything is still for sale at its list price.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound, Unreachable
from tuan.mall import store_login, store_product
from tuan.mall.buyer import Buyer
from tuan.mall.market_client import MarketClient, MarketRefusal, Member, Quote, Statistics, Team
from tuan.mall.product import Product

PATIENCE_SECONDS = 0.8
TEAMS_MAX = 20
FILLING_MAX = 10
ANONYMOUS = "anonymous"
STRANGER = "拼友"
Answer = TypeVar("Answer")
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenTeam:
    """A team, as one viewer may see it: with names, and without ids."""

    team: Team
    people: Mapping[str, Buyer]  # Who stands behind each id that the market knows.
    viewer_id: str | None

    @property
    def is_mine(self) -> bool:
        return any(self.who(member).id == self.viewer_id for member in self.team.members)

    def who(self, member: Member) -> Buyer:
        stranger = Buyer(id=member.buyer_id, nickname=STRANGER, is_guest=True)
        return self.people.get(member.buyer_id, stranger)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    product: Product
    quote: Quote | None  # None when there is nothing to join, or nobody to say so.


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductSeen:
    offered: Offered
    teams: list[SeenTeam]
    statistics: Statistics | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamSeen:
    offered: Offered
    seen: SeenTeam


async def look_around(
    pool: Pool, market: MarketClient, *, viewer_id: str | None, said: str, after: str, limit: int
) -> list[Offered]:
    """What is for sale, or of that what the viewer's words are found in."""
    async with transaction(pool) as connection:
        products = await store_product.page(connection, said=said.strip(), after=after, limit=limit)
    return list(await asyncio.gather(*(_offered(market, product, viewer_id) for product in products)))


async def look_at_filling_teams(pool: Pool, market: MarketClient, *, viewer_id: str | None) -> list[TeamSeen]:
    """Teams about to fill, of products that the viewer could buy with them. None while the market is away."""
    if not (answer := await _if_there(market.filling_teams(limit=FILLING_MAX))):
        return []
    async with transaction(pool) as connection:
        products = await store_product.find_all(connection, sorted({one.goods_id for one in answer.teams}))
    offers = await asyncio.gather(*(_offered(market, product, viewer_id) for product in products))
    open_to_viewer = {one.product.id: one for one in offers if one.quote and one.quote.may_join}
    shown = [team for team in answer.teams if team.goods_id in open_to_viewer]
    return [
        TeamSeen(offered=open_to_viewer[one.team.goods_id], seen=one)
        for one in await _seen(pool, shown, viewer_id=viewer_id)
        if not one.is_mine
    ]


async def look_at_product(
    pool: Pool, market: MarketClient, *, product_id: str, viewer_id: str | None
) -> ProductSeen:
    """Raises NotFound, also for what is off the shelf."""
    product = await _product(pool, product_id)
    if not product.is_on_shelf:
        raise NotFound
    asked = market.teams(goods_id=product.id, buyer_id=viewer_id or ANONYMOUS)
    offered, answer = await asyncio.gather(_offered(market, product, viewer_id), _if_there(asked))
    if offered.quote is None or answer is None:
        return ProductSeen(offered=offered, teams=[], statistics=None)

    seen = await _seen(pool, answer.teams, viewer_id=viewer_id)
    own_first = sorted(seen, key=lambda one: not one.is_mine)
    return ProductSeen(offered=offered, teams=own_first[:TEAMS_MAX], statistics=answer.statistics)


async def look_at_team(pool: Pool, market: MarketClient, *, team_id: str, viewer_id: str | None) -> TeamSeen:
    """Raises NotFound, and Unreachable when the market does not answer."""
    try:
        team = await market.team(team_id)
    except MarketRefusal as refusal:
        raise NotFound from refusal
    offered = await _offered(market, await _product(pool, team.goods_id), viewer_id)
    [seen] = await _seen(pool, [team], viewer_id=viewer_id)
    return TeamSeen(offered=offered, seen=seen)


async def look_at_teams(
    pool: Pool, market: MarketClient, *, team_ids: Iterable[str], viewer_id: str
) -> dict[str, SeenTeam]:
    """Those that the market shows us in time."""
    answers = await asyncio.gather(*(_if_there(market.team(team_id)) for team_id in team_ids))
    teams = [team for team in answers if team is not None]
    return {one.team.id: one for one in await _seen(pool, teams, viewer_id=viewer_id)}


async def _product(pool: Pool, product_id: str) -> Product:
    async with transaction(pool) as connection:
        product = await store_product.find(connection, product_id)
    if product is None:
        raise NotFound
    return product


async def _offered(market: MarketClient, product: Product, viewer_id: str | None) -> Offered:
    if not product.is_on_shelf:
        return Offered(product=product, quote=None)
    quote = await _if_there(market.quote(goods_id=product.id, buyer_id=viewer_id or ANONYMOUS))
    if quote is None or not quote.may_see:
        return Offered(product=product, quote=None)
    if quote.list_fen != product.list_fen:
        log.error("list_prices_differ", product=product.id, ours=product.list_fen, market=quote.list_fen)
        return Offered(product=product, quote=None)
    return Offered(product=product, quote=quote)


async def _seen(pool: Pool, teams: Sequence[Team], *, viewer_id: str | None) -> list[SeenTeam]:
    buyers = {member.buyer_id for team in teams for member in team.members}
    if not buyers:
        return [SeenTeam(team=team, people={}, viewer_id=viewer_id) for team in teams]
    async with transaction(pool) as connection:
        people = await store_login.people(connection, buyers)
    return [SeenTeam(team=team, people=people, viewer_id=viewer_id) for team in teams]


async def _if_there(asking: Awaitable[Answer]) -> Answer | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await asking
    except (MarketRefusal, Unreachable, TimeoutError):
        return None
