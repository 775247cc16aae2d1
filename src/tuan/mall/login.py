"""A buyer signs in: the browser shows a code, the phone scans it, the browser redeems it."""

from dataclasses import dataclass
from datetime import datetime

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.ids import fingerprint, new_code, new_id, new_secret
from tuan.mall import store_login
from tuan.mall.buyer import SESSION_LASTS, TICKET_LASTS, Buyer, LoginTicket, TicketStatus, nickname_of
from tuan.mall.wechat import WeChat
from tuan.mall.wechat_push import Scan


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    ticket: LoginTicket
    secret: str  # For the browser's cookie, and nowhere else.


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedIn:
    buyer: Buyer
    secret: str  # For the browser's cookie, and nowhere else.


async def begin_login(pool: Pool, wechat: WeChat, *, now: datetime) -> Begun:
    """Raises Unreachable when WeChat gives us no code."""
    ticket_id, secret = f"L{new_code(32)}", new_secret()
    qr = await wechat.create_qr(ticket_id, lasts=TICKET_LASTS, now=now)
    ticket = LoginTicket(
        id=ticket_id,
        browser=fingerprint(secret),
        url=qr.url,
        created_at=now,
        expires_at=now + TICKET_LASTS,
    )
    async with transaction(pool) as connection:
        await store_login.add_ticket(connection, ticket)
    return Begun(ticket=ticket, secret=secret)


async def look_at_ticket(pool: Pool, ticket_id: str, *, secret: str) -> LoginTicket:
    """Raises NotFound for a ticket that does not exist, and alike for another browser's."""
    async with transaction(pool) as connection:
        ticket = await store_login.ticket_of(connection, ticket_id, browser=fingerprint(secret))
    if ticket is None:
        raise NotFound
    return ticket


async def take_scan(pool: Pool, scan: Scan, *, now: datetime) -> None:
    """The first phone decides whose ticket it is. Later scans change nothing."""
    async with transaction(pool) as connection:
        is_new = await store_login.is_new_event(
            connection, openid=scan.openid, created_second=scan.created_second, now=now
        )
        ticket = await store_login.hold_scanned_ticket(connection, scan.scene)
        if not is_new or ticket is None or ticket.status(now=now) is not TicketStatus.WAITING:
            return

        ticket.confirm(scan.openid, now=now)
        await store_login.save_ticket(connection, ticket)


async def redeem(pool: Pool, ticket_id: str, *, secret: str, now: datetime) -> SignedIn:
    """Raises TicketWaiting, TicketExpired, or NotFound for a ticket used before or of another browser."""
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

        session = new_secret()
        await store_login.add_session(
            connection,
            fingerprint=fingerprint(session),
            buyer_id=buyer.id,
            now=now,
            expires_at=now + SESSION_LASTS,
        )
    return SignedIn(buyer=buyer, secret=session)


async def who_is(pool: Pool, secret: str | None, *, now: datetime) -> Buyer | None:
    if not secret:
        return None
    async with transaction(pool) as connection:
        return await store_login.signed_in(connection, fingerprint=fingerprint(secret), now=now)


async def sign_out(pool: Pool, secret: str) -> None:
    async with transaction(pool) as connection:
        await store_login.end_session(connection, fingerprint=fingerprint(secret))
