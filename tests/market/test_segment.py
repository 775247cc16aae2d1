"""What a file of buyers says, line by line, however it is cut into chunks; and when a rule runs next."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_builders import NOW

from tuan.market.segment import BadRow, BuyerFile, Counts, Rule

FILE = b"\xef\xbb\xbfbuyer_id\r\nb1\r\n\nb 2\nb3\nb1\n\xff\xfe\nbuyer_id\n" + b"x" * 65 + b"\nb4"


def read(*chunks: bytes) -> tuple[list[bytes], BuyerFile]:
    file = BuyerFile()
    ids = [one for chunk in chunks for one in file.read(chunk)]
    return ids + file.end(), file


def test_every_line_is_a_buyer_or_bad_or_empty() -> None:
    ids, file = read(FILE)

    assert ids == [b"b1", b"b3", b"b1", b"buyer_id", b"b4"]
    assert (file.rows_read, file.bad_rows) == (8, 3)
    assert file.bad_samples == [
        BadRow(line=4, text="b 2"),
        BadRow(line=7, text="\ufffd\ufffd"),
        BadRow(line=9, text="x" * 65),
    ]


@given(st.lists(st.integers(0, len(FILE)), max_size=8))
def test_where_the_network_cuts_the_file_makes_no_difference(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(FILE)]
    chunks = [FILE[start:end] for start, end in pairwise(edges)]

    ids, file = read(*chunks)

    assert (ids, file.bad_samples) == (read(FILE)[0], read(FILE)[1].bad_samples)


def test_a_line_without_end_is_one_bad_row_and_takes_no_room() -> None:
    file = BuyerFile()
    for _ in range(1000):
        assert file.read(b"a" * 10_000) == []
    assert file.read(b"\nb1\n") == [b"b1"]

    assert (file.rows_read, file.bad_rows, len(file.bad_samples[0].text)) == (2, 1, 80)


def test_only_the_first_bad_rows_are_kept() -> None:
    _, file = read(b"?\n" * 50 + b"\0\n")

    assert (file.bad_rows, [bad.line for bad in file.bad_samples]) == (51, [*range(1, 21)])


def test_what_the_database_cannot_hold_is_not_in_a_sample() -> None:
    _, file = read(b"a\0b\n")

    assert file.bad_samples == [BadRow(line=1, text="a\ufffdb")]


@pytest.mark.parametrize(("every_minutes", "next_run"), [(None, None), (60, NOW + timedelta(hours=1))])
def test_a_rule_runs_next_so_long_after_it_ran(every_minutes: int | None, next_run: object) -> None:
    rule = Rule(
        segment_id="vip", counts=Counts.SEATS, at_least=1, window_days=30, every_minutes=every_minutes
    )

    assert rule.next_run_after(NOW) == next_run
    assert rule.since(NOW) == NOW - timedelta(days=30)
