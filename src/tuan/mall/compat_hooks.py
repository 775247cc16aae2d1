"""What others tell us on the original's paths; each is believed for the same proof as on our own."""

from dataclasses import dataclass
from typing import Final

import structlog
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tuan.kernel import webhook
from tuan.kernel.address import address_of
from tuan.kernel.db import transaction
from tuan.kernel.errors import InvalidRequest, Refusal
from tuan.kernel.web import ID
from tuan.mall import store_payment
from tuan.mall.compat_answer import answer
from tuan.mall.compat_body import FormedBody
from tuan.mall.compat_code import Code
from tuan.mall.doors import Doors
from tuan.mall.fulfil import TeamFormed, take_team_formed, team_of
from tuan.mall.gateways.gateway import TradeStatus
from tuan.mall.login import take_scan
from tuan.mall.notify import RawNotify
from tuan.mall.pay import ask_gateway, take_notify
from tuan.mall.payment import Payment, UnknownPayment
from tuan.mall.phone import words_for
from tuan.mall.wechat_push import ForgedPush, Push, Scan

CODE_EXPIRED: Final = "二维码已失效，请回到网页刷新后再扫"
PAID: Final = "交易成功，订单状态已更新"
STATES: Final = {TradeStatus.WAITING: "WAIT_BUYER_PAY", TradeStatus.CLOSED: "TRADE_CLOSED"}
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Told:
    doors: Doors

    async def alipay(self, request: Request) -> Response:
        doors, now = self.doors, self.doors.clock()
        gateway, sender = doors.gateways["alipay"], address_of(request)
        notify = RawNotify(body=await request.body(), headers={}, received_at=now)
        verdict = await take_notify(doors.pool, doors.jobs, gateway, notify, sender=sender, now=now)
        return PlainTextResponse("success" if verdict.accepted else "false")

    async def team_formed(self, request: Request) -> Response:
        """The body is the original's, without any proof; the market signs it in its headers all the same."""
        doors, raw = self.doors, await request.body()
        try:
            webhook.verify(doors.market_webhook_secret, raw, request.headers, now=doors.clock())
            body = FormedBody.model_validate_json(raw)
            formed = await self._formed(body, request.headers[webhook.ID_HEADER])
        except (Refusal, ValidationError) as refusal:
            log.warning("original_notify_refused", why=type(refusal).__name__)
            return PlainTextResponse("error")
        await take_team_formed(doors.pool, doors.jobs, doors.messages, formed, now=doors.clock())
        return PlainTextResponse("success")

    async def ask(self, request: Request) -> Response:
        """Anybody may make us ask the gateway; what counts is what it answers."""
        number = request.query_params.get("outTradeNo", "")
        if not ID.fullmatch(number):
            raise InvalidRequest
        doors = self.doors
        try:
            payment = await self._payment(number)
            gateway = doors.gateways[payment.gateway]
            trade = await ask_gateway(doors.pool, doors.jobs, gateway, payment.number, now=doors.clock())
        except Refusal as refusal:
            log.warning("original_ask_failed", payment=number, why=refusal.code)
            return answer(f"查询失败: {refusal.code}", Code.FAILED)

        if trade.status is TradeStatus.ABSENT:
            return answer("查询失败: 交易不存在", Code.FAILED)
        return answer(PAID if trade.receipt else f"交易状态: {STATES[trade.status]}")

    async def wechat_check(self, request: Request) -> Response:
        try:
            return PlainTextResponse(self.doors.pushes.echo(request.query_params, now=self.doors.clock()))
        except ForgedPush:
            return PlainTextResponse("")

    async def wechat_push(self, request: Request) -> Response:
        now = self.doors.clock()
        try:
            push = self.doors.pushes.push(request.query_params, await request.body(), now=now)
        except ForgedPush:
            log.warning("original_push_forged")
            return PlainTextResponse("")
        text = await self._reply(push)
        if not text:
            return PlainTextResponse("")  # Nothing to say, and WeChat need not tell again.
        return Response(self.doors.replies.text(push, text, now=now), media_type="application/xml")

    async def _formed(self, body: FormedBody, webhook_id: str) -> TeamFormed:
        """The market names its team by a number; which it is, its orders know. Raises InvalidRequest."""
        numbers = body.out_trade_no_list
        team_id = await team_of(self.doors.pool, numbers)
        return TeamFormed(webhook_id=webhook_id, team_id=team_id, order_numbers=numbers)

    async def _payment(self, number: str) -> Payment:
        """Of this number; or the one that waits, where it is an order's. Raises UnknownPayment."""
        async with transaction(self.doors.pool) as connection:
            waiting = (await store_payment.open_of(connection, [number])).get(number)
            payment = waiting or await store_payment.find(connection, number)
        if payment is None:
            raise UnknownPayment
        return payment

    async def _reply(self, push: Push) -> str:
        if isinstance(push.event, Scan):
            now = self.doors.clock()
            ticket = await take_scan(self.doors.pool, push.event, now=now)
            words = ticket and words_for(ticket, self.doors.links.link(ticket), now=now)
            return words or CODE_EXPIRED
        return f"你好，{push.text}" if push.kind == "text" else ""
