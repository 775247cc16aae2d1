"""Behind the counter: every trade, order, notify, QR code and push, and a button to send a notify again."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, RedirectResponse, Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.demo_clock import DemoClock
from tuan.kernel.web import Id
from tuan.sandbox.alipay import METHODS, PAGE_METHODS
from tuan.sandbox.clock_pages import MOVES
from tuan.sandbox.deliver import send_again
from tuan.sandbox.notify_store import NotifyStore
from tuan.sandbox.pages import Pages
from tuan.sandbox.trade_store import TradeStore
from tuan.sandbox.trouble import EFFECTS, PLACES
from tuan.sandbox.trouble_pages import Named
from tuan.sandbox.trouble_store import TroubleStore
from tuan.sandbox.wechat_store import WechatStore
from tuan.sandbox.wechatpay_store import WechatPayStore

SHOWN_MAX: Final = 50
LISTED_MAX: Final = 1_000

Limit = Annotated[int, Query(ge=1, le=LISTED_MAX)]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdminPages:
    pool: Pool
    pages: Pages
    demo: DemoClock | None
    clock: Clock
    woken: asyncio.Event  # Set when there may be a notify to send.

    def router(self) -> APIRouter:
        router = APIRouter(default_response_class=Response)
        router.add_api_route("/", self.show, methods=["GET"])
        router.add_api_route("/admin/trades", self.trades, methods=["GET"])
        router.add_api_route("/admin/orders", self.orders, methods=["GET"])
        router.add_api_route("/admin/deliveries", self.deliveries, methods=["GET"])
        router.add_api_route("/admin/pushes", self.pushes, methods=["GET"])
        router.add_api_route("/admin/notifies/{notify_id}/resend", self.resend, methods=["POST"])
        return router

    async def show(self, about: Annotated[Named | None, Query()] = None) -> Response:
        """`about` fills in whom the next trouble shall befall."""
        async with transaction(self.pool) as connection:
            trades = await TradeStore(connection).latest(SHOWN_MAX)
            notifies = await NotifyStore(connection).latest(SHOWN_MAX)
            deliveries = await NotifyStore(connection).deliveries(SHOWN_MAX)
            qrs = await WechatStore(connection).latest_qrs(SHOWN_MAX)
            pushes = await WechatStore(connection).pushes(SHOWN_MAX)
            orders = await WechatPayStore(connection).latest(SHOWN_MAX)
            troubles = await TroubleStore(connection).all(SHOWN_MAX)
        return self.pages.render(
            "admin.html",
            now=self.clock(),
            trades=trades,
            orders=orders,
            notifies=notifies,
            deliveries=deliveries,
            qrs=qrs,
            pushes=pushes,
            troubles=troubles,
            effects=EFFECTS,
            places=PLACES,
            methods=sorted(METHODS - PAGE_METHODS),
            about=about,
            demo=self.demo,
            moves=MOVES,
        )

    async def trades(self, limit: Limit = 100) -> Response:
        async with transaction(self.pool) as connection:
            return _listed(await TradeStore(connection).latest(limit))

    async def orders(self, limit: Limit = 100) -> Response:
        async with transaction(self.pool) as connection:
            return _listed(await WechatPayStore(connection).latest(limit))

    async def deliveries(self, limit: Limit = 100) -> Response:
        async with transaction(self.pool) as connection:
            return _listed(await NotifyStore(connection).deliveries(limit))

    async def pushes(self, limit: Limit = 100) -> Response:
        async with transaction(self.pool) as connection:
            return _listed(await WechatStore(connection).pushes(limit))

    async def resend(self, notify_id: Id) -> Response:
        await send_again(self.pool, notify_id, now=self.clock())
        self.woken.set()
        return RedirectResponse(self.pages.link("/"), status_code=303)


def _listed(rows: Sequence[Any]) -> Response:
    return JSONResponse(
        {"items": [{name: _json(value) for name, value in asdict(row).items()} for row in rows]}
    )


def _json(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
