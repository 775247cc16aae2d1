"""What console routes share: texts a person wrote, moments, pages and their cursors."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, StringConstraints

from tuan.kernel.errors import InvalidRequest
from tuan.kernel.web import Body, Id

Row = TypeVar("Row")
Place = tuple[datetime, str]  # Where a row stands among those sorted by a moment, and then by name.

NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=NO_CONTROL)
]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=NO_CONTROL)
]
AnyReason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=NO_CONTROL)]

Limit = Annotated[int, Query(ge=1, le=100)]
After = Annotated[Id | None, Query(alias="cursor")]
PAGE = 20

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
PLACE: Final = re.compile(r"([0-9]{1,17})\.([A-Za-z0-9_]{1,64})", re.ASCII)


def _in_this_era(moment: AwareDatetime) -> AwareDatetime:
    if not 2000 <= moment.year <= 9000:
        raise ValueError("a year between 2000 and 9000")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_this_era)]


class ReasonBody(Body):
    reason: Reason


class AnyReasonBody(Body):
    reason: AnyReason = ""


def cut(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], Row | None]:
    """The page, and its last row if more follow. Ask the store for one row more than the page holds."""
    page = rows[:limit]
    return page, page[-1] if len(rows) > limit else None


def cursor_at(moment: datetime, name: str) -> str:
    return f"{(moment - EPOCH) // timedelta(microseconds=1)}.{name}"


def place_of(cursor: str) -> Place:
    """Raises InvalidRequest."""
    if found := PLACE.fullmatch(cursor):
        return EPOCH + timedelta(microseconds=int(found[1])), found[2]
    raise InvalidRequest("This cursor is not one of ours.")
