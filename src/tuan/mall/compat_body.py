"""What a front end written for the original sends, and the market on its path for what has formed."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from tuan.kernel.original import OriginalBody
from tuan.kernel.web import Id
from tuan.mall.order import OrderKind

KINDS: Final = {0: OrderKind.ALONE, 1: OrderKind.GROUP}
PAGE_MAX: Final = 50

# Blank and absent are the same; so is what a page writes that knows no team.
IdOrBlank = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^([A-Za-z0-9_.:*|-]{1,64})?$")]


def _default_if_null(default: int) -> BeforeValidator:
    return BeforeValidator(lambda sent: default if sent is None else sent)


class PayOrderBody(OriginalBody):
    user_id: Id
    product_id: Id
    team_id: IdOrBlank | None = None
    activity_id: IdOrBlank | None = None
    market_type: Annotated[Literal[0, 1], _default_if_null(0)] = 0

    @property
    def kind(self) -> OrderKind:
        return KINDS[self.market_type]


class OrderListBody(OriginalBody):
    user_id: Id
    last_id: Annotated[int, Field(ge=0, lt=2**63), _default_if_null(0)] = 0
    page_size: Annotated[int, Field(ge=1, le=PAGE_MAX), _default_if_null(10)] = 10


class RefundOrderBody(OriginalBody):
    user_id: Id
    order_id: Id


class FormedBody(OriginalBody):
    team_id: Id
    out_trade_no_list: Annotated[list[Id], Field(min_length=1)]
