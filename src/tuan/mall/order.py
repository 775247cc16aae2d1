"""An order is one buyer's promise to buy one product, and where that promise stands.

created ──▶ awaiting_payment ──▶ paid ──▶ ready ──▶ fulfilled
created | awaiting_payment ──▶ closed
paid | ready | fulfilled | closed ──▶ refunding ──▶ refunded

A closed order is refunded when money reaches it after all.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tuan.kernel.errors import Refusal


class OrderStatus(StrEnum):
    CREATED = "created"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    READY = "ready"
    FULFILLED = "fulfilled"
    CLOSED = "closed"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class OrderKind(StrEnum):
    GROUP = "group"
    ALONE = "alone"


BEFORE: Final = {
    OrderStatus.AWAITING_PAYMENT: {OrderStatus.CREATED},
    OrderStatus.PAID: {OrderStatus.AWAITING_PAYMENT},
    OrderStatus.READY: {OrderStatus.PAID},
    OrderStatus.FULFILLED: {OrderStatus.READY},
    OrderStatus.CLOSED: {OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT},
    OrderStatus.REFUNDING: {
        OrderStatus.PAID,
        OrderStatus.READY,
        OrderStatus.FULFILLED,
        OrderStatus.CLOSED,
    },
    OrderStatus.REFUNDED: {OrderStatus.REFUNDING},
}


class OrderMovedOn(Refusal):
    """This order is no longer where that could be done."""

    code = "order_moved_on"


class OrderCancelled(Refusal):
    """You have cancelled this order."""

    code = "order_cancelled"


class OrderAbandoned(Refusal):
    """This order was not completed in time; order again."""

    code = "order_abandoned"


class AlreadyPaid(Refusal):
    """This order has been paid for; it can only be refunded."""

    code = "already_paid"


class RefundNeedsOperator(Refusal):
    """This order is beyond what a buyer can take back alone; ask the shop."""

    code = "refund_needs_operator"


class PriceChanged(Refusal):
    """The price of this product has just changed; look again before you buy."""

    code = "price_changed"


class IdempotencyKeyReused(Refusal):
    """This idempotency key already placed a different order."""

    code = "idempotency_key_reused"


class OrderRefused(Refusal):
    """This order was refused, for the reason its code names."""

    def __init__(self, *, code: str, status: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code  # type: ignore[misc]  # Each speaks for another: its words are its own.
        self.status = status  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What a product costs this buyer now, in fen. Raises PriceChanged unless its parts add up."""

    list_fen: int
    discount_fen: int
    payable_fen: int

    def __post_init__(self) -> None:
        adds_up = self.list_fen == self.discount_fen + self.payable_fen
        if not adds_up or self.discount_fen < 0 or self.payable_fen < 1:
            raise PriceChanged


@dataclass(kw_only=True, slots=True)
class Order:
    number: str  # Also the market's out_trade_no.
    buyer_id: str
    idempotency_key: str
    request_fingerprint: bytes
    kind: OrderKind
    product_id: str
    product_title: str
    product_picture: str
    campaign_id: str | None
    team_id: str | None  # The team asked for, until the market has answered; then the team given.
    list_fen: int
    discount_fen: int
    payable_fen: int
    created_at: datetime
    status: OrderStatus = OrderStatus.CREATED
    hold_until: datetime | None = None  # The market keeps the seat until then.
    paid_at: datetime | None = None
    settled_at: datetime | None = None
    ready_at: datetime | None = None
    fulfilled_at: datetime | None = None
    closed_at: datetime | None = None
    refund_asked_at: datetime | None = None
    refund_reason: str | None = field(default=None, repr=False)
    refunding_at: datetime | None = None
    refunded_at: datetime | None = None
    refusal_code: str | None = None
    refusal_status: int | None = None
    refusal_detail: str | None = field(default=None, repr=False)

    @property
    def is_cancellable(self) -> bool:
        return self.status in (OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT)

    @property
    def is_refundable(self) -> bool:
        """By the buyer alone, as long as the team forms."""
        waits = self.status is OrderStatus.PAID and self.kind is OrderKind.GROUP
        return waits and self.refund_asked_at is None

    @property
    def may_be_shipped(self) -> bool:
        return self.status is OrderStatus.PAID and self.refund_asked_at is None

    def await_payment(self, price: Price, *, team_id: str | None, hold_until: datetime | None) -> None:
        """Raises PriceChanged when the list price is not the one the buyer was shown."""
        self._require(OrderStatus.AWAITING_PAYMENT)
        if price.list_fen != self.list_fen:
            raise PriceChanged

        self.status = OrderStatus.AWAITING_PAYMENT
        self.discount_fen = price.discount_fen
        self.payable_fen = price.payable_fen
        self.team_id = team_id
        self.hold_until = hold_until

    def pay(self, *, paid_at: datetime) -> None:
        self._require(OrderStatus.PAID)
        self.status = OrderStatus.PAID
        self.paid_at = paid_at

    def make_ready(self, *, now: datetime) -> None:
        self._require(OrderStatus.READY)
        self.status = OrderStatus.READY
        self.ready_at = now

    def fulfil(self, *, now: datetime) -> None:
        self._require(OrderStatus.FULFILLED)
        self.status = OrderStatus.FULFILLED
        self.fulfilled_at = now

    def close(self, *, now: datetime) -> None:
        self._require(OrderStatus.CLOSED)
        self.status = OrderStatus.CLOSED
        self.closed_at = now

    def refuse(self, refusal: Refusal, *, now: datetime) -> None:
        """Closed before it began; who asks again under the same key hears the same."""
        self.close(now=now)
        self.refusal_code = refusal.code
        self.refusal_status = refusal.status
        self.refusal_detail = str(refusal)

    def ask_refund(self, *, reason: str, now: datetime) -> None:
        """From here on it is not shipped. Raises OrderMovedOn unless it was paid for, RefundNeedsOperator."""
        if self.paid_at is None:
            raise OrderMovedOn
        if not self.is_refundable:
            raise RefundNeedsOperator
        self.refund_asked_at = now
        self.refund_reason = reason

    def begin_refund(self, *, now: datetime) -> None:
        self._require(OrderStatus.REFUNDING)
        self.status = OrderStatus.REFUNDING
        self.refunding_at = now

    def end_refund(self, *, now: datetime) -> None:
        self._require(OrderStatus.REFUNDED)
        self.status = OrderStatus.REFUNDED
        self.refunded_at = now

    def answer(self, request_fingerprint: bytes) -> "Order":
        """What a repeated press gets: this order, or its refusal.

        Raises IdempotencyKeyReused when the key was for something else, OrderRefused when this was refused.
        """
        if request_fingerprint != self.request_fingerprint:
            raise IdempotencyKeyReused
        if self.refusal_code is not None:
            raise OrderRefused(
                code=self.refusal_code, status=self.refusal_status or 409, detail=self.refusal_detail or ""
            )
        return self

    def _require(self, to: OrderStatus) -> None:
        if self.status not in BEFORE[to]:
            raise OrderMovedOn
