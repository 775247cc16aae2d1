"""Alipay's gateway over HTTP: one address for every method, pages for browsers, signed JSON for merchants."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool
from tuan.sandbox import alipay
from tuan.sandbox.alipay import Account, Call, GatewayRefusal, Reply, read_call, refusal_reply
from tuan.sandbox.answers import Node, closed_node, declined_node, refund_node, refunded_node, trade_node
from tuan.sandbox.befall import meet
from tuan.sandbox.bill_api import Bills
from tuan.sandbox.cashier import open_cashier
from tuan.sandbox.content import (
    PRODUCT_CODES,
    PayContent,
    RefundContent,
    RefundQueryContent,
    TradeContent,
    named_in,
    pay_until,
    read,
    read_links,
)
from tuan.sandbox.gateway_trouble import ON_ITS_WAY, answer_in, bad_gateway
from tuan.sandbox.merchant import TradeKey, close_trade, query_refund, query_trade, refund_trade
from tuan.sandbox.pages import Pages
from tuan.sandbox.trade import Cashier, Declined, InvalidParameter, Product, new_cashier_id
from tuan.sandbox.trouble import Door, Kind

MEDIA_TYPE: Final = "text/html;charset=utf-8"  # Of every answer, even of JSON: as the real one.


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    pool: Pool
    account: Account
    pages: Pages
    bills: Bills
    clock: Clock
    woken: asyncio.Event  # Set when there may be a notify to send.

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/alipay")
        router.add_api_route("/gateway.do", self.serve, methods=["GET", "POST"], response_class=Response)
        return router

    async def serve(self, request: Request) -> Response:
        """Parameters may stand in the query, in the form, or in both; then the form wins."""
        async with request.form() as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
        params = {**request.query_params, **fields}

        method, about = params.get("method"), named_in(params.get("biz_content", ""))
        if method in alipay.PAGE_METHODS:
            trouble = await meet(self.pool, Door.CASHIER, {Kind.DEAD}, about=about)
            return bad_gateway() if trouble else await self._page(params)
        trouble = await meet(self.pool, Door.GATEWAY, ON_ITS_WAY, about=about, method=method)
        return await answer_in(trouble, method, partial(self._answer, params), self._write)

    def _write(self, reply: Reply) -> Response:
        headers = {"trace_id": secrets.token_hex(16)}
        return Response(reply.text(self.account.alipay_key), headers=headers, media_type=MEDIA_TYPE)

    async def _page(self, params: Mapping[str, str]) -> Response:
        try:
            cashier = self._cashier_of(read_call(params, self.account))
            await open_cashier(self.pool, cashier)
        except (GatewayRefusal, Declined) as refusal:
            return self.pages.gateway_error(refusal.sub_code.removeprefix("isv."), str(refusal))
        return RedirectResponse(self.pages.link(f"/cashier/{cashier.id}"), status_code=302)

    def _cashier_of(self, call: Call) -> Cashier:
        now = self.clock()
        product = Product.PAGE if call.method == alipay.PAGE_PAY else Product.WAP
        content = read(PayContent, call.content)
        links = read_links(notify_url=call.notify_url, return_url=call.return_url)
        if content.product_code not in PRODUCT_CODES[product]:
            raise InvalidParameter("参数无效：product_code")

        return Cashier(
            id=new_cashier_id(),
            app_id=self.account.app_id,
            product=product,
            out_trade_no=content.out_trade_no,
            subject=content.subject,
            body=content.body,
            total_fen=content.total_amount,
            notify_url=links.notify_url,
            return_url=links.return_url,
            quit_url=content.quit_url,
            passback_params=content.passback_params,
            opened_at=now,
            expires_at=pay_until(content, now=now),
        )

    async def _answer(self, params: Mapping[str, str]) -> Reply:
        try:
            call = read_call(params, self.account)
            return Reply(method=call.method, node=await self._node(call))
        except GatewayRefusal as refusal:
            return refusal_reply(refusal, method=params.get("method"))

    async def _node(self, call: Call) -> Node:
        named = None
        try:
            if call.method == alipay.BILL:
                return await self.bills.node(call.content)
            asked = read(TradeContent, call.content)
            named = asked.out_trade_no
            key = TradeKey(
                app_id=self.account.app_id, out_trade_no=asked.out_trade_no, trade_no=asked.trade_no
            )
            return await self._ask(call, key)
        except Declined as declined:
            return declined_node(declined, out_trade_no=named)

    async def _ask(self, call: Call, key: TradeKey) -> Node:
        match call.method:
            case alipay.QUERY:
                now = self.clock()
                return trade_node(await query_trade(self.pool, key, now=now), now=now)
            case alipay.CLOSE:
                return await self._close(key)
            case alipay.REFUND:
                return await self._refund(key, read(RefundContent, call.content))
            case _:
                asked = read(RefundQueryContent, call.content)
                trade, refund = await query_refund(self.pool, key, refund_number=asked.out_request_no)
                return refund_node(trade, refund, with_time="gmt_refund_pay" in asked.query_options)

    async def _close(self, key: TradeKey) -> Node:
        trade = await close_trade(self.pool, key, seller_id=self.account.seller_id, now=self.clock())
        self.woken.set()
        return closed_node(trade)

    async def _refund(self, key: TradeKey, asked: RefundContent) -> Node:
        refunded = await refund_trade(
            self.pool,
            key,
            refund_number=asked.out_request_no,
            refund_fen=asked.refund_amount,
            reason=asked.refund_reason,
            seller_id=self.account.seller_id,
            now=self.clock(),
        )
        self.woken.set()
        return refunded_node(refunded)
