"""A word to a buyer's WeChat (模板消息): they signed in, or their team has formed. Nothing waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from tuan.kernel.clock import Clock, beijing_text
from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.ids import new_id
from tuan.kernel.jobs import Jobs
from tuan.kernel.money import yuan_text
from tuan.mall import store_login, store_order
from tuan.mall.buyer import Buyer
from tuan.mall.order import Order
from tuan.mall.wechat import Message, MessageRefused, WeChat

# A message is sent once within ten minutes of its first try, however often we ask. By then we have given up.
MESSAGE_LADDER = (2, 10, 60, 240)
THING_MAX = 20  # Characters in a field that is called thing.
log = structlog.get_logger()


class Occasion(StrEnum):
    SIGNED_IN = "signed_in"  # Its template has the fields thing1, the buyer's name, and time2.
    TEAM_FORMED = "team_formed"  # thing1, the product; time2; character_string3, the order; amount4.


@dataclass(frozen=True, kw_only=True, slots=True)
class Messages:
    """Owes one on each occasion that has a template, none on the others, and sends what is owed.

    Sending is safe to repeat, and raises Unreachable: try again.
    """

    pool: Pool
    jobs: Jobs
    wechat: WeChat
    templates: Mapping[Occasion, str]
    shop_url: str
    clock: Clock

    async def owe_signed_in(self, connection: Connection, buyer: Buyer, *, now: datetime) -> None:
        """Within the caller's transaction."""
        await self._owe(connection, Occasion.SIGNED_IN, [{"buyer_id": buyer.id, "at": now.isoformat()}])

    async def owe_team_formed(self, connection: Connection, orders: Sequence[Order]) -> None:
        """Within the caller's transaction."""
        told = [{"order_number": order.number} for order in orders]
        await self._owe(connection, Occasion.TEAM_FORMED, told)

    async def tell_signed_in(self, *, message_id: str, buyer_id: str, at: str) -> None:
        async with transaction(self.pool) as connection:
            openid = await store_login.openid_of(connection, buyer_id)
            buyer = (await store_login.people(connection, [buyer_id]))[buyer_id]
        fields = {"thing1": buyer.nickname, "time2": beijing_text(datetime.fromisoformat(at))}
        await self._send(Occasion.SIGNED_IN, openid, id=message_id, page=self.shop_url, fields=fields)

    async def tell_team_formed(self, *, message_id: str, order_number: str) -> None:
        async with transaction(self.pool) as connection:
            order = await store_order.find(connection, order_number)
            if order is None:
                return
            openid = await store_login.openid_of(connection, order.buyer_id)
        fields = {
            "thing1": order.product_title[:THING_MAX],
            "time2": beijing_text(order.ready_at or self.clock()),
            "character_string3": order.number,
            "amount4": f"{yuan_text(order.payable_fen)}元",
        }
        page = f"{self.shop_url}/orders/{order.number}"
        await self._send(Occasion.TEAM_FORMED, openid, id=message_id, page=page, fields=fields)

    async def _owe(
        self, connection: Connection, occasion: Occasion, told: Sequence[Mapping[str, object]]
    ) -> None:
        """Each under a number that stays the same on every try."""
        if occasion in self.templates:
            letters = [{"message_id": new_id(), **one} for one in told]
            await self.jobs.owe(connection, f"tell_{occasion}", letters)

    async def _send(
        self, occasion: Occasion, openid: str | None, *, id: str, page: str, fields: Mapping[str, str]
    ) -> None:
        """A guest has no WeChat. What WeChat refuses is dropped: another try would do no better."""
        template_id = self.templates.get(occasion)
        if openid is None or template_id is None:
            return
        message = Message(id=id, template_id=template_id, openid=openid, page=page, fields=fields)
        try:
            await self.wechat.send(message, now=self.clock())
        except MessageRefused as refusal:
            log.warning("message_refused", message=id, errcode=refusal.errcode)
