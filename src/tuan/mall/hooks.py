"""What others tell us over HTTP: Alipay, WeChat, the market. Each proves who it is in its own way."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel

from tuan.kernel import webhook
from tuan.kernel.web import Id
from tuan.mall.fulfil import TeamFormed, take_team_formed
from tuan.mall.given_back import GivenBack, SeatsGivenBack, take_seats_given_back
from tuan.mall.login import take_scan
from tuan.mall.pay import take_notify, take_return
from tuan.mall.payment import UnknownPayment
from tuan.mall.visitor import Here

router = APIRouter(include_in_schema=False)
GIVEN_BACK = frozenset(kind.value for kind in GivenBack)
log = structlog.get_logger()


class TeamFormedData(BaseModel):
    team_id: Id
    out_trade_nos: list[Id]


class TeamFailedData(TeamFormedData):
    released_out_trade_nos: list[Id]


class SeatData(BaseModel):
    team_id: Id
    out_trade_no: Id


class MarketEvent(BaseModel):
    type: str
    data: dict[str, Any]


@router.post("/hooks/alipay")
async def alipay_notify(request: Request, doors: Here) -> Response:
    """Answers exactly `success` once all is committed, so that Alipay stops telling."""
    raw = await request.body()
    verdict = await take_notify(doors.pool, doors.jobs, doors.gateway, raw, now=doors.clock())
    return PlainTextResponse("success" if verdict.accepted else "fail")


@router.get("/return/alipay/{payment_number}")
async def alipay_return(payment_number: Annotated[Id, Path()], request: Request, doors: Here) -> Response:
    shop_url = doors.shop_url
    query = request.scope["query_string"]
    try:
        order_number = await take_return(
            doors.pool, doors.jobs, doors.gateway, payment_number, query, now=doors.clock()
        )
    except UnknownPayment:
        return RedirectResponse(f"{shop_url}/orders", 303)
    return RedirectResponse(f"{shop_url}/orders/{order_number}", 303)


@router.get("/hooks/wechat")
async def wechat_check(request: Request, doors: Here) -> Response:
    return PlainTextResponse(doors.pushes.echo(request.query_params, now=doors.clock()))


@router.post("/hooks/wechat")
async def wechat_push(request: Request, doors: Here) -> Response:
    now = doors.clock()
    if scan := doors.pushes.scan(request.query_params, await request.body(), now=now):
        await take_scan(doors.pool, scan, now=now)
    return PlainTextResponse("success")


@router.post("/hooks/market")
async def market_webhook(request: Request, doors: Here) -> Response:
    """An event we have no use for is accepted: the market sends all it has."""
    raw = await request.body()
    webhook.verify(doors.market_webhook_secret, raw, request.headers)
    event = MarketEvent.model_validate_json(raw)
    webhook_id, now = request.headers[webhook.ID_HEADER], doors.clock()
    if event.type == "team.formed":
        await take_team_formed(doors.pool, doors.jobs, _team_formed(event, webhook_id), now=now)
    elif event.type in GIVEN_BACK:
        await take_seats_given_back(doors.pool, doors.jobs, _given_back(event, webhook_id), now=now)
    return Response(status_code=204)


def _team_formed(event: MarketEvent, webhook_id: str) -> TeamFormed:
    data = TeamFormedData.model_validate(event.data)
    return TeamFormed(webhook_id=webhook_id, team_id=data.team_id, order_numbers=data.out_trade_nos)


def _given_back(event: MarketEvent, webhook_id: str) -> SeatsGivenBack:
    kind = GivenBack(event.type)
    if kind is GivenBack.TEAM_FAILED:
        failed = TeamFailedData.model_validate(event.data)
        numbers = [*failed.out_trade_nos, *failed.released_out_trade_nos]
        return SeatsGivenBack(webhook_id=webhook_id, kind=kind, team_id=failed.team_id, order_numbers=numbers)
    seat = SeatData.model_validate(event.data)
    return SeatsGivenBack(
        webhook_id=webhook_id, kind=kind, team_id=seat.team_id, order_numbers=[seat.out_trade_no]
    )
