"""Who is asking: the cookies of a browser, where it is, how often it asks, and whether for its own site."""

from typing import Annotated, cast

from fastapi import Depends, Request, Response

from tuan.kernel.address import address_of
from tuan.kernel.own_pages import require_our_own_pages
from tuan.mall.allowance import LOOKS_BY_BUYER, LOOKS_FROM_ADDRESS, require_calm
from tuan.mall.buyer import TICKET_LASTS, Buyer, NotSignedIn
from tuan.mall.device import device_of
from tuan.mall.doors import Doors
from tuan.mall.login import SignedIn, Visit, who_is


async def doors_of(request: Request) -> Doors:
    return cast(Doors, request.app.state.doors)


Here = Annotated[Doors, Depends(doors_of)]


class Cookies:
    """Two secrets in a browser: one says who is signed in, one which login ticket is this browser's.

    Over https they carry the __Host- prefix, with which browsers refuse them from any other host.
    """

    def __init__(self, public_url: str) -> None:
        self._secure = public_url.startswith("https:")
        prefix = "__Host-" if self._secure else ""
        self._session, self._login = f"{prefix}tuan_session", f"{prefix}tuan_login"

    def session(self, request: Request) -> str | None:
        return request.cookies.get(self._session)

    def login(self, request: Request) -> str | None:
        return request.cookies.get(self._login)

    def keep_session(self, response: Response, session: SignedIn) -> None:
        seconds = int(session.lasts.total_seconds())
        self._keep(response, self._session, session.secret, seconds=seconds)

    def keep_login(self, response: Response, secret: str) -> None:
        self._keep(response, self._login, secret, seconds=int(TICKET_LASTS.total_seconds()))

    def forget_session(self, response: Response) -> None:
        self._keep(response, self._session, "", seconds=0)

    def forget_login(self, response: Response) -> None:
        self._keep(response, self._login, "", seconds=0)

    def _keep(self, response: Response, name: str, secret: str, *, seconds: int) -> None:
        response.set_cookie(
            name, secret, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax"
        )


async def cookies_of(doors: Here) -> Cookies:
    return Cookies(doors.public_url)


Jar = Annotated[Cookies, Depends(cookies_of)]


async def visitor(request: Request, doors: Here, cookies: Jar) -> Buyer | None:
    return await who_is(doors.pool, cookies.session(request), now=doors.clock())


async def signed_in(buyer: Annotated[Buyer | None, Depends(visitor)]) -> Buyer:
    """Raises NotSignedIn."""
    if buyer is None:
        raise NotSignedIn
    return buyer


Visitor = Annotated[Buyer | None, Depends(visitor)]
SignedInBuyer = Annotated[Buyer, Depends(signed_in)]


async def visit(request: Request, doors: Here, cookies: Jar) -> Visit:
    return Visit(
        device=device_of(request.headers.get("user-agent", "")),
        address=address_of(request),
        session=cookies.session(request),
    )


ThisVisit = Annotated[Visit, Depends(visit)]


async def in_calm(here: ThisVisit, doors: Here, buyer: Visitor) -> None:
    """Prices and teams are for people to look at. Raises TooOften."""
    who, at_most = (here.address, LOOKS_FROM_ADDRESS) if buyer is None else (buyer.id, LOOKS_BY_BUYER)
    require_calm(doors.pace.count(who, now=doors.clock()), at_most=at_most)


async def from_our_own_pages(request: Request, response: Response, doors: Here) -> None:
    """Raises Forbidden for a change that another site made a browser send."""
    response.headers["cache-control"] = "no-store"
    require_our_own_pages(request, public_url=doors.public_url)
