"""How often somebody asked within the second that is running. Each process counts for itself."""

from collections import Counter
from collections.abc import Hashable
from datetime import datetime


class Pace:
    def __init__(self) -> None:
        self._second = 0
        self._asked: Counter[Hashable] = Counter()

    def count(self, who: Hashable, *, now: datetime) -> int:
        """How many times this second, this time included."""
        second = int(now.timestamp())
        if second != self._second:
            self._second = second
            self._asked.clear()
        self._asked[who] += 1
        return self._asked[who]
