"""What a front end written for the original is answered: its field names, its states, its payment form."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from tuan.kernel.original import Shape, envelope, millis, yuan
from tuan.mall.compat_code import Code
from tuan.mall.gateways.gateway import PaymentForm
from tuan.mall.order import Order, OrderKind, OrderStatus
from tuan.mall.page import PAGES

STATES: Final = {
    OrderStatus.CREATED: "CREATE",
    OrderStatus.AWAITING_PAYMENT: "PAY_WAIT",
    OrderStatus.PAID: "PAY_SUCCESS",
    OrderStatus.READY: "MARKET",
    OrderStatus.FULFILLED: "DEAL_DONE",
    OrderStatus.CLOSED: "CLOSE",
    OrderStatus.REFUNDING: "WAIT_REFUND",
    OrderStatus.REFUNDED: "CLOSE",
}
MARKET_TYPES: Final = {OrderKind.ALONE: 0, OrderKind.GROUP: 1}


def answer(data: object, code: Code = Code.SUCCESS) -> Response:
    response = envelope(code.number, code.info, data)
    response.headers["cache-control"] = "no-store"
    return response


def form_html(form: PaymentForm) -> str:
    """For a page to write into itself. Written while the page loads it posts itself; later, the page does."""
    return PAGES.get_template("original_form.html").render(form=form)


def order_page_shape(items: Sequence[Shape], *, has_more: bool) -> Shape:
    return {"orderList": items, "hasMore": has_more, "lastId": items[-1]["id"] if items else None}


def order_shape(order: Order, *, place: int, user_id: str, pay_url: str | None) -> Shape:
    return {
        "id": place,
        "userId": user_id,
        "productId": order.product_id,
        "productName": order.product_title,
        "orderId": order.number,
        "orderTime": millis(order.created_at),
        "totalAmount": yuan(order.list_fen),
        "status": _state(order),
        "payUrl": pay_url,
        "marketType": MARKET_TYPES[order.kind],
        "marketDeductionAmount": yuan(order.discount_fen),
        "payAmount": yuan(order.payable_fen),
        "payTime": order.paid_at and millis(order.paid_at),
    }


def _state(order: Order) -> str:
    """Who has asked for their money waits for it, though the seat is still on its way back."""
    if order.status is OrderStatus.PAID and order.refund_asked_at is not None:
        return STATES[OrderStatus.REFUNDING]
    return STATES[order.status]
