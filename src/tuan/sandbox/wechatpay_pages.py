"""The phone that has scanned a code to pay: who pays, the password, and that it is done."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from pydantic import StringConstraints
from starlette.responses import JSONResponse, RedirectResponse, Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.money import yuan_text
from tuan.kernel.web import Id
from tuan.sandbox.cashier import PASSWORD, WrongPassword
from tuan.sandbox.notify_store import NotifyStore
from tuan.sandbox.pages import Pages, wants_page
from tuan.sandbox.wechatpay_notify import paid_notify
from tuan.sandbox.wechatpay_order import Payer, PayOrder, TradeState
from tuan.sandbox.wechatpay_store import WechatPayStore

PAYERS: Final = ("安安", "小博", "彩彩")

Nickname = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]
Password = Annotated[str, StringConstraints(max_length=32)]


async def pay_order(pool: Pool, code: str, *, payer: Payer, password: str, now: datetime) -> None:
    """Paying again what this payer has paid changes nothing: a browser may send its form twice.

    Raises NotFound, WrongPassword, CodeExpired, OrderPaid, OrderClosed.
    """
    if password != PASSWORD:
        raise WrongPassword
    async with transaction(pool) as connection:
        store = WechatPayStore(connection)
        order = await store.by_code(code, held=True)
        if order.payer_openid == payer.openid:
            return
        order.pay(payer, now=now)
        await store.save(order)
        await NotifyStore(connection).add(paid_notify(order, now=now))


@dataclass(frozen=True, kw_only=True, slots=True)
class WechatPayPages:
    pool: Pool
    pages: Pages
    clock: Clock
    woken: asyncio.Event  # Set when there may be a notify to send.

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/wxpay/{code}", default_response_class=Response)
        router.add_api_route("", self.show, methods=["GET"])
        router.add_api_route("/pay", self.pay, methods=["POST"])
        return router

    async def show(self, request: Request, code: Id) -> Response:
        return await self._render(request, code)

    async def pay(
        self,
        request: Request,
        code: Id,
        payer: Annotated[Nickname, Form()],
        password: Annotated[Password, Form()],
    ) -> Response:
        chosen = Payer(nickname=payer)
        try:
            await pay_order(self.pool, code, payer=chosen, password=password, now=self.clock())
        except WrongPassword as refusal:
            if not wants_page(request):
                raise
            return await self._render(request, code, chosen=payer, refusal=refusal)
        self.woken.set()
        if wants_page(request):
            return RedirectResponse(self.pages.link(f"/wxpay/{code}"), status_code=303)
        return await self._render(request, code)

    async def _render(
        self, request: Request, code: str, *, chosen: str = PAYERS[0], refusal: WrongPassword | None = None
    ) -> Response:
        async with transaction(self.pool) as connection:
            order = await WechatPayStore(connection).by_code(code)
        now = self.clock()
        state = _state(order, now)
        if not wants_page(request):
            return JSONResponse(_view(order, state))
        return self.pages.render(
            "wxpay.html",
            status=refusal.status if refusal else 200,
            state=state,
            order=order,
            payers=PAYERS,
            chosen=chosen,
            password=PASSWORD,
            refusal=refusal,
        )


def _state(order: PayOrder, now: datetime) -> str:
    """open → paid; or closed, when its time is up or the merchant closed it; or expired, the code alone."""
    match order.state_at(now):
        case TradeState.SUCCESS | TradeState.REFUND:
            return "paid"
        case TradeState.CLOSED:
            return "closed"
    return "open" if now < order.code_until else "expired"


def _view(order: PayOrder, state: str) -> dict[str, object]:
    return {
        "code": order.code,
        "status": state,
        "out_trade_no": order.out_trade_no,
        "transaction_id": order.transaction_id,
        "description": order.description,
        "total_amount": yuan_text(order.total_fen),
        "payer": order.payer_openid,
        "expires_at": order.expires_at.isoformat(),
    }
