"""A mall written for the original locks, settles and gives back seats, at the desks everybody uses."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.desk import Desk
from tuan.kernel.errors import InvalidRequest
from tuan.kernel.original import read
from tuan.market import store_original
from tuan.market.campaign import CampaignClosed
from tuan.market.catalog import Catalog
from tuan.market.compat_answer import (
    GIVEN,
    GIVEN_BEFORE,
    NOT_GIVEN,
    answer,
    given_shape,
    locked_shape,
    settled_shape,
)
from tuan.market.compat_body import LockBody, RefundBody, SettleBody
from tuan.market.compat_caller import Callers
from tuan.market.compat_code import Answered, Code
from tuan.market.compat_config import why_closed
from tuan.market.store_team import seat_of
from tuan.market.team import GiveBack, Payment, Seat, SeatRequest, Team, TeamClosed

CLOCKS_APART: Final = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Trade:
    locking: Desk[SeatRequest, tuple[Seat, Team]]
    settling: Desk[Payment, tuple[Seat, Team]]
    releasing: Desk[GiveBack, tuple[Seat, Team]]
    callers: Callers
    catalog: Catalog
    pool: Pool
    clock: Clock

    async def lock(self, request: Request) -> Response:
        body = await read(request, LockBody)
        source = await self.callers.source_of(request, named=body.source)
        wanted = SeatRequest(
            source=source,
            channel=body.channel,
            out_trade_no=body.out_trade_no,
            buyer_id=body.user_id,
            campaign_id=body.activity_id,
            goods_id=body.goods_id,
            team_id=await self._team_to_join(source, body),
        )
        try:
            seat, _ = await self.locking.ask(wanted)
        except CampaignClosed as closed:
            raise await why_closed(self.catalog, wanted.listing, now=self.clock()) from closed

        seat_number, team_number = await self._numbers(seat)
        return answer(locked_shape(seat, seat_number=seat_number, team_number=team_number))

    async def settle(self, request: Request) -> Response:
        body = await read(request, SettleBody)
        source = await self.callers.source_of(request, named=body.source)
        if body.out_trade_time > self.clock() + CLOCKS_APART:
            raise InvalidRequest("outTradeTime: this moment is still to come")

        (await self.catalog.switches()).require_unblocked(source=source, channel=body.channel)
        await self._own_seat(source, body.out_trade_no, buyer_id=body.user_id)
        payment = Payment(source=source, out_trade_no=body.out_trade_no, paid_at=body.out_trade_time)
        try:
            seat, _ = await self.settling.ask(payment)
        except TeamClosed as closed:
            raise Answered(Code.PAID_TOO_LATE) from closed

        _, team_number = await self._numbers(seat)
        return answer(settled_shape(seat, team_number=team_number))

    async def refund(self, request: Request) -> Response:
        body = await read(request, RefundBody)
        source = await self.callers.source_of(request, named=body.source)
        try:
            before = await self._own_seat(source, body.out_trade_no, buyer_id=body.user_id)
        except Answered as nobodys:
            return answer(given_shape(NOT_GIVEN, buyer_id=body.user_id), nobodys.original)

        seat, _ = await self.releasing.ask(GiveBack(source=source, out_trade_no=body.out_trade_no))
        seat_number, team_number = await self._numbers(seat)
        given = GIVEN if before.is_held else GIVEN_BEFORE
        return answer(
            given_shape(given, buyer_id=seat.buyer_id, seat_number=seat_number, team_number=team_number)
        )

    async def _team_to_join(self, source: str, body: LockBody) -> str | None:
        """None to open one. Raises InvalidRequest unless it is told where its source is registered."""
        async with transaction(self.pool) as connection:
            registered = await store_original.has_endpoint(connection, source=source, url=body.told_at or "")
            team_id = await store_original.team_of_number(connection, body.team_number or "")
        if not registered:
            raise InvalidRequest("notifyUrl: this source is not registered there")
        if body.team_number and team_id is None:
            raise Answered(Code.NO_TEAM)
        return team_id

    async def _own_seat(self, source: str, out_trade_no: str, *, buyer_id: str) -> Seat:
        """Raises Answered where the seat is another buyer's, or nobody's."""
        async with transaction(self.pool) as connection:
            seat = await seat_of(connection, (source, out_trade_no))
        if seat is None or seat.buyer_id != buyer_id:
            raise Answered(Code.NO_ORDER)
        return seat

    async def _numbers(self, seat: Seat) -> tuple[str, str]:
        """Of the seat, and of its team."""
        async with transaction(self.pool) as connection:
            seat_number = await store_original.seat_number(
                connection, source=seat.source, out_trade_no=seat.out_trade_no
            )
            return seat_number, await store_original.team_number(connection, seat.team_id)
