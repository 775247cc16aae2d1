"""Time passes at the press of a button: for everybody, and only where a demonstration allows it."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, RedirectResponse, Response

from tuan.kernel.demo_clock import DemoClock
from tuan.sandbox.forms import comes_from_page, read_body
from tuan.sandbox.pages import Pages

MOVES: Final = {
    "1 分钟": timedelta(minutes=1),
    "15 分钟": timedelta(minutes=15),
    "1 小时": timedelta(hours=1),
    "1 天": timedelta(days=1),
}


class Move(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockPages:
    demo: DemoClock
    pages: Pages
    woken: asyncio.Event  # Set when there may be a notify to send.

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/admin/clock", default_response_class=Response)
        router.add_api_route("", self.show, methods=["GET"])
        router.add_api_route("", self.move, methods=["POST"])
        return router

    async def show(self) -> Response:
        return JSONResponse(
            {"now": self.demo().isoformat(), "ahead_seconds": self.demo.ahead.total_seconds()}
        )

    async def move(self, request: Request) -> Response:
        """Raises ClockRefused."""
        asked = await read_body(request, Move)
        self.demo.move(timedelta(seconds=asked.seconds))
        self.woken.set()
        if comes_from_page(request):
            return RedirectResponse(self.pages.link("/"), status_code=303)
        return await self.show()
