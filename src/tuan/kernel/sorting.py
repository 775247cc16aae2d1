"""Lists sorted by one column, page by page: in which order they come, and where the next page begins.

A sort is a column's name, or `-` and its name for the greatest first. Rows that are equal there come in the
order of their key, so that each has one place. A cursor says under which sort it was made and where the last
row of the page stood: rows that are added or change meanwhile move no other row.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Generic, TypeVar

import msgspec
from fastapi import Query

from tuan.kernel.errors import InvalidRequest

Row = TypeVar("Row")
Value = datetime | date | int | str | None
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d:\d\d", re.ASCII)
DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
NUMBER: Final = re.compile(r"-?\d{1,18}", re.ASCII)

Sort = Annotated[str, Query(pattern=r"^-?[a-z_]{1,30}$", description="A column; with `-`, greatest first.")]
SortedCursor = Annotated[str | None, Query(alias="cursor", max_length=2000, pattern=r"^[A-Za-z0-9_=-]+$")]


class Kind(StrEnum):
    """What a column holds, as PostgreSQL names it."""

    MOMENT = "timestamptz"
    DAY = "date"
    NUMBER = "bigint"
    TEXT = "text"

    @property
    def nothing(self) -> str:
        """Stands for an empty place, which is less than every value."""
        match self:
            case Kind.MOMENT | Kind.DAY:
                return "-infinity"
            case Kind.NUMBER:
                return "-" + 18 * "9"
            case Kind.TEXT:
                return ""

    def written(self, value: Value) -> str:
        if value is None:
            return self.nothing
        return value.isoformat() if isinstance(value, datetime) else str(value)

    def is_written(self, text: str) -> bool:
        """Whether PostgreSQL can read it as a value of this kind."""
        match self:
            case Kind.MOMENT:
                return text == self.nothing or _is_in_the_calendar(text, MOMENT)
            case Kind.DAY:
                return text == self.nothing or _is_in_the_calendar(text, DAY)
            case Kind.NUMBER:
                return NUMBER.fullmatch(text) is not None
            case Kind.TEXT:
                return "\0" not in text


@dataclass(frozen=True)
class Column(Generic[Row]):
    """`sql` and `of` are the same value, in a statement and of a row that was read."""

    sql: str
    kind: Kind
    of: Callable[[Row], Value]
    may_be_empty: bool = False

    @property
    def place(self) -> str:
        return f"coalesce({self.sql}, '{self.kind.nothing}'::{self.kind})" if self.may_be_empty else self.sql


@dataclass(frozen=True, slots=True)
class Turn:
    """The end of a statement that reads one page, after its WHERE; and what it is about."""

    sql: str
    values: dict[str, str]


class Place(msgspec.Struct, array_like=True):
    """Where the last row of a page stood, as its cursor has it."""

    sort: str
    value: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class Sorting(Generic[Row]):
    """The columns a list can be sorted by. No two rows have the same `key`: columns of one kind, in order;
    none if no two have the same value in any column."""

    columns: Mapping[str, Column[Row]]
    key: tuple[str, ...]
    key_of: Callable[[Row], tuple[str, ...]]
    key_kind: Kind = Kind.TEXT

    def turn(self, sort: str, cursor: str | None) -> Turn:
        """Raises InvalidRequest for a column that is none, and for a cursor that is not one of ours, or was
        made under another sort."""
        column = self.columns.get(sort.removeprefix("-"))
        if column is None:
            raise InvalidRequest(f"sort: one of {', '.join(self.columns)}")
        way, beyond = ("DESC", "<") if sort.startswith("-") else ("ASC", ">")
        order = ", ".join(f"{place} {way}" for place in (column.place, *self.key))
        ending = f" ORDER BY {order} LIMIT %(limit)s"
        if cursor is None:
            return Turn(ending, {})
        place = self._place(cursor, sort)
        values = {f"key_{n}": part for n, part in enumerate(place.key)}
        last = ", ".join([f"%(last)s::{column.kind}", *(f"%({name})s::{self.key_kind}" for name in values)])
        after = f" AND ({', '.join((column.place, *self.key))}) {beyond} ({last})"
        return Turn(after + ending, {"last": place.value, **values})

    def cursor(self, sort: str, last: Row) -> str:
        """Where the page after this row begins."""
        column = self.columns[sort.removeprefix("-")]
        place = Place(sort, column.kind.written(column.of(last)), self.key_of(last))
        return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()

    def _place(self, cursor: str, sort: str) -> Place:
        try:
            place = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=Place)
        except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
            raise InvalidRequest("cursor: not one of ours") from None
        if place.sort != sort:
            raise InvalidRequest("cursor: made under another sort")
        kind = self.columns[sort.removeprefix("-")].kind
        is_key = len(place.key) == len(self.key) and all(self.key_kind.is_written(part) for part in place.key)
        if not (kind.is_written(place.value) and is_key):
            raise InvalidRequest("cursor: not one of ours")
        return place


def _is_in_the_calendar(text: str, shape: re.Pattern[str]) -> bool:
    if shape.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
