"""What all console routes share: where they are, texts a person wrote, moments, pages and their cursors."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, StringConstraints

from tuan.kernel.web import Body, Id

Row = TypeVar("Row")

CONSOLE = "/console/v1"
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


def _in_this_era(moment: AwareDatetime) -> AwareDatetime:
    if not 2000 <= moment.year <= 9000:
        raise ValueError("a year between 2000 and 9000")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_this_era)]


class ReasonBody(Body):
    reason: Reason


def cut(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], Row | None]:
    """The page, and its last row if more follow. Ask the store for one row more than the page holds."""
    page = rows[:limit]
    return page, page[-1] if len(rows) > limit else None
