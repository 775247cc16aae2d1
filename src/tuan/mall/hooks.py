"""What others tell us over HTTP: Alipay, WeChat, the market. Each proves who it is in its own way."""

from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel

from tuan.kernel import webhook
from tuan.kernel.web import Id
from tuan.mall.fulfil import TeamFormed, take_team_formed
from tuan.mall.login import take_scan
from tuan.mall.pay import take_notify, take_return
from tuan.mall.payment import UnknownPayment
from tuan.mall.visitor import Here

router = APIRouter(include_in_schema=False)
log = structlog.get_logger()


class TeamFormedData(BaseModel):
    team_id: Id
    out_trade_nos: list[Id]


class MarketEvent(BaseModel):
    type: str


class TeamFormedEvent(BaseModel):
    type: Literal["team.formed"]
    data: TeamFormedData


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
    if MarketEvent.model_validate_json(raw).type == "team.formed":
        data = TeamFormedEvent.model_validate_json(raw).data
        formed = TeamFormed(
            webhook_id=request.headers[webhook.ID_HEADER],
            team_id=data.team_id,
            order_numbers=data.out_trade_nos,
        )
        await take_team_formed(doors.pool, doors.jobs, formed, now=doors.clock())
    return Response(status_code=204)
