"""A clock that demonstrations may move: ahead, for everybody who reads the file, and never back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tuan.kernel.demo_clock import AHEAD_MAX, ClockRefused, DemoClock, moved

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def noon() -> datetime:
    return NOON


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clock"


def test_until_it_is_moved_it_is_the_clock_it_was_made_of(path: Path) -> None:
    assert DemoClock(path, noon)() == NOON


def test_moves_add_up_and_everybody_sees_them(path: Path) -> None:
    here, there = DemoClock(path, noon), DemoClock(path, noon)

    here.move(HOUR)
    there.move(timedelta(days=1))

    assert here() == there() == NOON + HOUR + timedelta(days=1)


def test_it_is_where_it_was_after_a_new_start(path: Path) -> None:
    DemoClock(path, noon).move(HOUR)

    assert DemoClock(path, noon)() == NOON + HOUR


@pytest.mark.parametrize("by", [-HOUR, timedelta(), timedelta(milliseconds=999), AHEAD_MAX + HOUR])
def test_it_goes_forward_only_and_not_beyond_ten_years(path: Path, by: timedelta) -> None:
    clock = DemoClock(path, noon)
    with pytest.raises(ClockRefused):
        clock.move(by)

    assert (clock(), path.exists()) == (NOON, False)


def test_small_moves_end_at_ten_years_too(path: Path) -> None:
    clock = DemoClock(path, noon)
    clock.move(AHEAD_MAX)
    with pytest.raises(ClockRefused):
        clock.move(timedelta(seconds=1))

    assert clock() == NOON + AHEAD_MAX


def test_a_file_that_is_emptied_under_our_feet_does_not_turn_time_back(path: Path) -> None:
    clock = DemoClock(path, noon)
    clock.move(HOUR)
    assert clock() == NOON + HOUR

    path.unlink()

    assert clock() == NOON + HOUR


def test_without_a_file_there_is_nothing_to_move() -> None:
    assert moved(noon, None) is noon
