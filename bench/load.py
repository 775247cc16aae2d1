"""Who asks: wrk over HTTP, and PostgreSQL's own pgbench; each for some seconds, each in its turn."""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGALRM, alarm, signal

from tuan.kernel.embedded import import_with_our_own_runtime_folder

HERE = Path(__file__).parent
CONNECTIONS, CLIENTS = 64, 32


@dataclass(frozen=True)
class Plan:
    pairs: int = 7
    seconds: int = 1  # Of each half of a pair: the shorter, the less the machine changes between both.
    is_quick: bool = False

    @property
    def long_pairs(self) -> int:
        """Of what takes seconds by itself."""
        return min(self.pairs, 5)


@dataclass(frozen=True)
class Asked:
    """A stretch of requests."""

    rate: float  # A second.
    p50_ms: float
    p99_ms: float
    bad: int


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raises TimeoutError. Whoever started a process ends it on the way out."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} seconds")

    before = signal(SIGALRM, give_up)
    alarm(seconds)
    try:
        yield
    finally:
        alarm(0)
        signal(SIGALRM, before)


def in_turns(pairs: int, ours: Callable[[], float], theirs: Callable[[], float]) -> list[tuple[float, float]]:
    """A B A B, after one of each to warm up."""
    ours()
    theirs()
    return [(ours(), theirs()) for _ in range(pairs)]


def wrk(script: str, address: str, *, seconds: int, knobs: Mapping[str, str] | None = None) -> Asked:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / script), address]
    ran = subprocess.run(
        command,
        env=os.environ | (knobs or {}),
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 30,
    )
    return Asked(**json.loads(ran.stdout.splitlines()[-1]))


def pgbench(script: str, url: str, *, seconds: int, clients: int = CLIENTS) -> float:
    """Transactions a second."""
    ran = _pgbench(script, url, [f"-c{clients}", f"-T{seconds}"], patience=seconds + 30)
    [line] = [line for line in ran.splitlines() if line.startswith("tps = ")]
    return float(line.split()[2])


def pgbench_times(script: str, url: str, *, times: int) -> None:
    """Through one connection."""
    _pgbench(script, url, ["-c1", f"-t{times}"], patience=120)


def pgbench_p50_ms(script: str, url: str, *, times: int) -> float:
    """Of one after the other, through one connection."""
    with tempfile.TemporaryDirectory() as logs:
        _pgbench(script, url, ["-c1", f"-t{times}", "-l", f"--log-prefix={logs}/log"], patience=60)
        [log] = Path(logs).glob("log.*")
        return statistics.median(int(line.split()[2]) for line in log.read_text().splitlines()) / 1000


def _pgbench(script: str, url: str, arguments: list[str], *, patience: int) -> str:
    package = import_with_our_own_runtime_folder()
    tool = Path(str(package.__file__)).parent / "pginstall" / "bin" / "pgbench"
    command = [str(tool), "-n", "-f", str(HERE / "sql" / script), "-M", "prepared", "-j1", *arguments, url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=patience).stdout
