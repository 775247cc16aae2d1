"""`tuan up`, as a newcomer starts it: a process of its own, with all its databases, keys and its log."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from canary import know

STARTS_WITHIN_SECONDS = 180


@dataclass(frozen=True)
class House:
    url: str
    home: Path

    @property
    def log(self) -> str:
        return (self.home / "data/tuan.log").read_text()

    @property
    def keys(self) -> Path:
        return self.home / "data/keys.json"

    @property
    def printed(self) -> str:
        return (self.home / "out").read_text()


@contextmanager
def house(settings: Mapping[str, str] | None = None) -> Iterator[House]:
    """Ready when it is yielded."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="tuan-house-", ignore_cleanup_errors=True) as home:
        os.chmod(home, 0o711)
        found = House(f"http://127.0.0.1:{port}", Path(home))
        tuan = str(Path(sys.executable).with_name("tuan"))
        command = [tuan, "up", "--port", str(port), "--data", f"{home}/data"]
        env = os.environ | (settings or {})
        with (
            (found.home / "out").open("w") as out,
            subprocess.Popen(command, env=env, stdout=out, stderr=out) as process,
        ):
            try:
                _await_ready(found, process)
                know(json.loads(found.keys.read_text()).values())
                yield found
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(30)


def _await_ready(found: House, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{found.url}/readyz")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(found.printed)
