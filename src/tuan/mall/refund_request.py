"""A large refund takes two operators: one asks for it, another agrees.

waiting ──▶ approved, refused     by another operator than the one who asked
waiting ──▶ expired               nobody decided in time
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tuan.kernel.errors import Refusal
from tuan.mall.operator import Deed
from tuan.mall.order import Order

REQUEST_LASTS = timedelta(days=3)


class RequestStatus(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class SecondOperatorNeeded(Refusal):
    """You asked for this refund; another operator has to decide."""

    code = "second_operator_needed"
    status = 403


class RequestDecided(Refusal):
    """This refund has been decided otherwise."""

    code = "refund_request_decided"


class RequestExpired(Refusal):
    """Nobody decided about this refund in time; ask for it again."""

    code = "refund_request_expired"


@dataclass(kw_only=True, slots=True)
class RefundRequest:
    id: str
    order_number: str
    amount_fen: int
    reason: str
    asked_by: str
    asked_by_name: str
    asked_at: datetime
    expires_at: datetime
    status: RequestStatus = RequestStatus.WAITING
    decided_by: str | None = None
    decided_by_name: str | None = None
    decided_at: datetime | None = None

    def status_at(self, now: datetime) -> RequestStatus:
        is_over = self.status is RequestStatus.WAITING and now >= self.expires_at
        return RequestStatus.EXPIRED if is_over else self.status

    def expire(self) -> None:
        self.status = RequestStatus.EXPIRED

    def is_news(self, verdict: RequestStatus, *, deed: Deed) -> bool:
        """False when that was decided before.

        Raises SecondOperatorNeeded, RequestDecided when it was decided otherwise, RequestExpired.
        """
        if deed.operator_id == self.asked_by:
            raise SecondOperatorNeeded
        match self.status_at(deed.at):
            case RequestStatus.WAITING:
                return True
            case RequestStatus.EXPIRED:
                raise RequestExpired
            case decided if decided is not verdict:
                raise RequestDecided
        return False

    def decide(self, verdict: RequestStatus, *, deed: Deed) -> None:
        self.status = verdict
        self.decided_by = deed.operator_id
        self.decided_by_name = deed.operator_name
        self.decided_at = deed.at


def new_request(order: Order, *, id: str, deed: Deed) -> RefundRequest:
    return RefundRequest(
        id=id,
        order_number=order.number,
        amount_fen=order.payable_fen,
        reason=deed.reason,
        asked_by=deed.operator_id,
        asked_by_name=deed.operator_name,
        asked_at=deed.at,
        expires_at=deed.at + REQUEST_LASTS,
    )
