"""An alarm asks a person to look: kept in the transaction that finds the trouble, and told to the log."""

from dataclasses import replace
from datetime import datetime

import structlog

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.mall import store_alarm
from tuan.mall.operator import Deed
from tuan.mall.store_alarm import Alarm
from tuan.mall.store_deed import record

log = structlog.get_logger()


async def raise_alarm(connection: Connection, kind: str, *, about: str, detail: str, now: datetime) -> None:
    await store_alarm.ring(connection, kind=kind, about=about, detail=detail, now=now)
    log.error("alarm", kind=kind, about=about, detail=detail)


async def clear_alarm(pool: Pool, alarm_id: str, *, deed: Deed) -> Alarm:
    """Somebody has looked. Should it ring again, it is a new alarm. Clearing again changes nothing.

    Raises NotFound.
    """
    async with transaction(pool) as connection:
        alarm = await store_alarm.hold(connection, alarm_id)
        if alarm is None:
            raise NotFound("There is no such alarm.")
        if alarm.cleared_at is not None:
            return alarm

        await store_alarm.clear(connection, alarm_id, now=deed.at)
        before = {"kind": alarm.kind, "about": alarm.about, "times": alarm.times}
        await record(connection, deed, "alarm.cleared", about=f"alarm:{alarm_id}", before=before)
    return replace(alarm, cleared_at=deed.at)
