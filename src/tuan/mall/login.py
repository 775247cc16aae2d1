"""A buyer signs in: the browser shows a code, a phone scans it and confirms, the browser redeems it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.ids import fingerprint, new_code, new_id, new_secret
from tuan.mall import store_allowance, store_login
from tuan.mall.allowance import Allowance
from tuan.mall.buyer import (
    IDLE_FOR,
    SESSION_LASTS,
    TICKET_LASTS,
    Buyer,
    LoginTicket,
    Session,
    nickname_of,
)
from tuan.mall.message import Messages
from tuan.mall.sign_in_link import SignInLinks
from tuan.mall.wechat import QrCode, WeChat
from tuan.mall.wechat_push import Scan


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """One browser, as it comes to sign in."""

    device: str
    address: str
    session: str | None  # The secret of the session it has had until now.


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    ticket: LoginTicket
    qr: QrCode
    secret: str  # For the browser's cookie, and nowhere else.


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedIn:
    buyer: Buyer
    secret: str  # For the browser's cookie, and nowhere else.
    lasts: timedelta


async def begin_login(
    pool: Pool,
    wechat: WeChat,
    visit: Visit,
    *,
    allowance: Allowance,
    now: datetime,
    known_by: Callable[[QrCode], str] = lambda _: new_secret(),
    scan_confirms: bool = False,
) -> Begun:
    """`known_by` says by what secret the browser will be known.

    Raises TooOften, and Unreachable when WeChat gives us no code.
    """
    async with transaction(pool) as connection:
        await store_allowance.take(connection, allowance, who=visit.address, now=now)
    ticket_id = f"L{new_code(32)}"
    qr = await wechat.create_qr(ticket_id, lasts=TICKET_LASTS, now=now)
    secret = known_by(qr)
    ticket = LoginTicket(
        id=ticket_id,
        browser=fingerprint(secret),
        url=qr.url,
        device=visit.device,
        address=visit.address,
        scan_confirms=scan_confirms,
        created_at=now,
        expires_at=now + TICKET_LASTS,
    )
    async with transaction(pool) as connection:
        await store_login.add_ticket(connection, ticket)
    return Begun(ticket=ticket, qr=qr, secret=secret)


async def look_at_ticket(pool: Pool, ticket_id: str, *, secret: str) -> LoginTicket:
    """Raises NotFound for a ticket that does not exist, and alike for another browser's."""
    async with transaction(pool) as connection:
        ticket = await store_login.ticket_of(connection, ticket_id, browser=fingerprint(secret))
    if ticket is None:
        raise NotFound
    return ticket


async def take_scan(pool: Pool, scan: Scan, *, now: datetime) -> LoginTicket | None:
    """The ticket, if this phone was the first to scan it.

    An event told again, or once more by somebody who recorded it, scans nothing: it is only answered again.
    """
    async with transaction(pool) as connection:
        is_new = await store_login.is_new_event(
            connection, openid=scan.openid, created_second=scan.created_second, now=now
        )
        ticket = await store_login.hold_scanned_ticket(connection, scan.scene)
        if ticket is None or not (is_new or ticket.openid == scan.openid):
            return None

        ticket.scan(scan.openid, now=now)
        await store_login.save_ticket(connection, ticket)
    return ticket if ticket.openid == scan.openid else None


async def look_at_scanned(pool: Pool, links: SignInLinks, ticket_id: str, *, proof: str) -> LoginTicket:
    """Raises NotFound for anybody but the phone that scanned."""
    async with transaction(pool) as connection:
        ticket = await store_login.hold_scanned_ticket(connection, ticket_id)
    if ticket is None:
        raise NotFound
    links.require(ticket, proof)
    return ticket


async def confirm(
    pool: Pool, links: SignInLinks, ticket_id: str, *, proof: str, now: datetime
) -> LoginTicket:
    """By the phone that scanned. Confirming again changes nothing. Raises NotFound, TicketExpired."""
    async with transaction(pool) as connection:
        ticket = await store_login.hold_scanned_ticket(connection, ticket_id)
        if ticket is None:
            raise NotFound
        links.require(ticket, proof)

        ticket.confirm(now=now)
        await store_login.save_ticket(connection, ticket)
    return ticket


async def redeem(
    pool: Pool, messages: Messages, ticket_id: str, visit: Visit, *, secret: str, now: datetime
) -> SignedIn:
    """A new session in place of the one this browser had. What a guest bought in it goes along.

    Raises TicketWaiting, TicketExpired, or NotFound for a ticket used before or of another browser.
    """
    async with transaction(pool) as connection:
        ticket = await store_login.hold_ticket(connection, ticket_id, browser=fingerprint(secret))
        if ticket is None:
            raise NotFound

        openid = ticket.redeem(now=now)
        await store_login.save_ticket(connection, ticket)
        buyer_id = new_id()
        buyer = await store_login.welcome(
            connection, openid=openid, id=buyer_id, nickname=nickname_of(buyer_id), now=now
        )

        if visit.session is not None:
            last = fingerprint(visit.session)
            await store_login.let_guest_become(connection, fingerprint=last, buyer_id=buyer.id, now=now)
            await store_login.end_session(connection, fingerprint=last)
        session = new_secret()
        await store_login.add_session(
            connection,
            fingerprint=fingerprint(session),
            buyer_id=buyer.id,
            device=visit.device,
            idle_for=IDLE_FOR,
            now=now,
            expires_at=now + SESSION_LASTS,
        )
        await messages.owe_signed_in(connection, buyer, now=now)
    return SignedIn(buyer=buyer, secret=session, lasts=SESSION_LASTS)


async def redeem_by_secret(
    pool: Pool, messages: Messages, visit: Visit, *, secret: str, now: datetime
) -> SignedIn:
    """For a browser that knows its ticket by the secret alone. Raises what `redeem` does."""
    async with transaction(pool) as connection:
        ticket_id = await store_login.ticket_id_of(connection, browser=fingerprint(secret))
    if ticket_id is None:
        raise NotFound
    return await redeem(pool, messages, ticket_id, visit, secret=secret, now=now)


async def who_is(pool: Pool, secret: str | None, *, now: datetime) -> Buyer | None:
    if not secret:
        return None
    async with transaction(pool) as connection:
        return await store_login.signed_in(connection, fingerprint=fingerprint(secret), now=now)


async def sessions_of(pool: Pool, buyer: Buyer, *, secret: str, now: datetime) -> list[Session]:
    """The one that was used last comes first."""
    async with transaction(pool) as connection:
        return await store_login.sessions(connection, buyer_id=buyer.id, current=fingerprint(secret), now=now)


async def sign_out(pool: Pool, secret: str) -> None:
    async with transaction(pool) as connection:
        await store_login.end_session(connection, fingerprint=fingerprint(secret))


async def sign_out_everywhere(pool: Pool, buyer: Buyer) -> None:
    async with transaction(pool) as connection:
        await store_login.end_sessions(connection, buyer_id=buyer.id)
