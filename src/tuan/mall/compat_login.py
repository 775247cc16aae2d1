"""Signing in as the original's pages do: they show WeChat's ticket, and ask with it until it was scanned.

Such a ticket is no secret of the browser: who sees the code can work it out, for it holds the code's address
and the second it was made. So a page on our own address gets a cookie with it, and is asked for both. A page
elsewhere cannot keep one, and is known by its ticket and scene alone.
"""

from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tuan.kernel.errors import InvalidRequest, NotFound
from tuan.kernel.ids import new_secret
from tuan.kernel.web import ID
from tuan.mall.buyer import TicketExpired, TicketWaiting
from tuan.mall.compat_answer import answer
from tuan.mall.compat_code import Code
from tuan.mall.doors import Doors
from tuan.mall.login import SignedIn, Visit, begin_login, redeem_by_secret
from tuan.mall.visitor import Cookies, visit

NO_SCENE: Final = ""
NO_COOKIE: Final = ""
TICKET_MAX_LENGTH: Final = 512


@dataclass(frozen=True, kw_only=True)
class Login:
    doors: Doors

    async def ticket(self, request: Request) -> Response:
        return await self._begin(request, scene=NO_SCENE)

    async def ticket_of_scene(self, request: Request) -> Response:
        return await self._begin(request, scene=_scene(request))

    async def check(self, request: Request) -> Response:
        return await self._check(request, scene=NO_SCENE)

    async def check_scene(self, request: Request) -> Response:
        return await self._check(request, scene=_scene(request))

    async def _begin(self, request: Request, *, scene: str) -> Response:
        cookies = Cookies(self.doors.public_url)
        keeps_cookies = request.headers.get("sec-fetch-site") == "same-origin"
        cookie = (cookies.login(request) or new_secret()) if keeps_cookies else NO_COOKIE
        begun = await begin_login(
            self.doors.pool,
            self.doors.wechat,
            await self._visit(request),
            allowance=self.doors.sign_ins,
            known_by=lambda qr: _secret(qr.ticket, scene, cookie),
            scan_confirms=self.doors.original_scan_confirms,
            now=self.doors.clock(),
        )
        response = answer(begun.qr.ticket)
        if cookie:
            cookies.keep_login(response, cookie)
        return response

    async def _check(self, request: Request, *, scene: str) -> Response:
        """The secret of a session, once: afterwards this ticket is nobody's."""
        ticket = request.query_params.get("ticket", "")
        if not 1 <= len(ticket) <= TICKET_MAX_LENGTH:
            raise InvalidRequest
        try:
            signed_in = await self._redeem(request, ticket, scene)
        except (NotFound, TicketWaiting, TicketExpired):
            return answer(None, Code.NOT_SIGNED_IN)
        return answer(signed_in.secret)

    async def _redeem(self, request: Request, ticket: str, scene: str) -> SignedIn:
        cookie = Cookies(self.doors.public_url).login(request)
        if cookie:
            try:
                return await self._redeem_by(_secret(ticket, scene, cookie), request)
            except NotFound:
                pass  # It may have been shown by a page elsewhere.
        return await self._redeem_by(_secret(ticket, scene, NO_COOKIE), request)

    async def _redeem_by(self, secret: str, request: Request) -> SignedIn:
        doors = self.doors
        return await redeem_by_secret(
            doors.pool, doors.messages, await self._visit(request), secret=secret, now=doors.clock()
        )

    async def _visit(self, request: Request) -> Visit:
        """Without the session of our own shop in this browser: no page elsewhere may end it, or take it."""
        here = await visit(request, self.doors, Cookies(self.doors.public_url))
        return replace(here, session=None)


def _scene(request: Request) -> str:
    scene = request.query_params.get("sceneStr", "")
    if not ID.fullmatch(scene):
        raise InvalidRequest
    return scene


def _secret(ticket: str, scene: str, cookie: str) -> str:
    return f"{ticket}\n{scene}\n{cookie}"
