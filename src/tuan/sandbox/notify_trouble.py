"""What may go wrong with a notify: it leaves late or out of turn, or not as it was written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tuan.kernel.db import Connection
from tuan.sandbox.courier import Letter
from tuan.sandbox.notify import AlipayVoice, Notify, form_letter
from tuan.sandbox.notify_store import NotifyStore, Surroundings
from tuan.sandbox.trouble import EFFECTS, KEEPING_BACK, Door, Kind, Occasion, Trouble
from tuan.sandbox.trouble_store import TroubleStore

ON_ITS_WAY: Final = frozenset(EFFECTS[Door.NOTIFY]) - KEEPING_BACK
LOOK_AGAIN_AFTER: Final = timedelta(seconds=1)
LIES: Final[Mapping[Kind, Mapping[str, str]]] = {
    Kind.WRONG_AMOUNT: dict.fromkeys(("total_amount", "receipt_amount", "buyer_pay_amount"), "0.01"),
    Kind.WRONG_SELLER: {"seller_id": "2088000000000000"},
    Kind.WRONG_APP: {"app_id": "9021000000000000", "auth_app_id": "9021000000000000"},
}


async def free_to_leave(connection: Connection, due: Sequence[Notify], *, now: datetime) -> list[Notify]:
    """Within the caller's transaction: those that no trouble keeps back; the others wait."""
    store = NotifyStore(connection)
    free = []
    for notify in due:
        keeper = await _keeper(connection, notify)
        until = keeper and _kept_until(keeper, notify, await store.surroundings(notify), now=now)
        if keeper and until:
            notify.wait(until, kept_back_by=keeper.id)
            await store.save_waiting(notify)
        else:
            free.append(notify)
    return free


def letters(notify: Notify, trouble: Trouble | None, voice: AlipayVoice, *, now: datetime) -> list[Letter]:
    """What is really sent, and how many times at once."""
    kind = trouble.kind if trouble else None
    if trouble and kind in LIES:
        notify = replace(notify, content={**notify.content, **LIES[trouble.kind]})
    letter = voice.letter(notify, now=now)
    match kind:
        case Kind.LOST:
            return []
        case Kind.REPEATED if trouble and trouble.measure:
            return [letter] * trouble.measure
        case Kind.WRONG_SIGN:
            another = voice.form(replace(notify, content={}), now=now)
            return [form_letter(voice.form(notify, now=now) | {"sign": another["sign"]})]
    return [letter]


async def _keeper(connection: Connection, notify: Notify) -> Trouble | None:
    """The first one it met, and only if it met it before it was ever sent."""
    if notify.gateway != "alipay":
        return None
    troubles = TroubleStore(connection)
    if notify.kept_back_by:
        return await troubles.find(notify.kept_back_by)
    if notify.attempts > 1:
        return None
    about = notify.content["out_trade_no"]
    return await troubles.take(Occasion(door=Door.NOTIFY, kinds=KEEPING_BACK, about=about))


def _kept_until(
    trouble: Trouble, notify: Notify, surroundings: Surroundings, *, now: datetime
) -> datetime | None:
    late = notify.created_at + timedelta(seconds=trouble.measure or 0)
    match trouble.kind:
        case Kind.LATE if now < late:
            return late
        case Kind.OVERTAKEN if now < late and not surroundings.is_overtaken:
            return now + LOOK_AGAIN_AFTER
        case Kind.AFTER_QUERY if not surroundings.is_queried:
            return now + LOOK_AGAIN_AFTER
    return None
