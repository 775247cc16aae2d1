"""`tuan drill restore`, as an operator starts it: both databases lost, restored, every fen found again."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TUAN = str(Path(sys.executable).with_name("tuan"))
WITHIN_SECONDS = 300


@pytest.mark.short_drill
def test_both_databases_are_lost_and_every_fen_is_found_again(
    record_property: Callable[[str, object], None],
) -> None:
    done = subprocess.run(
        [TUAN, "drill", "restore"], capture_output=True, text=True, timeout=WITHIN_SECONDS, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Reconciled 2 days: 2 breaks, all made good." in done.stdout
    told = done.stdout.strip().splitlines()[-1]
    assert told.endswith("0 rules broken")
    record_property("restore drill", told)
