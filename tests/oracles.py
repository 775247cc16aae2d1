"""Other people's libraries, each in a virtual environment of its own, asked over a pipe.

Two of them are both called `alipay`, one fills half a gigabyte, and none is ours to depend on: so they never
come near our own environment. What is installed is pinned in tests/interop, and kept until that changes.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PINS = ROOT / "tests" / "interop"
KEPT = ROOT / ".tuan-interop"
BEIJING = {"TZ": "Asia/Shanghai"}  # These libraries write the time on the wall, and Alipay's is in Beijing.
ANSWERS_WITHIN_SECONDS = 120


class OracleRefused(Exception):
    """The library raised this instead of answering."""


@dataclass(frozen=True)
class Oracle:
    """One library, and our script that speaks to it."""

    library: str
    version: str
    python: Path
    script: Path

    @property
    def name(self) -> str:
        return f"{self.library} {self.version}"

    def ask(self, act: str, **asked: Any) -> Any:
        """What the script's function of that name returns. Raises OracleRefused for what it raises."""
        done = subprocess.run(
            [str(self.python), str(self.script)],
            input=json.dumps({"act": act, "asked": asked}),
            capture_output=True,
            text=True,
            timeout=ANSWERS_WITHIN_SECONDS,
            env={"PATH": os.environ["PATH"]} | BEIJING,
            check=False,
        )
        if done.returncode:
            raise OracleRefused(done.stderr.strip().splitlines()[-1])
        return json.loads(done.stdout)


def oracle(library: str) -> Oracle:
    """Installed at its first use."""
    pins = PINS / f"{library}.txt"
    return Oracle(
        library=library,
        version=_pinned(pins.read_text(), library),
        python=_installed(library, pins) / "bin" / "python",
        script=PINS / f"with_{library.replace('-', '_')}.py",
    )


def _installed(library: str, pins: Path) -> Path:
    state = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = KEPT / f"{library}-{state}"
    KEPT.mkdir(exist_ok=True)
    with _alone(KEPT / f"{library}.lock"):
        if not (home / ".ready").exists():
            venv.create(home, clear=True, with_pip=False)
            pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
            quietly = ["--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "install", *quietly, "--requirement", str(pins)], check=True)
            (home / ".ready").touch()
    return home


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pinned(pins: str, library: str) -> str:
    [version] = [
        line.removeprefix(f"{library}==") for line in pins.split() if line.startswith(f"{library}==")
    ]
    return version
