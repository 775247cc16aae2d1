"""The market, as the mall sees it: what a buyer would pay, seats, and teams."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeVar
from urllib.parse import quote as quoted

import httpx
import structlog
from pydantic import AwareDatetime, BaseModel, ValidationError

from tuan.kernel.errors import Unreachable
from tuan.kernel.log import REQUEST_ID_HEADER, request_id
from tuan.mall.order import OrderRefused

TIMEOUT = httpx.Timeout(5.0, connect=2.0)
ABOUT_THE_BUYER = frozenset({"audience_restricted", "outside_rollout"})
PASSING = frozenset({401, 403, 429})
log = structlog.get_logger()


class MarketRefusal(OrderRefused):
    """The market said no. Its code, status and words reach the buyer as they are."""


class Reason(BaseModel):
    code: str


class MarketUnavailable(Unreachable):
    """The market does not answer; try again."""

    def __init__(self, *, reason: str = "") -> None:
        super().__init__()
        self.reason = reason  # The market's code for it, where it gave one.


class Quote(BaseModel):
    goods_id: str
    campaign_id: str
    list_fen: int
    discount_fen: int
    payable_fen: int
    plan: Literal["amount_off", "threshold", "percent", "fixed_price"]
    seats_target: int
    take_limit: int
    team_minutes: int
    ends_at: AwareDatetime
    may_see: bool
    may_join: bool
    reasons: list[Reason]


class Seat(BaseModel):
    out_trade_no: str
    team_id: str
    campaign_id: str
    goods_id: str
    buyer_id: str
    status: Literal["locked", "settled", "released", "refunded"]
    list_fen: int
    discount_fen: int
    payable_fen: int
    hold_until: AwareDatetime


class Member(BaseModel):
    buyer_id: str
    status: str
    opener: bool


class Team(BaseModel):
    id: str
    campaign_id: str
    goods_id: str
    status: Literal["forming", "formed", "failed"]
    seats_target: int
    seats_taken: int
    seats_settled: int
    closes_at: AwareDatetime
    members: list[Member]


class Statistics(BaseModel):
    teams_opened: int
    teams_formed: int
    buyers: int


class Teams(BaseModel):
    teams: list[Team]


class GoodsTeams(BaseModel):
    campaign_id: str | None
    teams: list[Team]
    statistics: Statistics


Answer = TypeVar("Answer", bound=BaseModel)


class MarketClient:
    """Every method raises MarketRefusal when the market says no, Unreachable when it does not answer."""

    def __init__(self, http: httpx.AsyncClient, *, url: str, api_key: str, channel: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._api_key = api_key
        self._channel = channel

    async def quote(self, *, goods_id: str, buyer_id: str) -> Quote:
        body = {"goods_id": goods_id, "channel": self._channel, "buyer_id": buyer_id}
        return await self._ask(Quote, "POST", "/v1/quotes", body=body)

    async def lock(
        self, *, out_trade_no: str, buyer_id: str, goods_id: str, campaign_id: str, team_id: str | None
    ) -> Seat:
        """Safe to repeat: the same number holds the same seat."""
        body = {
            "buyer_id": buyer_id,
            "goods_id": goods_id,
            "channel": self._channel,
            "campaign_id": campaign_id,
            "team_id": team_id,
        }
        return await self._ask(Seat, "PUT", f"/v1/seats/{quoted(out_trade_no, safe='')}", body=body)

    async def settle(self, *, out_trade_no: str, paid_at: datetime) -> Seat:
        """Safe to repeat."""
        path = f"/v1/seats/{quoted(out_trade_no, safe='')}/settlement"
        return await self._ask(Seat, "PUT", path, body={"paid_at": paid_at.isoformat()})

    async def release(self, *, out_trade_no: str) -> Seat:
        """Gives the seat back, paid or not. Safe to repeat."""
        return await self._ask(Seat, "PUT", f"/v1/seats/{quoted(out_trade_no, safe='')}/release", body={})

    async def team(self, team_id: str) -> Team:
        return await self._ask(Team, "GET", f"/v1/teams/{quoted(team_id, safe='')}")

    async def filling_teams(self, *, limit: int) -> Teams:
        """Of all goods: those that need the fewest first."""
        return await self._ask(Teams, "GET", "/v1/teams", params={"limit": str(limit)})

    async def team_of_number(self, number: str) -> Team:
        """By the eight digits under which the original's paths show it."""
        return await self._ask(Team, "GET", f"/v1/teams/by-number/{quoted(number, safe='')}")

    async def teams(self, *, goods_id: str, buyer_id: str) -> GoodsTeams:
        asked = {"channel": self._channel, "buyer_id": buyer_id}
        return await self._ask(
            GoodsTeams, "GET", f"/v1/goods/{quoted(goods_id, safe='')}/teams", params=asked
        )

    async def _ask(
        self,
        expected: type[Answer],
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        headers = {"authorization": f"Bearer {self._api_key}"}
        if origin := request_id():
            headers[REQUEST_ID_HEADER] = origin
        try:
            response = await self._http.request(
                method, self._url + path, json=body, params=params, headers=headers, timeout=TIMEOUT
            )
        except httpx.HTTPError as error:
            raise MarketUnavailable from error
        try:
            if response.is_success:
                return expected.model_validate_json(response.content)
            refusal = _Problem.model_validate_json(response.content)
        except ValidationError as error:
            log.error("market_answer_unreadable", path=path, status=response.status_code)
            raise MarketUnavailable from error
        raise _refusal(response.status_code, refusal)


class _Problem(BaseModel):
    code: str
    detail: str


def _refusal(status: int, problem: _Problem) -> MarketRefusal | MarketUnavailable:
    """What is wrong between the market and us is not the buyer's affair, and may pass: ask again."""
    passing = status >= 500 or status in PASSING
    if passing and problem.code not in ABOUT_THE_BUYER:
        log.error("market_unavailable", status=status, code=problem.code)
        return MarketUnavailable(reason=problem.code)
    return MarketRefusal(code=problem.code, status=status, detail=problem.detail)
