"""What callers of the original's paths send: its field names, and its three ways to write a moment."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from tuan.kernel.clock import from_beijing
from tuan.kernel.original import EPOCH, OriginalBody
from tuan.kernel.web import Id
from tuan.market.published import ADDRESS, TEAM_SUCCESS

MILLIS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
YEARS: Final = range(2000, 9001)
URL_MAX_LENGTH: Final = 2048


def moment_of(written: object) -> datetime:
    """Epoch milliseconds, ISO 8601 with its offset, or yyyy-MM-dd HH:mm:ss in Beijing.

    Raises ValueError for anything else, and for a time at which nobody paid.
    """
    try:
        moment = _read(written)
    except OverflowError as error:
        raise ValueError("not a moment") from error
    if moment.tzinfo is None or moment.year not in YEARS:
        raise ValueError("not a moment at which anybody paid")
    return moment.astimezone(UTC)


def _read(written: object) -> datetime:
    match written:
        case bool():
            raise ValueError("not a moment")
        case int():
            return EPOCH + timedelta(milliseconds=written)
        case str() if MILLIS.fullmatch(written):
            return EPOCH + timedelta(milliseconds=int(written))
        case str() if "T" in written:
            return datetime.fromisoformat(written)
        case str():
            return from_beijing(written)
        case _:
            raise ValueError("not a moment")


Moment = Annotated[datetime, BeforeValidator(moment_of)]
CampaignNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
TeamNumber = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{0,8}$")]
Url = Annotated[str, StringConstraints(min_length=1, max_length=URL_MAX_LENGTH, pattern=r"^[!-~]+$")]


class SourceBody(OriginalBody):
    source: Id
    channel: Id
    user_id: Id


class ConfigBody(SourceBody):
    goods_id: Id


class NotifyByHttp(OriginalBody):
    notify_type: Literal["HTTP"]
    notify_url: Url


class NotifyByQueue(OriginalBody):
    notify_type: Literal["MQ"]
    notify_topic: Literal["topic.team_success"] = Field(default=TEAM_SUCCESS, alias="notifyMQ")

    @property
    def notify_url(self) -> str:
        return ADDRESS


class LockBody(ConfigBody):
    activity_id: CampaignNumber
    out_trade_no: Id
    team_number: TeamNumber | None = Field(default=None, alias="teamId")  # Empty or absent: a new team.
    notify_url: Url | None = None
    notify_config: NotifyByHttp | NotifyByQueue | None = Field(
        default=None, alias="notifyConfigVO", discriminator="notify_type"
    )

    @property
    def told_at(self) -> str | None:
        """Where the caller wants to hear of its team."""
        return self.notify_config.notify_url if self.notify_config else self.notify_url


class SettleBody(SourceBody):
    out_trade_no: Id
    out_trade_time: Moment


class RefundBody(SourceBody):
    out_trade_no: Id


class FormedBody(OriginalBody):
    """What a caller is told when a team has formed."""

    team_id: Id
    out_trade_no_list: Annotated[list[Id], Field(min_length=1)]
