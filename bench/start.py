"""The second `tuan up`, to ready; beside a bare PostgreSQL of the same package plus a bare FastAPI app."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.load import Plan, in_turns
from bench.market import await_ready, free_port, served, stop
from bench.report import Figure, figure

BARE_POSTGRES = """
import pathlib, sys
from tuan.kernel.embedded import embedded_postgres
with embedded_postgres(pathlib.Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


def start(plan: Plan) -> Figure:
    with tempfile.TemporaryDirectory(prefix="tuan-bench-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o711)
        data, bare = Path(folder, "tuan"), Path(folder, "bare")
        pairs = in_turns(plan.long_pairs, lambda: seconds_of_up(data), lambda: seconds_of_bare(bare))
    return figure(pairs)


def seconds_of_up(data: Path) -> float:
    port = free_port()
    command = [str(Path(sys.executable).with_name("tuan")), "up", "--port", str(port), "--data", str(data)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_ready(f"http://127.0.0.1:{port}/readyz", every=0.02)
        return time.perf_counter() - began
    finally:
        stop(process)


def seconds_of_bare(data: Path) -> float:
    """One after the other, each in a process of its own."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", BARE_POSTGRES, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    try:
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the bare PostgreSQL did not start")
        with served(["uvicorn", "bench.bare_fastapi:app", "--log-level", "warning"], {}, every=0.02):
            return time.perf_counter() - began
    finally:
        process.stdin.close()  # It stops its server, and ends.
        process.wait(60)
