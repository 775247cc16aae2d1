"""What happened to an order, in the order in which it did, as its buyer would tell it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tuan.mall.order import Order, OrderKind


class Step(StrEnum):
    ORDERED = "ordered"
    PAID = "paid"
    TEAM_FORMED = "team_formed"
    DELIVERED = "delivered"
    CLOSED = "closed"
    REFUND_ASKED = "refund_asked"
    REFUND_BEGUN = "refund_begun"
    REFUNDED = "refunded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    what: Step
    at: datetime


def timeline(order: Order) -> list[Happened]:
    moments = {
        Step.ORDERED: order.created_at,
        Step.PAID: order.paid_at,
        Step.TEAM_FORMED: order.ready_at if order.kind is OrderKind.GROUP else None,
        Step.DELIVERED: order.fulfilled_at,
        Step.CLOSED: order.closed_at,
        Step.REFUND_ASKED: order.refund_asked_at,
        Step.REFUND_BEGUN: order.refunding_at,
        Step.REFUNDED: order.refunded_at,
    }
    return [Happened(what=step, at=at) for step, at in moments.items() if at is not None]
