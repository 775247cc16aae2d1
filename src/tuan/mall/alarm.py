"""An alarm asks a person to look: kept in the transaction that finds the trouble, and told to the log."""

from datetime import datetime

import structlog

from tuan.kernel.db import Connection
from tuan.mall import store_alarm

log = structlog.get_logger()


async def raise_alarm(connection: Connection, kind: str, *, about: str, detail: str, now: datetime) -> None:
    await store_alarm.ring(connection, kind=kind, about=about, detail=detail, now=now)
    log.error("alarm", kind=kind, about=about, detail=detail)
