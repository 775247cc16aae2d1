"""The pages between our shop and a cashier: a form that posts itself, or a code to scan."""

import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from tuan.kernel.errors import Unreachable
from tuan.kernel.money import yuan_text
from tuan.kernel.web import Id
from tuan.mall.attempt import payment_to_make, switch_gateway, way_to_pay
from tuan.mall.doors import Doors
from tuan.mall.gateways.gateway import GatewayRefusal, PaymentCode, PaymentForm, UntrustedAnswer
from tuan.mall.order import Order
from tuan.mall.own_orders import own_order
from tuan.mall.page import page
from tuan.mall.payment import HoldEnded, Payment
from tuan.mall.qr import qr_svg
from tuan.mall.visitor import Here, SignedInBuyer

MOBILE = re.compile(r"Android|iPhone|iPad|Mobile|HarmonyOS", re.IGNORECASE)
NOT_NOW = (Unreachable, GatewayRefusal, UntrustedAnswer, HoldEnded)
router = APIRouter(prefix="/orders/{number}/pay")
log = structlog.get_logger()


@router.get(
    "",
    response_class=HTMLResponse,
    responses={303: {"description": "There is nothing to pay: back to the order."}},
)
async def hand_over(
    number: Annotated[Id, Path()], request: Request, doors: Here, buyer: SignedInBuyer
) -> Response:
    """A page that takes the buyer to the cashier, or shows the code to scan."""
    order = await own_order(doors.pool, number, buyer_id=buyer.id)
    order_url, now = f"{doors.shop_url}/orders/{order.number}", doors.clock()
    payment = await payment_to_make(doors.pool, order.number, pay_within=doors.pay_within, now=now)
    if payment is None:
        return RedirectResponse(order_url, 303)
    if now >= payment.expires_at:
        return page("expired.html", 410, order_url=order_url)

    mobile = bool(MOBILE.search(request.headers.get("user-agent", "")))
    try:
        way = await way_to_pay(
            doors.pool,
            doors.jobs,
            doors.gateways,
            payment,
            subject=order.product_title,
            mobile=mobile,
            now=now,
        )
    except NOT_NOW as refusal:
        log.warning("cashier_not_opened", payment=payment.number, why=str(refusal))
        return page("not_now.html", 503, order_url=order_url, pay_url=None)
    if way is None:
        return RedirectResponse(order_url, 303)
    return _way_page(doors, order, payment, way, order_url=order_url, now=now)


@router.post("", status_code=303, response_class=RedirectResponse)
async def choose_gateway(
    number: Annotated[Id, Path()], gateway: Annotated[Id, Form()], doors: Here, buyer: SignedInBuyer
) -> Response:
    """The same, through this gateway: what is open at another one is closed there first."""
    order = await own_order(doors.pool, number, buyer_id=buyer.id)
    chosen = doors.gateways.chosen(gateway)
    pay_url = f"{urlsplit(doors.public_url).path}/v1/orders/{order.number}/pay"
    try:
        await switch_gateway(
            doors.pool,
            doors.jobs,
            doors.gateways,
            order.number,
            gateway=chosen.name,
            pay_within=doors.pay_within,
            now=doors.clock(),
        )
    except NOT_NOW as refusal:
        log.warning("gateway_not_switched", order=order.number, why=str(refusal))
        order_url = f"{doors.shop_url}/orders/{order.number}"
        return page("not_now.html", 503, order_url=order_url, pay_url=pay_url)
    return RedirectResponse(pay_url, 303)


def _way_page(
    doors: Doors,
    order: Order,
    payment: Payment,
    way: PaymentForm | PaymentCode,
    *,
    order_url: str,
    now: datetime,
) -> Response:
    shown: dict[str, Any] = {
        "title": order.product_title,
        "payable": yuan_text(payment.amount_fen),
        "gateway": doors.gateways[payment.gateway].title,
        "order_url": order_url,
    }
    match way:
        case PaymentForm():
            return page("hand_over.html", 200, form_actions=way.origins, form=way, **shown)
        case PaymentCode():
            return page(
                "scan.html",
                200,
                qr=qr_svg(way.url),
                scan_url=way.url if doors.demo else None,
                seconds_left=int((payment.expires_at - now).total_seconds()),
                state_url=f"{urlsplit(doors.public_url).path}/v1/orders/{order.number}",
                **shown,
            )
