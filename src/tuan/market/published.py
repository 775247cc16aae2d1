"""What is published of an event for those who listen at a broker, in the original's words or in ours."""

from datetime import datetime
from typing import Final

import msgspec

from tuan.kernel.log import REQUEST_ID_HEADER, request_id
from tuan.kernel.queue import Message
from tuan.kernel.webhook import signed_headers
from tuan.market.delivery import Format, Parcel, ToldSeat

EXCHANGE: Final = "group_buy_market_exchange"
ADDRESS: Final = f"amqp:{EXCHANGE}"  # The URL of an endpoint that is told at the broker.
FORMED: Final = "team.formed"
TEAM_SUCCESS: Final = "topic.team_success"
TEAM_REFUND: Final = "topic.team_refund"


def messages(parcel: Parcel, *, now: datetime) -> list[Message]:
    """One; but in the original's format, one for each seat that was given back."""
    if parcel.format is Format.STANDARD:
        return [_message(parcel, parcel.event_id, parcel.kind, parcel.body(), now=now)]
    if parcel.kind == FORMED:
        return [_message(parcel, parcel.event_id, TEAM_SUCCESS, parcel.body(), now=now)]
    return [
        _message(parcel, f"{parcel.event_id}.{place}", TEAM_REFUND, _given_back(parcel, seat), now=now)
        for place, seat in enumerate(parcel.seats)
    ]


def _given_back(parcel: Parcel, seat: ToldSeat) -> str:
    campaign_id: str = parcel.data["campaign_id"]
    content = {
        "type": _type_of(parcel, seat),
        "userId": seat.buyer_id,
        "teamId": parcel.team_number or parcel.data["team_id"],
        "orderId": seat.number or seat.out_trade_no,
        "outTradeNo": seat.out_trade_no,
        "activityId": int(campaign_id) if campaign_id.isdecimal() else campaign_id,
    }
    return msgspec.json.encode(content).decode()


def _type_of(parcel: Parcel, seat: ToldSeat) -> str:
    if not seat.was_paid:
        return "unpaid_unlock"
    return "paid_formed" if parcel.data.get("team_status") == "formed" else "paid_unformed"


def _message(parcel: Parcel, id: str, topic: str, body: str, *, now: datetime) -> Message:
    headers = signed_headers(*parcel.secrets(now=now), id=id, at=now, body=body)
    if origin := request_id():
        headers[REQUEST_ID_HEADER] = origin
    return Message(id=id, topic=topic, body=body.encode(), headers=headers)
