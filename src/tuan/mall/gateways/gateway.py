"""A gateway is where a buyer's money is taken and given back. Each file beside this one is a real one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tuan.kernel.errors import Refusal
from tuan.mall.notify import Notice
from tuan.mall.payment import Payment, Receipt, Refund


class GatewayRefusal(Refusal):
    """The gateway understood us, and refused."""

    code = "gateway_refused"
    status = 502

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"{self.__doc__} ({reason})")
        self.reason = reason  # In the gateway's own word.


class UntrustedAnswer(Refusal):
    """An answer came that the gateway did not sign."""

    code = "untrusted_answer"
    status = 502


class TradeStatus(StrEnum):
    ABSENT = "absent"  # Nobody has come to the cashier yet.
    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """A payment as the gateway has it."""

    status: TradeStatus
    receipt: Receipt | None = None  # When it is paid.


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentForm:
    """What the buyer's browser takes to the cashier."""

    action: str
    fields: dict[str, str]
    origins: tuple[str, ...]  # Where posting it may lead.


class Gateway(Protocol):
    """Calls raise Unreachable when no answer comes, GatewayRefusal and UntrustedAnswer for a bad one."""

    @property
    def name(self) -> str: ...

    def form(self, payment: Payment, *, subject: str, mobile: bool, now: datetime) -> PaymentForm: ...

    async def query(self, payment_number: str, *, now: datetime) -> Trade: ...

    async def close(self, payment_number: str, *, now: datetime) -> None:
        """After this nobody can pay. A trade that does not exist, or is closed, is closed."""
        ...

    async def refund(self, refund: Refund, *, now: datetime) -> bool:
        """True once the money has gone back; False while the gateway has only accepted. Safe to repeat."""
        ...

    def read_notify(self, raw: bytes) -> Notice:
        """Raises UntrustedNotify."""
        ...

    def read_return(self, query: bytes) -> str:
        """The number of the payment the buyer comes back from. Raises UntrustedNotify."""
        ...
