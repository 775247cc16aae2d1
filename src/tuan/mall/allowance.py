"""How often one buyer, or one address, may do what costs somebody else something.

What is written is counted by the database, once for all backends; what is read, by each process for itself.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from tuan.kernel.errors import Refusal

# In one second, of one process.
LOOKS_BY_BUYER = 20
LOOKS_FROM_ADDRESS = 60
POLLS_OF_TICKET = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """So many times at once; what was used comes back evenly."""

    name: str
    times: int
    within: timedelta

    @property
    def step(self) -> timedelta:
        """How long it takes until it may be done once more."""
        return self.within // self.times


ORDERS = Allowance(name="order", times=10, within=timedelta(minutes=1))  # By one buyer.
WAYS_OUT = Allowance(name="way_out", times=10, within=timedelta(hours=1))  # Of one buyer's orders.
FORGERIES = Allowance(name="forgery", times=10, within=timedelta(minutes=1))  # From one address.


class TooOften(Refusal):
    """This was asked for too often; try again later."""

    code = "too_many_requests"
    status = 429

    def __init__(self, *, wait: timedelta) -> None:
        super().__init__()
        self.retry_after_seconds = ceil(wait / timedelta(seconds=1))  # type: ignore[misc]  # Each its own.


def require_calm(times: int, *, at_most: int) -> None:
    """Of what was asked within one second. Raises TooOften."""
    if times > at_most:
        raise TooOften(wait=timedelta(seconds=1))
