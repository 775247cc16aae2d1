"""Signing in over HTTP: tickets, guests, sessions, and the page on which a phone confirms."""

from typing import Annotated, Self

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.errors import NotFound, Refusal
from tuan.kernel.web import Body, Id
from tuan.mall.allowance import POLLS_OF_TICKET, require_calm
from tuan.mall.buyer import Buyer, GuestsNotWelcome, LoginTicket, Session, TicketStatus
from tuan.mall.doors import Doors
from tuan.mall.guest import enter_as_guest
from tuan.mall.login import (
    begin_login,
    confirm,
    look_at_scanned,
    look_at_ticket,
    redeem,
    sessions_of,
    sign_out,
    sign_out_everywhere,
)
from tuan.mall.phone import confirm_page, confirmed_page, too_late_page
from tuan.mall.qr import qr_svg
from tuan.mall.visitor import Here, Jar, SignedInBuyer, ThisVisit, Visitor, from_our_own_pages

TicketId = Annotated[Id, Path()]
Proof = Annotated[Id, Path()]


class BuyerView(BaseModel):
    id: str
    nickname: str
    avatar: int  # A hue, 0 to 359.
    guest: bool

    @classmethod
    def of(cls, buyer: Buyer) -> Self:
        return cls(id=buyer.id, nickname=buyer.nickname, avatar=buyer.avatar, guest=buyer.is_guest)


class SessionView(BaseModel):
    device: str
    created_at: AwareDatetime
    seen_at: AwareDatetime
    current: bool

    @classmethod
    def of(cls, session: Session) -> Self:
        return cls(
            device=session.device,
            created_at=session.created_at,
            seen_at=session.seen_at,
            current=session.is_current,
        )


class SessionList(BaseModel):
    items: list[SessionView]


class TicketView(BaseModel):
    id: str
    status: TicketStatus
    qr_svg: str
    expires_at: AwareDatetime
    server_time: AwareDatetime
    scan_url: str | None


class SessionBody(Body):
    ticket_id: Id


v1 = APIRouter(prefix="/v1", dependencies=[Depends(from_our_own_pages)])
phone = APIRouter(prefix="/sign-in", dependencies=[Depends(from_our_own_pages)], include_in_schema=False)


@v1.get("/me")
async def read_me(buyer: SignedInBuyer) -> BuyerView:
    return BuyerView.of(buyer)


@v1.post("/login/tickets", status_code=201)
async def create_ticket(here: ThisVisit, doors: Here, cookies: Jar, response: Response) -> TicketView:
    """A code for this browser to show, to be scanned with WeChat and confirmed within two minutes."""
    begun = await begin_login(doors.pool, doors.wechat, here, allowance=doors.sign_ins, now=doors.clock())
    cookies.keep_login(response, begun.secret)
    return _ticket_view(begun.ticket, doors)


@v1.get("/login/tickets/{ticket_id}")
async def read_ticket(ticket_id: TicketId, request: Request, doors: Here, cookies: Jar) -> TicketView:
    """Only the browser that asked for it finds it. Ask once a second."""
    require_calm(doors.pace.count(ticket_id, now=doors.clock()), at_most=POLLS_OF_TICKET)
    secret = cookies.login(request)
    if secret is None:
        raise NotFound
    return _ticket_view(await look_at_ticket(doors.pool, ticket_id, secret=secret), doors)


@v1.post("/sessions", status_code=201)
async def create_session(
    body: SessionBody, here: ThisVisit, request: Request, response: Response, doors: Here, cookies: Jar
) -> BuyerView:
    """Redeem a confirmed ticket, once. What a guest bought in this browser goes along."""
    secret = cookies.login(request)
    if secret is None:
        raise NotFound
    session = await redeem(doors.pool, doors.messages, body.ticket_id, here, secret=secret, now=doors.clock())
    cookies.keep_session(response, session)
    cookies.forget_login(response)
    return BuyerView.of(session.buyer)


@v1.post("/sessions/guest", status_code=201)
async def create_guest(
    buyer: Visitor, here: ThisVisit, response: Response, doors: Here, cookies: Jar
) -> BuyerView:
    """Buy without WeChat, in this browser alone. Who is signed in already stays who they are."""
    if not doors.guests:
        raise GuestsNotWelcome
    if buyer is not None:
        return BuyerView.of(buyer)
    session = await enter_as_guest(doors.pool, here, allowance=doors.sign_ins, now=doors.clock())
    cookies.keep_session(response, session)
    return BuyerView.of(session.buyer)


@v1.get("/sessions")
async def list_sessions(buyer: SignedInBuyer, here: ThisVisit, doors: Here) -> SessionList:
    """Where this buyer is signed in."""
    found = await sessions_of(doors.pool, buyer, secret=here.session or "", now=doors.clock())
    return SessionList(items=[SessionView.of(one) for one in found])


@v1.delete("/sessions", status_code=204)
async def end_sessions(buyer: SignedInBuyer, response: Response, doors: Here, cookies: Jar) -> None:
    """Sign out everywhere, here too."""
    await sign_out_everywhere(doors.pool, buyer)
    cookies.forget_session(response)


@v1.delete("/sessions/current", status_code=204)
async def end_session(request: Request, response: Response, doors: Here, cookies: Jar) -> None:
    if secret := cookies.session(request):
        await sign_out(doors.pool, secret)
    cookies.forget_session(response)


@phone.get("/{ticket_id}/{proof}", response_class=HTMLResponse)
async def ask_phone(ticket_id: TicketId, proof: Proof, doors: Here) -> Response:
    """Looking confirms nothing: WeChat itself opens links, to see where they lead."""
    try:
        ticket = await look_at_scanned(doors.pool, doors.links, ticket_id, proof=proof)
    except NotFound:
        return too_late_page()
    return confirm_page(ticket, now=doors.clock())


@phone.post("/{ticket_id}/{proof}", response_class=HTMLResponse)
async def confirm_on_phone(ticket_id: TicketId, proof: Proof, doors: Here) -> Response:
    try:
        await confirm(doors.pool, doors.links, ticket_id, proof=proof, now=doors.clock())
    except Refusal:
        return too_late_page()
    return confirmed_page()


def _ticket_view(ticket: LoginTicket, doors: Doors) -> TicketView:
    now = doors.clock()
    return TicketView(
        id=ticket.id,
        status=ticket.status(now=now),
        qr_svg=qr_svg(ticket.url),
        expires_at=ticket.expires_at,
        server_time=now,
        scan_url=ticket.url if doors.demo else None,
    )
