"""A gateway is where a buyer's money is taken and given back. Each file beside this one is a real one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from tuan.kernel.errors import Refusal
from tuan.mall.bill import BillLine
from tuan.mall.notify import Notice, RawNotify
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


class NoBillYet(Refusal):
    """The gateway has no bill of this day, or not yet."""

    code = "no_bill_yet"
    status = 503
    retry_after_seconds = 1800


class UnreadableBill(Refusal):
    """What came is no bill of this day, or not all of it; none of it was used."""

    code = "unreadable_bill"
    status = 502

    def __init__(self, why: str) -> None:
        super().__init__(f"{self.__doc__} ({why})")
        self.why = why


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


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentCode:
    """What the buyer's phone scans."""

    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """What a gateway hears when it has told us something."""

    status: int
    body: bytes
    media_type: str


class Gateway(Protocol):
    """Calls raise Unreachable when no answer comes, GatewayRefusal and UntrustedAnswer for a bad one."""

    @property
    def name(self) -> str: ...

    @property
    def fee_bp(self) -> int:
        """What it keeps of a payment for its service, by contract, in basis points."""
        ...

    @property
    def title(self) -> str:
        """What buyers call it."""
        ...

    @property
    def notify_headers(self) -> tuple[str, ...]:
        """The headers of a notify that its signature rests on."""
        ...

    async def open(
        self, payment: Payment, *, subject: str, mobile: bool, now: datetime
    ) -> PaymentForm | PaymentCode:
        """How the buyer gets to pay. Safe to repeat until it is paid or closed."""
        ...

    async def query(self, payment_number: str, *, now: datetime) -> Trade: ...

    async def close(self, payment_number: str, *, now: datetime) -> None:
        """After this nobody can pay. A trade that does not exist, or is closed, is closed."""
        ...

    async def refund(self, refund: Refund, *, now: datetime) -> bool:
        """True once the money has gone back; False while the gateway has only accepted. Safe to repeat."""
        ...

    async def bill(self, day: date, *, now: datetime) -> Sequence[BillLine]:
        """Everything that moved in one day of Beijing. Raises NoBillYet, UnreadableBill."""
        ...

    async def read_notify(self, notify: RawNotify, *, now: datetime) -> Notice:
        """As of when it came, which may be long ago. Raises UntrustedNotify."""
        ...

    def acknowledge(self, *, accepted: bool) -> Acknowledgement: ...

    def read_return(self, query: bytes) -> str:
        """The number of the payment the buyer comes back from. Raises UntrustedNotify."""
        ...
