"""The page between our shop and the gateway's cashier: it posts itself, or waits for a press."""

import re
import secrets
from datetime import datetime

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tuan.kernel.money import yuan_text
from tuan.mall.gateways.gateway import Gateway
from tuan.mall.order import Order, OrderStatus
from tuan.mall.payment import Payment

PAGES = Environment(loader=PackageLoader("tuan.mall", "pages"), autoescape=True)
MOBILE = re.compile(r"Android|iPhone|iPad|Mobile|HarmonyOS", re.IGNORECASE)


def hand_over_page(
    order: Order,
    payment: Payment | None,
    *,
    gateway: Gateway,
    shop_url: str,
    user_agent: str,
    now: datetime,
) -> Response:
    order_url = f"{shop_url}/orders/{order.number}"
    if payment is None or order.status is not OrderStatus.AWAITING_PAYMENT:
        return RedirectResponse(order_url, 303)
    if now >= payment.expires_at:
        return _page("expired.html", 410, form_actions=("'none'",), order_url=order_url)

    form = gateway.form(payment, subject=order.product_title, mobile=bool(MOBILE.search(user_agent)), now=now)
    return _page(
        "hand_over.html",
        200,
        form_actions=form.origins,
        form=form,
        title=order.product_title,
        payable=yuan_text(order.payable_fen),
        order_url=order_url,
    )


def _page(name: str, status: int, *, form_actions: tuple[str, ...], **shown: object) -> Response:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}';"
        f" form-action {' '.join(form_actions)}; base-uri 'none'; frame-ancestors 'none'"
    )
    html = PAGES.get_template(name).render(nonce=nonce, **shown)
    return HTMLResponse(html, status, {"content-security-policy": policy, "cache-control": "no-store"})
