"""The market over HTTP: shapes in, shapes out, and not one rule."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Annotated

import msgspec
from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CollectorRegistry
from pydantic import AwareDatetime, field_validator
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.desk import Desk
from tuan.kernel.errors import InvalidRequest, NotFound, Unauthorized
from tuan.kernel.hot import HotRoute, LongRoute, Shell
from tuan.kernel.measure import Measure
from tuan.kernel.pace import Pace
from tuan.kernel.web import (
    Body,
    Id,
    add_probes,
    build_fastapi,
    gathered,
    require_ids,
)
from tuan.market import store_original, store_team
from tuan.market.api_told import QuotesTold
from tuan.market.catalog import Catalog
from tuan.market.console import router as console_router
from tuan.market.console_guard import Doors
from tuan.market.live import Watch
from tuan.market.quote import quote
from tuan.market.quote_count import QuoteCounts
from tuan.market.team import GiveBack, Payment, Seat, SeatRequest, Team
from tuan.market.views import GoodsTeamsView, QuoteView, SeatView, TeamsView, TeamView

TEAMS_SHOWN = 20
TEAMS_WATCHED_MAX = 20
CLOCKS_APART = timedelta(minutes=5)
CONSOLE = gathered(console_router)
BEARER = HTTPBearer(auto_error=False, description="The key of a source. It decides which source you are.")


class QuoteBody(Body):
    goods_id: Id
    channel: Id
    buyer_id: Id


class LockBody(Body):
    buyer_id: Id
    goods_id: Id
    channel: Id
    campaign_id: Id
    team_id: Id | None = None


class SettleBody(Body):
    paid_at: AwareDatetime

    @field_validator("paid_at")
    @classmethod
    def in_this_era(cls, paid_at: AwareDatetime) -> AwareDatetime:
        if not 2000 <= paid_at.year <= 9000:
            raise ValueError("not a moment at which anybody paid")
        return paid_at


class ReleaseBody(Body):
    """Nothing: the number says it all."""


class EventStream(Response):
    """Answers by handing the connection to the watch."""

    media_type = "text/event-stream"

    def __init__(self, watch: Watch, team_ids: list[str], last_event_id: str) -> None:
        super().__init__()
        self._watched = (watch, team_ids, last_event_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch, team_ids, last_event_id = self._watched
        await watch.serve(team_ids, last_event_id, receive, send)


def build_api(
    *,
    locking: Desk[SeatRequest, tuple[Seat, Team]],
    settling: Desk[Payment, tuple[Seat, Team]],
    releasing: Desk[GiveBack, tuple[Seat, Team]],
    catalog: Catalog,
    watch: Watch,
    counts: QuoteCounts,
    console: Doors,
    readers: Pool,
    clock: Clock,
    ready: Callable[[], Awaitable[bool]],
    registry: CollectorRegistry,
    measure: Measure,
) -> Shell:
    api = build_fastapi("Tuan market", CONSOLE)
    api.state.console = console
    add_probes(api, ready=ready, registry=registry, measure=measure)

    pace, told = Pace(), QuotesTold()

    async def source_of(authorization: str) -> str:
        """The source is who you are, and so never part of what you say."""
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() == "bearer" and (source := await catalog.source(key)):
            return source
        raise Unauthorized

    async def caller(
        request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)] = None
    ) -> str:
        """`shown` is for the documentation."""
        return await source_of(request.headers.get("authorization", ""))

    Source = Annotated[str, Depends(caller)]

    async def ask_quote(body: QuoteBody, source: Source) -> msgspec.Raw:
        """What this buyer would pay, and why."""
        quoted = await quote(
            catalog,
            pace,
            source=source,
            channel=body.channel,
            goods_id=body.goods_id,
            buyer_id=body.buyer_id,
            now=clock(),
        )
        counts.add(quoted.listing.campaign.id)
        return told.answer(quoted)

    async def lock(out_trade_no: Id, body: LockBody, source: Source) -> SeatView:
        """Hold a seat for a buyer who is about to pay. Asking again returns the same seat."""
        request = SeatRequest(
            source=source,
            channel=body.channel,
            out_trade_no=out_trade_no,
            buyer_id=body.buyer_id,
            campaign_id=body.campaign_id,
            goods_id=body.goods_id,
            team_id=body.team_id,
        )
        return SeatView.of(*await locking.ask(request))

    async def settle(out_trade_no: Id, body: SettleBody, source: Source) -> SeatView:
        """Record a payment for a seat. The one that fills the team forms it."""
        if body.paid_at > clock() + CLOCKS_APART:
            raise InvalidRequest("paid_at: this moment is still to come")
        payment = Payment(source=source, out_trade_no=out_trade_no, paid_at=body.paid_at)
        return SeatView.of(*await settling.ask(payment))

    async def release(out_trade_no: Id, body: ReleaseBody, source: Source) -> SeatView:
        """Give a seat back, paid or not. Asking again returns the same answer; the money is yours to move."""
        return SeatView.of(*await releasing.ask(GiveBack(source=source, out_trade_no=out_trade_no)))

    def events_of_teams(request: Request, id: Annotated[list[Id], Query()]) -> Response:
        """Progress of up to twenty teams as server-sent events, for anybody: counts, and no buyers."""
        require_ids(id)
        if not 1 <= len(id) <= TEAMS_WATCHED_MAX:
            raise InvalidRequest(f"id: name 1 to {TEAMS_WATCHED_MAX} teams")
        return EventStream(watch, id, request.headers.get("last-event-id", ""))

    def events_of_team(request: Request, team_id: Id) -> Response:
        """Progress of one team as server-sent events, for anybody: counts, and no buyers."""
        return events_of_teams(request, [team_id])

    seat_path = "/v1/seats/{out_trade_no}"
    of_seat = partial(HotRoute, api, "PUT", answer=SeatView, caller=source_of)
    hot: list[HotRoute | LongRoute] = [
        HotRoute(api, "POST", "/v1/quotes", ask_quote, body=QuoteBody, answer=QuoteView, caller=source_of),
        of_seat(seat_path, lock, body=LockBody),
        of_seat(f"{seat_path}/settlement", settle, body=SettleBody),
        of_seat(f"{seat_path}/release", release, body=ReleaseBody),
        LongRoute(
            api,
            "/v1/teams/events",
            events_of_teams,
            answer=EventStream,
            params=lambda request: {"id": request.query_params.getlist("id")},
        ),
        LongRoute(api, "/v1/teams/{team_id}/events", events_of_team, answer=EventStream),
    ]

    @api.get(seat_path)
    async def seat(out_trade_no: Id, source: Source) -> SeatView:
        """The seat held under this order number, as it stands."""
        async with transaction(readers) as connection:
            found = await store_team.seat_of(connection, (source, out_trade_no))
            team = found and await store_team.team_of(connection, found.team_id)
        if not found or not team:
            raise NotFound("No seat was ever locked under this order number.")
        return SeatView.of(found, team)

    @api.get("/v1/teams")
    async def teams_filling(
        source: Source, limit: Annotated[int, Query(ge=1, le=TEAMS_SHOWN)] = TEAMS_SHOWN
    ) -> TeamsView:
        """Teams of this source that anybody could fill, those that need the fewest first."""
        now = clock()
        async with transaction(readers) as connection:
            teams = await store_team.filling_teams(connection, source=source, now=now, limit=limit)
            members = await store_team.members_of(connection, [team.id for team in teams])
        return TeamsView(teams=[TeamView.of(team, members) for team in teams], server_time=now)

    @api.get("/v1/teams/{team_id}")
    async def team(team_id: Id, source: Source) -> TeamView:
        """A team of this source, with its members."""
        async with transaction(readers) as connection:
            found = await store_team.team_of(connection, team_id)
            members = await store_team.members_of(connection, [team_id])
        if found is None or found.source != source:
            raise NotFound("There is no such team.")
        return TeamView.of(found, members)

    @api.get("/v1/teams/by-number/{number}")
    async def team_of_number(number: Id, source: Source) -> TeamView:
        """The team of this source that the original's paths know by these eight digits."""
        async with transaction(readers) as connection:
            team_id = await store_original.team_of_number(connection, number)
        return await team(team_id or "", source)

    @api.get("/v1/goods/{goods_id}/teams")
    async def teams_of_goods(goods_id: Id, channel: Id, buyer_id: Id, source: Source) -> GoodsTeamsView:
        """The teams this buyer can join or is in, and how the campaign is doing."""
        now = clock()
        listing = await catalog.listing((source, channel, goods_id))
        if listing is None:
            return GoodsTeamsView.of(
                campaign_id=None, teams=[], members=[], statistics=store_team.Statistics(), now=now
            )
        campaign_id = listing.campaign.id
        async with transaction(readers) as connection:
            teams = await store_team.joinable_teams(
                connection,
                source=source,
                campaign_id=campaign_id,
                goods_id=goods_id,
                buyer_id=buyer_id,
                now=now,
                limit=TEAMS_SHOWN,
            )
            members = await store_team.members_of(connection, [team.id for team in teams])
            statistics = await store_team.statistics_of(connection, campaign_id)
        return GoodsTeamsView.of(
            campaign_id=campaign_id, teams=teams, members=members, statistics=statistics, now=now
        )

    return Shell(api, hot)
