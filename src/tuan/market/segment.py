"""A segment is a named set of buyers: those a file lists, or those who bought enough lately.

One without members admits nobody.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tuan.kernel.errors import NotFound, Refusal
from tuan.kernel.web import ID

BUYER_ID: Final = re.compile(ID.pattern.encode())
ALL_GOOD: Final = re.compile(rb"(?:%b\n)*+" % BUYER_ID.pattern)
HEADER: Final = b"buyer_id"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LINE_KEPT_MAX_BYTES: Final = 256  # Longer than any id: what is cut off there is a bad row in any case.
BAD_SAMPLES_MAX: Final = 20
SAMPLE_MAX_CHARACTERS: Final = 80


class ImportStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Counts(StrEnum):
    """What a rule adds up, over a buyer's seats that are settled."""

    SEATS = "seats"
    SPENT_FEN = "spent_fen"


class NoSegment(NotFound):
    """There is no such segment."""

    code = "no_segment"


class NoRule(NotFound):
    """No rule decides who is in this segment."""

    code = "no_rule"


class SegmentExists(Refusal):
    """There is a segment of this name already."""

    code = "segment_exists"


class RuleDecides(Refusal):
    """A rule decides who is in this segment; take the rule away to import buyers."""

    code = "rule_decides"


class ImportExists(Refusal):
    """An import of this name was begun before; look at how it went."""

    code = "import_exists"


class ImportAbandoned(Refusal):
    """The file did not come to its end, or not in time; nobody was added."""

    code = "import_abandoned"


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    id: str
    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Buyers with at least so many settled seats, or so many fen spent on them, paid in the last days."""

    segment_id: str
    counts: Counts
    at_least: int
    window_days: int
    every_minutes: int | None  # None: only on demand.
    next_run_at: datetime | None = None
    last_run_at: datetime | None = None
    last_members: int | None = None

    def since(self, now: datetime) -> datetime:
        return now - timedelta(days=self.window_days)

    def next_run_after(self, now: datetime) -> datetime | None:
        """Counted from when it ran: runs that were slept through are made up for by one."""
        return None if self.every_minutes is None else now + timedelta(minutes=self.every_minutes)


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    line: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """Every row read is added, a duplicate, or bad. A duplicate is in the file twice, or was in before."""

    id: str
    segment_id: str
    status: ImportStatus
    rows_read: int
    rows_added: int
    duplicates: int
    bad_rows: int
    bad_samples: Sequence[BadRow]
    started_at: datetime
    ended_at: datetime | None


@dataclass(kw_only=True, slots=True)
class BuyerFile:
    """A file of buyers as it comes in: one id a line, under a header or not. Empty lines mean nothing."""

    rows_read: int = 0
    bad_rows: int = 0
    bad_samples: list[BadRow] = field(default_factory=list)
    _lines: int = 0
    _rest: bytes = b""

    @property
    def good_rows(self) -> int:
        return self.rows_read - self.bad_rows

    def read(self, chunk: bytes) -> list[bytes]:
        """The ids on the lines this chunk completes."""
        text = self._rest + chunk
        *lines, rest = text.split(b"\n")
        self._rest = rest[:LINE_KEPT_MAX_BYTES]
        if self._lines and ALL_GOOD.fullmatch(text, 0, len(text) - len(rest)):
            self._lines += len(lines)
            self.rows_read += len(lines)
            return lines
        return self._ids(lines)

    def end(self) -> list[bytes]:
        """The id on a last line that no line break ends."""
        rest, self._rest = self._rest, b""
        return self._ids([rest])

    def _ids(self, lines: Sequence[bytes]) -> list[bytes]:
        ids = []
        for line in lines:
            self._lines += 1
            row = line.strip()
            if self._lines == 1:
                row = row.removeprefix(BYTE_ORDER_MARK)
                if row == HEADER:
                    continue
            if BUYER_ID.fullmatch(row):
                ids.append(row)
            elif row:
                self._note_bad(row)
        self.rows_read += len(ids)
        return ids

    def _note_bad(self, row: bytes) -> None:
        self.rows_read += 1
        self.bad_rows += 1
        if len(self.bad_samples) < BAD_SAMPLES_MAX:
            text = row.decode(errors="replace").replace("\0", "�")[:SAMPLE_MAX_CHARACTERS]
            self.bad_samples.append(BadRow(line=self._lines, text=text))
