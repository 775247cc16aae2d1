"""A clock that people may move ahead, for demonstrations: how far, a file says that all processes read."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tuan.kernel.clock import Clock
from tuan.kernel.errors import Refusal

AHEAD_MAX: Final = timedelta(days=3650)


class ClockRefused(Refusal):
    """The clock goes forward only, and ten years at most."""

    code = "clock_refused"
    status = 422


class DemoClock:
    """Another clock, and all moves ahead since the file was begun."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._size = 0
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return self._clock() + self.ahead

    @property
    def ahead(self) -> timedelta:
        """Never less than it was, even if somebody empties the file while we run."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size != self._size:
            self._size = size
            seconds = sum(map(int, self._path.read_text().split())) if size else 0
            self._ahead = max(self._ahead, timedelta(seconds=seconds))
        return self._ahead

    def move(self, by: timedelta) -> None:
        """Whole seconds. Each move is a line of its own, so that none is lost to another made at the same
        moment. Raises ClockRefused."""
        if by < timedelta(seconds=1) or self.ahead + by > AHEAD_MAX:
            raise ClockRefused
        with self._path.open("a") as moves:
            moves.write(f"{by // timedelta(seconds=1)}\n")


def moved(clock: Clock, path: Path | None) -> Clock:
    """As it is, unless a file says that it may be moved."""
    return clock if path is None else DemoClock(path, clock)
