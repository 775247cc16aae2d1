"""The mall in the original's words: its paths, fields and codes, over the flows of our own.

Its holes stay behind: who a buyer is, that a team has formed, and that an order is paid are taken on nobody's
word, as anywhere else in this house.
"""

from collections.abc import Awaitable, Callable
from typing import Final, cast

import structlog
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tuan.kernel.errors import Refusal
from tuan.mall.compat_answer import answer
from tuan.mall.compat_code import Code, code_of
from tuan.mall.compat_hooks import Told
from tuan.mall.compat_login import Login
from tuan.mall.compat_trade import Trade
from tuan.mall.doors import Doors

LOGIN: Final = "/api/v1/login"
WEIXIN: Final = "/api/v1/weixin"
ALIPAY: Final = "/api/v1/alipay"
log = structlog.get_logger()


def build_compat(doors: Doors) -> ASGIApp:
    login, trade, told = Login(doors=doors), Trade(doors=doors), Told(doors=doors)
    portal = f"{WEIXIN}/portal/receive"
    return Starlette(
        routes=[
            _for_pages("GET", f"{LOGIN}/weixin_qrcode_ticket", login.ticket),
            _for_pages("GET", f"{LOGIN}/weixin_qrcode_ticket_scene", login.ticket_of_scene),
            _for_pages("GET", f"{LOGIN}/check_login", login.check),
            _for_pages("GET", f"{LOGIN}/check_login_scene", login.check_scene),
            _for_pages("POST", f"{ALIPAY}/create_pay_order", trade.create_pay_order),
            _for_pages("POST", f"{ALIPAY}/query_user_order_list", trade.query_user_order_list),
            _for_pages("POST", f"{ALIPAY}/refund_order", trade.refund_order),
            _for_pages("POST", f"{ALIPAY}/active_pay_notify", told.ask),
            Route(f"{ALIPAY}/alipay_notify_url", told.alipay, methods=["POST"]),
            Route(f"{ALIPAY}/group_buy_notify", told.team_formed, methods=["POST"]),
            Route(portal, told.wechat_check, methods=["GET"]),
            Route(portal, told.wechat_push, methods=["POST"]),
        ],
        exception_handlers={Refusal: _refused, ValidationError: _invalid, Exception: _broken},
    )


def _for_pages(method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """A page may be served from anywhere: without its cookies, it has only what it was given to tell us."""
    anywhere = Middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=[method], allow_headers=["content-type"]
    )
    return Route(path, endpoint, methods=[method, "OPTIONS"], middleware=[anywhere])


def _refused(_: Request, error: Exception) -> Response:
    return answer(None, code_of(cast(Refusal, error)))


def _invalid(_: Request, __: Exception) -> Response:
    return answer(None, Code.ILLEGAL)


def _broken(_: Request, error: Exception) -> Response:
    log.error("request_failed", exc_info=error)
    return answer(None, Code.FAILED)
