"""What the market publishes at a broker, taken as its webhooks are: signed, once, and by the same flows."""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import ValidationError

from tuan.kernel import webhook
from tuan.kernel.db import transaction
from tuan.kernel.errors import InvalidRequest
from tuan.kernel.original import OriginalBody
from tuan.kernel.queue import Message, Unreadable
from tuan.kernel.web import Id
from tuan.kernel.webhook import ForgedWebhook
from tuan.mall import store_order
from tuan.mall.compat_body import FormedBody
from tuan.mall.doors import Doors
from tuan.mall.fulfil import TeamFormed, take_team_formed, team_of
from tuan.mall.given_back import GivenBack, SeatsGivenBack, take_seats_given_back

EXCHANGE: Final = "group_buy_market_exchange"
TEAM_SUCCESS: Final = "topic.team_success"
TEAM_REFUND: Final = "topic.team_refund"
QUEUES: Final = {
    "s_pay_mall_queue_2_topic_team_success": TEAM_SUCCESS,
    "s_pay_mall_queue_2_topic_team_refund": TEAM_REFUND,
}
DEAD: Final = "s_pay_mall_dead_letters"
KINDS: Final = {
    "unpaid_unlock": GivenBack.SEAT_RELEASED,
    "paid_unformed": GivenBack.TEAM_FAILED,
    "paid_formed": GivenBack.SEAT_REFUNDED,
}


class GivenBackBody(OriginalBody):
    type: Literal["unpaid_unlock", "paid_unformed", "paid_formed"]
    team_id: Id
    out_trade_no: Id


@dataclass(frozen=True, kw_only=True)
class Hearing:
    doors: Doors

    async def take(self, message: Message) -> None:
        """Committed when it returns. Raises Unreadable for what will never be taken."""
        doors = self.doors
        try:
            webhook.verify(doors.market_webhook_secret, message.body, message.headers, now=None)
            if message.topic == TEAM_SUCCESS:
                await self._formed(message, FormedBody.model_validate_json(message.body))
            else:
                await self._given_back(message, GivenBackBody.model_validate_json(message.body))
        except (ForgedWebhook, ValidationError, InvalidRequest) as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error

    async def _formed(self, message: Message, body: FormedBody) -> None:
        doors, numbers = self.doors, body.out_trade_no_list
        formed = TeamFormed(
            webhook_id=message.headers[webhook.ID_HEADER],
            team_id=await team_of(doors.pool, numbers),
            order_numbers=numbers,
        )
        await take_team_formed(doors.pool, doors.jobs, doors.messages, formed, now=doors.clock())

    async def _given_back(self, message: Message, body: GivenBackBody) -> None:
        """The market names its team by a number; which it is, the order knows, if it has one."""
        doors = self.doors
        async with transaction(doors.pool) as connection:
            team_ids = await store_order.team_ids_of(connection, [body.out_trade_no])
        told = SeatsGivenBack(
            webhook_id=message.headers[webhook.ID_HEADER],
            kind=KINDS[body.type],
            team_id=next(iter(team_ids), body.team_id),
            order_numbers=[body.out_trade_no],
        )
        await take_seats_given_back(doors.pool, doors.jobs, told, now=doors.clock())
