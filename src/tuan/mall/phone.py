"""What a phone that scanned a code is asked: a browser wants to sign in as you, and is it yours?"""

from datetime import datetime
from typing import Final

from starlette.responses import Response

from tuan.kernel.clock import beijing_text
from tuan.mall.buyer import LoginTicket, TicketStatus
from tuan.mall.page import page

SIGNED_IN: Final = "登录成功"


def words_for(ticket: LoginTicket, link: str, *, now: datetime) -> str | None:
    """What whoever scanned it reads in WeChat; nothing, if they are not asked any more."""
    if ticket.scan_confirms:
        return SIGNED_IN
    return _question(ticket, link) if ticket.status(now=now) is TicketStatus.SCANNED else None


def _question(ticket: LoginTicket, link: str) -> str:
    """WeChat shows a link in a text as one. Our words only: nothing here was written by that browser."""
    return (
        f"有设备请求登录你的账号：\n{ticket.device}\n网络地址 {ticket.address}\n"
        f"{beijing_text(ticket.created_at)} 发起\n\n"
        f'<a href="{link}">是我本人，去确认登录</a>\n\n不是你在操作？不要点，对方登录不了。'
    )


def confirm_page(ticket: LoginTicket, *, now: datetime) -> Response:
    match ticket.status(now=now):
        case TicketStatus.SCANNED:
            return page(
                "confirm.html",
                200,
                form_actions=("'self'",),
                device=ticket.device,
                address=ticket.address,
                asked_at=beijing_text(ticket.created_at),
            )
        case TicketStatus.CONFIRMED | TicketStatus.USED:
            return confirmed_page()
    return too_late_page()


def confirmed_page() -> Response:
    return page("confirmed.html", 200, title="已确认登录", advice="请回到刚才的网页继续。")


def too_late_page() -> Response:
    """For a link that is no longer valid, and alike for one that never was."""
    return page(
        "confirmed.html",
        410,
        title="这个登录请求已失效",
        advice="请回到网页，重新扫描二维码。",
    )
