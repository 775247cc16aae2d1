"""Amounts, moments and names as the original wrote them, and its code for each refusal."""

from datetime import UTC, datetime, timedelta

import pytest
from market_builders import NOW

from tuan.kernel import errors
from tuan.kernel.errors import Refusal
from tuan.kernel.original import millis, yuan
from tuan.market.campaign import AudienceRestricted, TakeLimitReached
from tuan.market.compat_answer import countdown, masked
from tuan.market.compat_code import Code, code_of
from tuan.market.store_original import NumbersTaken, drawn
from tuan.market.switch import TooFast
from tuan.market.team import AlreadyInTeam, SeatGone, TeamFull, WrongTeam


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        ({"hours": 9, "minutes": 8, "seconds": 7}, "09:08:07"),
        ({"days": 2, "seconds": 1}, "48:00:01"),
        ({"days": 10}, "240:00:00"),
        ({"seconds": 1}, "00:00:01"),
        ({"seconds": 0}, "已结束"),
        ({"days": -1}, "已结束"),
    ],
)
def test_a_countdown_counts_its_days_as_hours_and_ends_in_words(left: dict[str, int], shown: str) -> None:
    assert countdown(until=NOW + timedelta(**left), now=NOW) == shown


@pytest.mark.parametrize(
    ("buyer_id", "shown"),
    [("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "oU***6o"), ("1234567", "12***67"), ("xfg001", "***"), ("a", "***")],
)
def test_of_a_buyer_as_much_is_shown_as_nobody_can_be_known_by(buyer_id: str, shown: str) -> None:
    assert masked(buyer_id) == shown


def test_amounts_are_numbers_with_two_decimals_and_moments_are_milliseconds() -> None:
    assert [bytes(yuan(fen)) for fen in (0, 1, 199, 10_000)] == [b"0.00", b"0.01", b"1.99", b"100.00"]
    assert millis(datetime(2026, 1, 1, 0, 0, 0, 123_999, tzinfo=UTC)) == 1_767_225_600_123


@pytest.mark.parametrize(
    ("refusal", "number"),
    [
        (TooFast(), "0006"),
        (errors.Overloaded(), "0006"),
        (errors.Unreachable(), "0001"),
        (NumbersTaken(), "0001"),
        (Refusal(), "0001"),
        (errors.InvalidRequest(), "0002"),
        (errors.TooLarge(), "0002"),
        (errors.Unauthorized(), "0002"),
        (errors.NotFound(), "E0005"),
        (WrongTeam(), "E0005"),
        (TeamFull(), "E0006"),
        (AudienceRestricted(), "E0007"),
        (TakeLimitReached(), "E0103"),
        (AlreadyInTeam(), "E0103"),
        (SeatGone(), "E0104"),
    ],
)
def test_each_refusal_has_its_old_code(refusal: Refusal, number: str) -> None:
    assert code_of(refusal).number == number


def test_no_two_codes_share_a_number() -> None:
    assert len({code.number for code in Code}) == len(Code) == 17


def test_a_drawn_number_has_its_length_and_no_zero_in_front() -> None:
    drawings = [drawn(8) for _ in range(1000)]

    assert {(len(number), number[0] != "0", number.isdigit()) for number in drawings} == {(8, True, True)}
