"""The market in the original's words: its paths, fields and codes, over the same desks.

Its holes stay behind. Who trades shows the key of a source, or calls from an address we were told to
trust; a team is told of where its source is registered; and a switch is turned by an operator.
"""

from typing import Final, cast

import structlog
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tuan.kernel.errors import Forbidden, Refusal
from tuan.kernel.original import read
from tuan.market.compat_answer import answer
from tuan.market.compat_body import FormedBody
from tuan.market.compat_code import Code, code_of
from tuan.market.compat_config import IndexPage
from tuan.market.compat_switch import turn_switch
from tuan.market.compat_trade import Trade
from tuan.market.console_guard import Cookie, Doors, deed_of
from tuan.market.operator import NotSignedIn, Permission
from tuan.market.sign_in import who_is

GBM: Final = "/api/v1/gbm"
TEST: Final = "/api/v1/test"
log = structlog.get_logger()


def build_compat(index: IndexPage, trade: Trade, console: Doors) -> ASGIApp:
    async def turn(request: Request) -> Response:
        """A change by GET: it must come from a page of ours, or any link anywhere could make it."""
        if request.headers.get("sec-fetch-site") != "same-origin":
            raise Forbidden
        cookie = Cookie(console.public_url)
        operator = await who_is(console.pool, cookie.read(request), now=console.clock())
        if operator is None:
            raise NotSignedIn
        operator.require(Permission.SWITCH)

        asked = request.query_params
        deed = deed_of(operator, console)
        await turn_switch(console.pool, asked.get("key", ""), asked.get("value", ""), deed=deed)
        return answer(None)

    # The index page may be served from anywhere. Nothing else is for browsers.
    anywhere = Middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["POST"], allow_headers=["content-type"]
    )
    return Starlette(
        routes=[
            Route(
                f"{GBM}/index/query_group_buy_market_config",
                index.config,
                methods=["POST", "OPTIONS"],
                middleware=[anywhere],
            ),
            Route(f"{GBM}/trade/lock_market_pay_order", trade.lock, methods=["POST"]),
            Route(f"{GBM}/trade/settlement_market_pay_order", trade.settle, methods=["POST"]),
            Route(f"{GBM}/trade/refund_market_pay_order", trade.refund, methods=["POST"]),
            Route(f"{GBM}/dcc/update_config", turn, methods=["GET"]),
            Route(f"{TEST}/group_buy_notify", hear, methods=["POST"]),
        ],
        exception_handlers={Refusal: _refused, ValidationError: _invalid, Exception: _broken},
    )


async def hear(request: Request) -> Response:
    """Stands in for a mall that is told of its team."""
    try:
        body = await read(request, FormedBody)
    except ValidationError:
        return PlainTextResponse("error")
    log.info("original_test_heard", team=body.team_id, orders=len(body.out_trade_no_list))
    return PlainTextResponse("success")


def _refused(_: Request, error: Exception) -> Response:
    return answer(None, code_of(cast(Refusal, error)))


def _invalid(_: Request, __: Exception) -> Response:
    return answer(None, Code.ILLEGAL)


def _broken(_: Request, error: Exception) -> Response:
    log.error("request_failed", exc_info=error)
    return answer(None, Code.UNKNOWN)
