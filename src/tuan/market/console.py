"""The console over HTTP: operators sign in, and find every room of it behind this door."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import StringConstraints

from tuan.kernel.web import Body, Id
from tuan.market import (
    console_campaign,
    console_day,
    console_goods,
    console_operator,
    console_segment,
    console_source,
    console_switch,
    console_team,
    console_webhook,
)
from tuan.market.console_guard import Here, Jar, Looker, from_our_own_pages
from tuan.market.console_operator import SignedInView
from tuan.market.console_shapes import CONSOLE
from tuan.market.sign_in import sign_in, sign_out

ROOMS = (
    console_campaign,
    console_goods,
    console_segment,
    console_switch,
    console_source,
    console_team,
    console_webhook,
    console_day,
    console_operator,
)
Password = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class SignInBody(Body):
    name: Id
    password: Password


door = APIRouter(prefix=CONSOLE)


@door.post("/sessions", status_code=201)
async def create_session(body: SignInBody, response: Response, doors: Here, cookie: Jar) -> SignedInView:
    """Sign in. A wrong name and a wrong password are refused alike."""
    signed_in = await sign_in(doors.pool, name=body.name, password=body.password, now=doors.clock())
    cookie.keep(response, signed_in.secret)
    return SignedInView.of(signed_in.operator)


@door.delete("/sessions/current", status_code=204)
async def end_session(request: Request, response: Response, doors: Here, cookie: Jar, _: Looker) -> None:
    if secret := cookie.read(request):
        await sign_out(doors.pool, secret)
    cookie.forget(response)


@door.get("/me")
async def read_me(operator: Looker) -> SignedInView:
    """Who is signed in, and what they may do."""
    return SignedInView.of(operator)


router = APIRouter(tags=["console"], dependencies=[Depends(from_our_own_pages)])
router.include_router(door)
for room in ROOMS:
    router.include_router(room.router)
