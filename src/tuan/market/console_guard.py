"""Who is at the console: the cookie of a browser, whose pages it asks for, and what its operator may."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request, Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool
from tuan.kernel.egress import Egress
from tuan.kernel.jobs import Jobs
from tuan.kernel.own_pages import require_our_own_pages
from tuan.market.operator import SESSION_LASTS, Deed, NotSignedIn, Operator, Permission
from tuan.market.sign_in import who_is


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """What the console works with; built in app.py, carried by the app."""

    pool: Pool
    jobs: Jobs
    clock: Clock
    public_url: str
    egress: Egress
    publishes: bool = False  # At a broker.


async def doors_of(request: Request) -> Doors:
    return cast(Doors, request.app.state.console)


Here = Annotated[Doors, Depends(doors_of)]


class Cookie:
    """The secret of an operator's session. Over https its name keeps it to this host."""

    def __init__(self, public_url: str) -> None:
        self._secure = public_url.startswith("https:")
        self._name = "__Host-tuan_operator" if self._secure else "tuan_operator"

    def read(self, request: Request) -> str | None:
        return request.cookies.get(self._name)

    def keep(self, response: Response, secret: str) -> None:
        self._write(response, secret, seconds=int(SESSION_LASTS.total_seconds()))

    def forget(self, response: Response) -> None:
        self._write(response, "", seconds=0)

    def _write(self, response: Response, secret: str, *, seconds: int) -> None:
        response.set_cookie(
            self._name, secret, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax"
        )


async def cookie_of(doors: Here) -> Cookie:
    return Cookie(doors.public_url)


Jar = Annotated[Cookie, Depends(cookie_of)]


async def signed_in(request: Request, doors: Here, cookie: Jar) -> Operator:
    """Raises NotSignedIn."""
    operator = await who_is(doors.pool, cookie.read(request), now=doors.clock())
    if operator is None:
        raise NotSignedIn
    return operator


@dataclass(frozen=True)
class May:
    """What a route demands of whoever calls it."""

    permission: Permission

    async def __call__(self, operator: Annotated[Operator, Depends(signed_in)]) -> Operator:
        """Raises NotSignedIn or NotPermitted."""
        operator.require(self.permission)
        return operator


Looker = Annotated[Operator, Depends(May(Permission.LOOK))]
Seller = Annotated[Operator, Depends(May(Permission.SELL))]
Switcher = Annotated[Operator, Depends(May(Permission.SWITCH))]
Resender = Annotated[Operator, Depends(May(Permission.RESEND))]
Connector = Annotated[Operator, Depends(May(Permission.CONNECT))]
Appointer = Annotated[Operator, Depends(May(Permission.APPOINT))]


def deed_of(operator: Operator, doors: Doors, *, reason: str = "") -> Deed:
    return Deed(operator_id=operator.id, at=doors.clock(), reason=reason)


async def from_our_own_pages(request: Request, response: Response, doors: Here) -> None:
    """Raises Forbidden for a change that another site made a browser send."""
    response.headers["cache-control"] = "no-store"
    require_our_own_pages(request, public_url=doors.public_url)
