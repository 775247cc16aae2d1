"""A page of the original orders, lists its buyer's orders and takes one back, by the flows everybody uses."""

from dataclasses import dataclass, replace
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from tuan.kernel.db import transaction
from tuan.kernel.errors import NotFound, Refusal
from tuan.kernel.original import read
from tuan.mall import store_order, store_payment
from tuan.mall.attempt import switch_gateway, way_to_pay
from tuan.mall.checkout import OrderRequest, PaymentTerms, place_order
from tuan.mall.close import cancel_order
from tuan.mall.compat_answer import answer, form_html, order_page_shape, order_shape
from tuan.mall.compat_body import OrderListBody, PayOrderBody, RefundOrderBody
from tuan.mall.compat_buyer import buyer_of
from tuan.mall.compat_code import Code
from tuan.mall.doors import Doors
from tuan.mall.gateways.gateway import PaymentForm
from tuan.mall.hand_over import MOBILE
from tuan.mall.order import AlreadyPaid, Order, OrderKind, OrderMovedOn, OrderStatus, RefundNeedsOperator
from tuan.mall.own_orders import order_on_its_way_out, own_order
from tuan.mall.payment import HoldEnded, Payment
from tuan.mall.take_back import ask_refund

ALIPAY: Final = "alipay"  # The original knows no other.
TEAM_DIGITS: Final = 8  # Of the numbers under which the market's original paths show its teams.
REASON: Final = "交易退单"
OVER: Final = frozenset({OrderStatus.CLOSED, OrderStatus.REFUNDED})

TAKEN_BACK: Final = "退单成功"
NOT_YOURS: Final = "退单失败，订单不存在、已关闭或不属于该用户"
SHOP_ONLY: Final = "退单失败，已成团或已发货的订单请联系商家"
BROKEN: Final = "退单失败，系统异常"
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Trade:
    doors: Doors

    async def create_pay_order(self, request: Request) -> Response:
        """Pressed again while the same thing waits for its payment, it is the same order."""
        body = await read(request, PayOrderBody)
        buyer = await buyer_of(request, self.doors, body.user_id)
        doors, now = self.doors, self.doors.clock()
        alipay = doors.gateways.chosen(ALIPAY).name
        terms = PaymentTerms(gateway=alipay, pay_within=doors.pay_within)
        wanted = await self._wanted(body, buyer_id=buyer.id)
        order = await place_order(doors.pool, doors.jobs, doors.market, wanted, terms=terms, now=now)

        payment = await switch_gateway(
            doors.pool,
            doors.jobs,
            doors.gateways,
            order.number,
            gateway=alipay,
            pay_within=doors.pay_within,
            now=now,
        )
        if payment is None or not (form := await self._form(order, payment, request)):
            raise HoldEnded
        return answer(form)

    async def query_user_order_list(self, request: Request) -> Response:
        body = await read(request, OrderListBody)
        buyer = await buyer_of(request, self.doors, body.user_id)
        async with transaction(self.doors.pool) as connection:
            found = await store_order.page_by_place(
                connection, buyer_id=buyer.id, after=body.last_id, limit=body.page_size + 1
            )
            shown = found[: body.page_size]
            payments = await store_payment.open_of(connection, [order.number for _, order in shown])

        items = []
        for place, order in shown:
            payment = payments.get(order.number)
            pay_url = await self._form(order, payment, request) if payment else None
            items.append(order_shape(order, place=place, user_id=body.user_id, pay_url=pay_url))
        return answer(order_page_shape(items, has_more=len(found) > len(shown)))

    async def refund_order(self, request: Request) -> Response:
        """The code says whether we could look into it; `success`, whether the order is taken back."""
        body = await read(request, RefundOrderBody)
        buyer = await buyer_of(request, self.doors, body.user_id)
        try:
            await self._take_back(body.order_id, buyer_id=buyer.id)
        except (NotFound, OrderMovedOn):
            return _refund_answer(body.order_id, success=False, message=NOT_YOURS)
        except RefundNeedsOperator:
            return _refund_answer(body.order_id, success=False, message=SHOP_ONLY)
        except Refusal as refusal:
            log.warning("original_refund_broken", order=body.order_id, why=refusal.code)
            return _refund_answer(body.order_id, success=False, message=BROKEN, code=Code.FAILED)
        return _refund_answer(body.order_id, success=True, message=TAKEN_BACK)

    async def _wanted(self, body: PayOrderBody, *, buyer_id: str) -> OrderRequest:
        group = body.kind is OrderKind.GROUP
        wanted = OrderRequest(
            buyer_id=buyer_id,
            idempotency_key="",
            product_id=body.product_id,
            kind=body.kind,
            campaign_id=(body.activity_id or None) if group else None,
            team_id=await self._team_id(body.team_id) if group and body.team_id else None,
        )
        async with transaction(self.doors.pool) as connection:
            ended = await store_order.count_ended(
                connection, buyer_id=buyer_id, request_fingerprint=wanted.fingerprint
            )
        return replace(wanted, idempotency_key=f"original-{wanted.fingerprint.hex()[:32]}-{ended}")

    async def _team_id(self, named: str) -> str:
        """A page of the original knows a team by the market's number. Raises what the market refuses."""
        if named.isdecimal() and len(named) == TEAM_DIGITS:
            return (await self.doors.market.team_of_number(named)).id
        return named

    async def _form(self, order: Order, payment: Payment, request: Request) -> str | None:
        """None once it is too late to pay, and for who has chosen in our shop to pay elsewhere."""
        doors, now = self.doors, self.doors.clock()
        if order.status is not OrderStatus.AWAITING_PAYMENT or now >= payment.expires_at:
            return None
        if payment.gateway != ALIPAY:
            return None
        mobile = bool(MOBILE.search(request.headers.get("user-agent", "")))
        way = await way_to_pay(
            doors.pool,
            doors.jobs,
            doors.gateways,
            payment,
            subject=order.product_title,
            mobile=mobile,
            now=now,
        )
        return form_html(way) if isinstance(way, PaymentForm) else None

    async def _take_back(self, number: str, *, buyer_id: str) -> None:
        """Unpaid, it is cancelled; paid, its money goes back. Raises OrderMovedOn when it was over before."""
        doors, now = self.doors, self.doors.clock()
        order = await order_on_its_way_out(doors.pool, number, buyer_id=buyer_id, now=now)
        if order.status in OVER:
            raise OrderMovedOn
        if order.is_cancellable:
            try:
                await cancel_order(
                    doors.pool, doors.jobs, doors.gateways, doors.market, order_number=number, now=now
                )
                return
            except AlreadyPaid:
                order = await own_order(doors.pool, number, buyer_id=buyer_id)
        await ask_refund(doors.pool, doors.jobs, doors.market, order, reason=REASON, now=now)


def _refund_answer(number: str, *, success: bool, message: str, code: Code = Code.SUCCESS) -> Response:
    return answer({"success": success, "message": message, "orderId": number}, code)
