"""Time is UTC and aware. Only the edges read a clock; Beijing time exists at the gateways and on pages."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]

BEIJING = ZoneInfo("Asia/Shanghai")
WALL_FORMAT = "%Y-%m-%d %H:%M:%S"


def utc_now() -> datetime:
    return datetime.now(UTC)


def beijing_text(moment: datetime) -> str:
    """As the gateways write it: 2026-11-22 18:00:00, in Beijing."""
    return moment.astimezone(BEIJING).strftime(WALL_FORMAT)


def from_beijing(text: str) -> datetime:
    """Raises ValueError unless the text is yyyy-MM-dd HH:mm:ss."""
    return datetime.strptime(text, WALL_FORMAT).replace(tzinfo=BEIJING).astimezone(UTC)


def beijing_day(moment: datetime) -> date:
    return moment.astimezone(BEIJING).date()


def midnight(day: date) -> datetime:
    """When this day begins in Beijing."""
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)
