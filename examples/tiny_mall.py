"""A mall in one file that sells in teams: it holds a seat, takes the money, and hears how it ended.

MARKET_URL=http://127.0.0.1:8080/api/market MARKET_KEY=… WEBHOOK_SECRET=whsec_… \
    uvicorn --factory --app-dir examples tiny_mall:from_environment --port 9000

Orders live in a dict and money is only a word: put a database and a payment provider in their place.
"""

import asyncio
import os
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CHANNEL = "app"
AGAIN_AFTER_SECONDS = (0.1, 1, 5)  # What these leave undone is for a job that does not give up.
MONEY_GOES_BACK = ("seat_gone", "team_closed", "not_found")


class Refused(Exception):
    """The market said no; its code is the message."""


@dataclass
class Order:
    number: str
    buyer: str
    goods_id: str
    status: str = "created"  # → awaiting_payment → paid → delivered | refunded; or closed, never paid.
    payable_fen: int = 0
    team_id: str | None = None


class TinyMall:
    def __init__(self, market: httpx.AsyncClient, webhook: Webhook) -> None:
        self.market = market
        self.webhook = webhook
        self.orders: dict[str, Order] = {}
        self.heard: set[str] = set()

    async def order(self, request: Request) -> Response:
        """Save the order first, then hold a seat under its number: who asks again gets the same seat."""
        asked = await request.json()
        new = Order(number=asked["number"], buyer=asked["buyer"], goods_id=asked["goods_id"])
        order = self.orders.setdefault(new.number, new)
        if order.status == "created":
            who = {"goods_id": order.goods_id, "channel": CHANNEL, "buyer_id": order.buyer}
            quote = await self.ask("POST", "/v1/quotes", who)
            wanted = who | {"campaign_id": quote["campaign_id"], "team_id": asked.get("team_id")}
            seat = await self.ask("PUT", f"/v1/seats/{order.number}", wanted)
            # The seat's price counts; the quote's was a forecast.
            order.payable_fen, order.team_id = seat["payable_fen"], seat["team_id"]
            order.status = "awaiting_payment" if seat["status"] == "locked" else "closed"
        return JSONResponse(asdict(order))

    async def paid(self, request: Request) -> Response:
        """For your payment provider, once you have verified that it speaks. It may say so twice."""
        order = self.orders[request.path_params["number"]]
        self.move([order.number], ("awaiting_payment", "closed"), "paid")
        try:
            settlement = {"paid_at": (await request.json())["paid_at"]}
            await self.ask("PUT", f"/v1/seats/{order.number}/settlement", settlement)
        except Refused as refused:
            if str(refused) not in MONEY_GOES_BACK:
                raise  # The seat is still to be settled: ask again later.
            self.move([order.number], ("paid",), "refunded")
        return JSONResponse(asdict(order))

    async def cancel(self, request: Request) -> Response:
        """The market gives the seat back, then the mall gives the money back, if there was any."""
        order = self.orders[request.path_params["number"]]
        await self.ask("PUT", f"/v1/seats/{order.number}/release", {})
        self.move([order.number], ("paid", "delivered"), "refunded")
        self.move([order.number], ("created", "awaiting_payment"), "closed")
        return JSONResponse(asdict(order))

    async def hear(self, request: Request) -> Response:
        """A webhook. Verify the bytes as they came; remember its id together with what it changed."""
        try:
            event = self.webhook.verify(await request.body(), dict(request.headers))
        except (WebhookVerificationError, ValueError):  # ValueError: not even base64.
            return Response(status_code=401)
        if request.headers["webhook-id"] not in self.heard:
            self.take(event["type"], event["data"])
            self.heard.add(request.headers["webhook-id"])
        return Response(status_code=204)

    def take(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "team.formed":
                self.move(data["out_trade_nos"], ("paid",), "delivered")
            case "team.failed":
                self.move(data["out_trade_nos"], ("paid",), "refunded")
                self.move(data["released_out_trade_nos"], ("awaiting_payment",), "closed")
            case "seat.refunded":
                self.move([data["out_trade_no"]], ("paid",), "refunded")
            case "seat.released":
                self.move([data["out_trade_no"]], ("awaiting_payment",), "closed")

    def move(self, numbers: list[str], before: tuple[str, ...], after: str) -> None:
        """Only from where an order may be: then neither repetition nor a late word does harm."""
        for number in numbers:
            order = self.orders.get(number)
            if order and order.status in before:
                order.status = after

    async def ask(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Every call is safe to repeat, so repeat it while nobody knows what became of it."""
        for seconds in AGAIN_AFTER_SECONDS:
            try:
                answer = await self.market.request(method, path, json=body)
            except httpx.TransportError:
                answer = None
            if answer and answer.is_success:
                return answer.json()
            if answer and answer.status_code < 500:
                raise Refused(answer.json()["code"])
            await asyncio.sleep(seconds)
        raise Refused("unreachable")


async def refused(_: Request, error: Exception) -> Response:
    return JSONResponse({"code": str(error)}, 409)


def build(market: httpx.AsyncClient, *, webhook_secret: str) -> Starlette:
    mall = TinyMall(market, Webhook(webhook_secret))
    routes = [
        Route("/orders", mall.order, methods=["POST"]),
        Route("/orders/{number}/paid", mall.paid, methods=["POST"]),
        Route("/orders/{number}/cancel", mall.cancel, methods=["POST"]),
        Route("/hooks/market", mall.hear, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={Refused: refused})


def from_environment() -> Starlette:
    key = {"authorization": f"Bearer {os.environ['MARKET_KEY']}"}
    market = httpx.AsyncClient(base_url=os.environ["MARKET_URL"], headers=key, timeout=5)
    return build(market, webhook_secret=os.environ["WEBHOOK_SECRET"])
