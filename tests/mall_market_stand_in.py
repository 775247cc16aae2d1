"""A small market, true to protocol: one campaign, and no rules of its own."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tuan.kernel.clock import Clock


@dataclass
class MarketStandIn:
    """One campaign, teams of two; every product costs 20 yuan less in a team."""

    clock: Clock
    list_fen: int = 128_00
    may_see: bool = True
    hold: timedelta = timedelta(minutes=20)
    teams_are: str = "forming"
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)  # step → status, code
    refusal_held: asyncio.Barrier | None = None  # One refusal is met here twice: made, and let go.
    together: asyncio.Barrier | None = None  # Locks and settlements wait for each other here.
    seats: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)  # Of teams: eight digits → id.
    asked: list[tuple[str, str]] = field(default_factory=list)
    request_ids: list[str | None] = field(default_factory=list)
    operators: dict[str, dict[str, str]] = field(default_factory=dict)  # By their cookie.
    cookies_seen: list[str] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/quotes", self.quote, methods=["POST"]),
                Route("/v1/seats/{number}", self.lock, methods=["PUT"]),
                Route("/v1/seats/{number}/settlement", self.settle, methods=["PUT"]),
                Route("/v1/seats/{number}/release", self.release, methods=["PUT"]),
                Route("/v1/teams", self.filling),
                Route("/v1/teams/{id}", self.team),
                Route("/v1/teams/by-number/{number}", self.team_of_number),
                Route("/v1/goods/{id}/teams", self.teams),
                Route("/console/v1/me", self.me),
            ]
        )

    def refusal(self, request: Request, step: str) -> Response | None:
        self.asked.append((step, request.path_params.get("number", "")))
        self.request_ids.append(request.headers.get("x-request-id"))
        if request.headers["authorization"] != "Bearer market-key":
            return JSONResponse({"code": "unauthorized", "detail": "no"}, 401)
        if step not in self.refuses:
            return None
        status, code = self.refuses[step]
        return JSONResponse({"code": code, "detail": f"The market says {code}."}, status)

    async def quote(self, request: Request) -> Response:
        if refusal := self.refusal(request, "quote"):
            return refusal
        price = self._price() | {"plan": "amount_off", "seats_target": 2, "take_limit": 1}
        window = {"starts_at": self._at(-60), "ends_at": self._at(60), "team_minutes": 30, "hold_minutes": 20}
        goods = {"goods_id": (await request.json())["goods_id"], "campaign_id": "summer"}
        return JSONResponse(
            goods | price | window | {"may_see": self.may_see, "may_join": True, "reasons": []}
        )

    async def lock(self, request: Request) -> Response:
        await self._meet()
        if refusal := self.refusal(request, "lock"):
            if self.refusal_held is not None:
                self.refuses.clear()
                await self.refusal_held.wait()
                await self.refusal_held.wait()
            return refusal
        number, body = request.path_params["number"], await request.json()
        if number not in self.seats:
            self.seats[number] = body | self._price() | {
                "out_trade_no": number,
                "team_id": body["team_id"] or f"team-{number}",
                "status": "locked",
                "opener": body["team_id"] is None,
                "locked_at": self._at(0),
                "hold_until": (self.clock() + self.hold).isoformat(),
            }  # fmt: skip
        return JSONResponse(self.seats[number])

    async def settle(self, request: Request) -> Response:
        await self._meet()
        if refusal := self.refusal(request, "settle"):
            return refusal
        seat = self.seats[request.path_params["number"]]
        if seat["status"] not in ("locked", "settled"):
            return JSONResponse(_SEAT_GONE, 409)
        seat.update(status="settled", paid_at=(await request.json())["paid_at"])
        return JSONResponse(seat)

    async def release(self, request: Request) -> Response:
        if refusal := self.refusal(request, "release"):
            return refusal
        seat = self.seats.get(request.path_params["number"])
        if seat is None:
            return JSONResponse(_NO_SEAT, 404)
        if seat["status"] in ("locked", "settled"):
            seat["status"] = "refunded" if seat["status"] == "settled" else "released"
        return JSONResponse(seat)

    async def team(self, request: Request) -> Response:
        if refusal := self.refusal(request, "team"):
            return refusal
        found = self._team(request.path_params["id"])
        return JSONResponse(found) if found["members"] else JSONResponse(_NO_TEAM, 404)

    async def team_of_number(self, request: Request) -> Response:
        if refusal := self.refusal(request, "team_of_number"):
            return refusal
        team_id = self.numbers.get(request.path_params["number"])
        return JSONResponse(self._team(team_id)) if team_id else JSONResponse(_NO_TEAM, 404)

    async def teams(self, request: Request) -> Response:
        if refusal := self.refusal(request, "teams"):
            return refusal
        ids = dict.fromkeys(seat["team_id"] for seat in self.seats.values())
        statistics = {"teams_opened": len(ids), "teams_formed": 0, "buyers": len(self.seats)}
        teams = [self._team(id) for id in ids]
        return JSONResponse({"campaign_id": "summer", "teams": teams, "statistics": statistics})

    async def me(self, request: Request) -> Response:
        self.cookies_seen.append(request.headers["cookie"])
        if "me" in self.refuses:
            status, code = self.refuses["me"]
            return JSONResponse({"code": code, "detail": f"The market says {code}."}, status)
        operator = self.operators.get(request.cookies.get("tuan_operator", ""))
        return JSONResponse(operator) if operator else JSONResponse(_NOBODY, 401)

    async def filling(self, request: Request) -> Response:
        if refusal := self.refusal(request, "filling"):
            return refusal
        ids = dict.fromkeys(seat["team_id"] for seat in self.seats.values())
        return JSONResponse({"teams": [self._team(id) for id in ids]})

    async def _meet(self) -> None:
        if self.together is not None:
            await self.together.wait()

    def _team(self, id: str) -> dict[str, Any]:
        seats = [seat for seat in self.seats.values() if seat["team_id"] == id]
        settled = sum(seat["status"] == "settled" for seat in seats)
        return {
            "id": id, "campaign_id": "summer", "goods_id": seats[0]["goods_id"] if seats else "",
            "status": self.teams_are, "seats_target": 2, "seats_taken": len(seats), "seats_settled": settled,
            "opened_at": self._at(0), "closes_at": self._at(30), "formed_at": None, "members": seats,
        }  # fmt: skip

    def _price(self) -> dict[str, int]:
        return {"list_fen": self.list_fen, "discount_fen": 20_00, "payable_fen": self.list_fen - 20_00}

    def _at(self, minutes: int) -> str:
        return (self.clock() + timedelta(minutes=minutes)).isoformat()


_NOBODY = {"code": "not_signed_in", "detail": "Sign in first."}
_NO_SEAT = {"code": "not_found", "detail": "No seat was ever locked under this order number."}
_SEAT_GONE = {"code": "seat_gone", "detail": "This seat was given back before it was paid for."}
_NO_TEAM = {"code": "not_found", "detail": "There is no such team."}
