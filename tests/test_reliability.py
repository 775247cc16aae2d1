"""The table of what can go wrong names tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROWS = [
    line
    for line in (TESTS.parent / "docs/reliability.md").read_text().splitlines()
    if re.match(r"\| [A-K]\d", line)
]
NAMED = re.compile(r"`([\w/]+\.py)?(?:::(\w+))?(?:\[[^\]]*\])?`")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_each_row_names_tests_that_exist(row: str) -> None:
    path = ""
    for file, test in NAMED.findall(row):
        path = file or path
        assert not path or (TESTS / path).exists()
        assert not test or f"def {test}(" in (TESTS / path).read_text(), f"{path}::{test}"
