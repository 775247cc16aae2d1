"""The shop window over HTTP: products and teams, for anybody who looks."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from tuan.kernel.web import Id
from tuan.mall.look import look_around, look_at_filling_teams, look_at_product, look_at_team
from tuan.mall.views import (
    FillingTeam,
    FillingTeams,
    GroupOffer,
    ProductCard,
    ProductPage,
    ProductView,
    TeamPageView,
    TeamView,
)
from tuan.mall.visitor import Here, Visitor, from_our_own_pages, in_calm

Limit = Annotated[int, Query(ge=1, le=50)]
Words = Annotated[str, Query(pattern=r"^[^\x00-\x1f\x7f]{0,64}$")]

v1 = APIRouter(prefix="/v1", dependencies=[Depends(from_our_own_pages)])


@v1.get("/products", dependencies=[Depends(in_calm)])
async def list_products(
    doors: Here,
    buyer: Visitor,
    cursor: Annotated[Id | None, Query()] = None,
    limit: Limit = 20,
    q: Words = "",
) -> ProductPage:
    """All of them, or those whose title or subtitle says `q`."""
    viewer_id = buyer.id if buyer else None
    found = await look_around(
        doors.pool, doors.market, viewer_id=viewer_id, said=q, after=cursor or "", limit=limit + 1
    )
    shown = found[:limit]
    return ProductPage(
        items=[ProductCard.of(offered) for offered in shown],
        next_cursor=shown[-1].product.id if len(found) > limit else None,
    )


@v1.get("/products/{product_id}", dependencies=[Depends(in_calm)])
async def read_product(product_id: Annotated[Id, Path()], doors: Here, buyer: Visitor) -> ProductView:
    """With what this buyer would pay in a group, and the teams to join, while the market says so."""
    seen = await look_at_product(
        doors.pool, doors.market, product_id=product_id, viewer_id=buyer.id if buyer else None
    )
    return ProductView.of(seen, server_time=doors.clock())


@v1.get("/teams", dependencies=[Depends(in_calm)])
async def list_filling_teams(doors: Here, buyer: Visitor) -> FillingTeams:
    """Up to ten teams about to fill, which this visitor could join."""
    found = await look_at_filling_teams(doors.pool, doors.market, viewer_id=buyer.id if buyer else None)
    return FillingTeams(items=[FillingTeam.of(one) for one in found], server_time=doors.clock())


@v1.get("/teams/{team_id}", dependencies=[Depends(in_calm)])
async def read_team(team_id: Annotated[Id, Path()], doors: Here, buyer: Visitor) -> TeamPageView:
    """What an invitation opens."""
    found = await look_at_team(
        doors.pool, doors.market, team_id=team_id, viewer_id=buyer.id if buyer else None
    )
    return TeamPageView(
        team=TeamView.of(found.seen),
        product=ProductCard.of(found.offered),
        group=found.offered.quote and GroupOffer.of(found.offered.quote),
        server_time=doors.clock(),
    )
