"""What others tell us over HTTP: gateways, WeChat, the market. Each proves who it is in its own way."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel

from tuan.kernel import webhook
from tuan.kernel.errors import NotFound
from tuan.kernel.web import Id
from tuan.mall.doors import Doors
from tuan.mall.fulfil import TeamFormed, take_team_formed
from tuan.mall.gateways.gateway import Gateway
from tuan.mall.given_back import GivenBack, SeatsGivenBack, take_seats_given_back
from tuan.mall.login import take_scan
from tuan.mall.notify import RawNotify
from tuan.mall.pay import take_notify, take_return
from tuan.mall.payment import UnknownPayment
from tuan.mall.phone import words_for
from tuan.mall.visitor import Here, ThisVisit
from tuan.mall.wechat_push import MessageEnded, Scan

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


@router.get("/hooks/wechat")
async def wechat_check(request: Request, doors: Here) -> Response:
    return PlainTextResponse(doors.pushes.echo(request.query_params, now=doors.clock()))


@router.post("/hooks/wechat")
async def wechat_push(request: Request, doors: Here) -> Response:
    """Whoever scanned for a browser that wants to sign in is asked, in WeChat, whether it is theirs."""
    now = doors.clock()
    push = doors.pushes.push(request.query_params, await request.body(), now=now)
    match push.event:
        case MessageEnded() as ended:
            log.info("message_ended", message=ended.wechat_id, status=ended.status)
        case Scan() as scan:
            ticket = await take_scan(doors.pool, scan, now=now)
            if ticket and (words := words_for(ticket, doors.links.link(ticket), now=now)):
                return Response(doors.replies.text(push, words, now=now), media_type="text/xml")
    return PlainTextResponse("success")


@router.post("/hooks/market")
async def market_webhook(request: Request, doors: Here) -> Response:
    """An event we have no use for is accepted: the market sends all it has."""
    raw, now = await request.body(), doors.clock()
    webhook.verify(doors.market_webhook_secret, raw, request.headers, now=now)
    event = MarketEvent.model_validate_json(raw)
    webhook_id = request.headers[webhook.ID_HEADER]
    if event.type == "team.formed":
        formed = _team_formed(event, webhook_id)
        await take_team_formed(doors.pool, doors.jobs, doors.messages, formed, now=now)
    elif event.type in GIVEN_BACK:
        await take_seats_given_back(doors.pool, doors.jobs, _given_back(event, webhook_id), now=now)
    return Response(status_code=204)


@router.post("/hooks/{gateway}")
async def gateway_notify(
    gateway: Annotated[Id, Path()], request: Request, here: ThisVisit, doors: Here
) -> Response:
    """Acknowledged once all is committed, so that the gateway stops telling."""
    told_by, now = _gateway(doors, gateway), doors.clock()
    headers = {name: request.headers[name] for name in told_by.notify_headers if name in request.headers}
    notify = RawNotify(body=await request.body(), headers=headers, received_at=now)
    verdict = await take_notify(doors.pool, doors.jobs, told_by, notify, sender=here.address, now=now)
    answer = told_by.acknowledge(accepted=verdict.accepted)
    return Response(answer.body, answer.status, media_type=answer.media_type)


@router.get("/return/{gateway}/{payment_number}")
async def gateway_return(
    gateway: Annotated[Id, Path()], payment_number: Annotated[Id, Path()], request: Request, doors: Here
) -> Response:
    came_from, shop_url = _gateway(doors, gateway), doors.shop_url
    query = request.scope["query_string"]
    try:
        order_number = await take_return(
            doors.pool, doors.jobs, came_from, payment_number, query, now=doors.clock()
        )
    except UnknownPayment:
        return RedirectResponse(f"{shop_url}/orders", 303)
    return RedirectResponse(f"{shop_url}/orders/{order_number}", 303)


def _gateway(doors: Doors, name: str) -> Gateway:
    if name not in doors.gateways:
        raise NotFound
    return doors.gateways[name]


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
