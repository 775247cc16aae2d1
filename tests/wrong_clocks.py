"""Processes whose own clock is wrong, or is set while they run. (The monotonic clock is nobody's to set.)"""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

READ_CLOCK = "import datetime; print(datetime.datetime.now(datetime.UTC).isoformat())"


def off_by(shift: timedelta, file: Path) -> dict[str, str]:
    """The environment of such a process; writing to the file again sets its clock."""
    libraries = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")]
    assert libraries, "faketime is missing: apt-get install faketime"
    set_clock(file, shift)
    return {
        "LD_PRELOAD": str(libraries[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def set_clock(file: Path, shift: timedelta) -> None:
    aside = file.with_suffix(".new")
    aside.write_text(f"{shift.total_seconds():+.0f}\n")
    aside.replace(file)  # At once: half a file would be another time.


def own_time(environment: Mapping[str, str]) -> datetime:
    """What the clock of such a process shows."""
    shown = subprocess.run(
        [sys.executable, "-c", READ_CLOCK], env=os.environ | environment, capture_output=True, check=True
    )
    return datetime.fromisoformat(shown.stdout.decode().strip()).astimezone(UTC)
