"""The cashier in a browser, or for a program that asks for JSON: sign in, pay, go back to the shop."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from pydantic import StringConstraints
from starlette.responses import JSONResponse, RedirectResponse, Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool
from tuan.kernel.errors import Refusal
from tuan.kernel.money import yuan_text
from tuan.kernel.web import Id
from tuan.sandbox.alipay import Account
from tuan.sandbox.befall import meet
from tuan.sandbox.cashier import PASSWORD, NotSignedIn, Visit, WrongPassword, pay, sign_in, visit
from tuan.sandbox.deliver import Notifier, deliver_due
from tuan.sandbox.notify import return_link
from tuan.sandbox.pages import Pages, wants_page
from tuan.sandbox.trade import Buyer, TradeStatus
from tuan.sandbox.trouble import Door, Kind

BUYERS: Final = ("csqann8421@sandbox.com", "bobwei5073@sandbox.com", "caixia3316@sandbox.com")
RETURN_AFTER_SECONDS: Final = 3

LogonId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]{3,40}(@[A-Za-z0-9.-]{3,40})?$")]
Password = Annotated[str, StringConstraints(max_length=32)]


@dataclass(frozen=True, kw_only=True, slots=True)
class CashierPages:
    pool: Pool
    account: Account
    pages: Pages
    notifier: Notifier
    clock: Clock
    woken: asyncio.Event  # Set when there may be a notify to send.

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/cashier/{cashier_id}", default_response_class=Response)
        router.add_api_route("", self.show, methods=["GET"])
        router.add_api_route("/sign-in", self.sign_in, methods=["POST"])
        router.add_api_route("/pay", self.pay, methods=["POST"])
        router.add_api_route("/cancel", self.cancel, methods=["POST"])
        return router

    async def show(self, request: Request, cashier_id: Id) -> Response:
        return self._render(request, await visit(self.pool, cashier_id))

    async def sign_in(self, request: Request, cashier_id: Id, buyer: Annotated[LogonId, Form()]) -> Response:
        await sign_in(self.pool, cashier_id, buyer=Buyer(logon_id=buyer), now=self.clock())
        return await self._after(request, cashier_id)

    async def pay(self, request: Request, cashier_id: Id, password: Annotated[Password, Form()]) -> Response:
        seller_id = self.account.seller_id
        try:
            trade = await pay(self.pool, cashier_id, password=password, seller_id=seller_id, now=self.clock())
        except (WrongPassword, NotSignedIn) as refusal:
            if not wants_page(request):
                raise
            return self._render(request, await visit(self.pool, cashier_id), refusal=refusal)
        if await meet(self.pool, Door.CASHIER, {Kind.NOTIFY_FIRST}, about=trade.out_trade_no):
            await deliver_due(self.notifier)
        self.woken.set()
        return await self._after(request, cashier_id)

    async def cancel(self, request: Request, cashier_id: Id) -> Response:
        """The buyer walks away. The trade stays as it is, until it is closed or its time is up."""
        found = await visit(self.pool, cashier_id)
        if not wants_page(request):
            return self._render(request, found)
        return self.pages.render("left.html", cashier=found.cashier)

    async def _after(self, request: Request, cashier_id: str) -> Response:
        if wants_page(request):
            return RedirectResponse(self.pages.link(f"/cashier/{cashier_id}"), status_code=303)
        return self._render(request, await visit(self.pool, cashier_id))

    def _render(self, request: Request, found: Visit, *, refusal: Refusal | None = None) -> Response:
        now = self.clock()
        status, return_to = _status(found, now), self._return_to(found, now)
        if not wants_page(request):
            return JSONResponse(_view(found, status=status, return_to=return_to))
        return self.pages.render(
            "cashier.html",
            status=refusal.status if refusal else 200,
            state=status,
            cashier=found.cashier,
            trade=found.trade,
            return_to=return_to,
            return_after_seconds=RETURN_AFTER_SECONDS,
            seconds_left=max(0, int((found.cashier.expires_at - now).total_seconds())),
            buyers=BUYERS,
            password=PASSWORD,
            refusal=refusal,
        )

    def _return_to(self, found: Visit, now: datetime) -> str | None:
        """Only a buyer who has paid is sent back."""
        if found.trade is None or found.trade.paid_at is None or found.cashier.return_url is None:
            return None
        return return_link(found.cashier.return_url, found.trade, self.account, now=now)


def _status(found: Visit, now: datetime) -> str:
    """open → signed_in → paid; or closed, when the time is up or the merchant closed the trade."""
    if found.trade is None:
        return "closed" if now >= found.cashier.expires_at else "open"
    if found.trade.paid_at:
        return "paid"
    return "signed_in" if found.trade.status_at(now) is TradeStatus.WAIT_BUYER_PAY else "closed"


def _view(found: Visit, *, status: str, return_to: str | None) -> dict[str, object]:
    cashier = found.cashier
    return {
        "id": cashier.id,
        "status": status,
        "out_trade_no": cashier.out_trade_no,
        "trade_no": found.trade.trade_no if found.trade else None,
        "subject": cashier.subject,
        "total_amount": yuan_text(cashier.total_fen),
        "buyer": cashier.buyer_logon_id,
        "expires_at": cashier.expires_at.isoformat(),
        "return_to": return_to,
    }
