"""A service in a process of its own, on a real socket, as it is deployed."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

STARTS_WITHIN_SECONDS = 120


@contextmanager
def served(service: str, settings: Mapping[str, str]) -> Iterator[str]:
    """`tuan SERVICE api`; yields its address once it is ready."""
    with mortal(service, settings) as (address, _):
        yield address


@contextmanager
def mortal(service: str, settings: Mapping[str, str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The same, with its process, to be killed."""
    port = free_port()
    with started(service, "api", "--port", str(port), settings=settings) as process:
        await_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}", process


@contextmanager
def started(*command: str, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`tuan COMMAND`, told to stop in the end."""
    tuan = str(Path(sys.executable).with_name("tuan"))
    with subprocess.Popen([tuan, *command], env=os.environ | settings, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def await_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/readyz")
        except urllib.error.URLError:
            time.sleep(0.02)
            continue
        return
    raise TimeoutError(f"{address} does not become ready")
