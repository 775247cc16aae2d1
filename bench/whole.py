"""The whole of it as it is deployed, each piece a process of its own: two APIs, two workers, and the sandbox.

In front is nginx without the shipped limits on one address, as all buyers of a bench come from one. No
messages go out by WeChat: they are no part of a trade.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvloop

from bench.backends import front
from bench.market import a_server, free_port, stop
from tuan.cluster import environment
from tuan.kernel.embedded import create_databases
from tuan.keyring import load_or_make
from tuan.up import SERVICES, load_demo, migrate_all, settings_for

HERE = "127.0.0.1"
MESSAGES = ("TUAN_MALL_WECHAT_SIGNED_IN_TEMPLATE", "TUAN_MALL_WECHAT_FORMED_TEMPLATE")


@dataclass(frozen=True)
class Whole:
    url: str
    server: str  # The URL of PostgreSQL.
    pids: dict[str, int]  # By the name of the piece: "mall api".
    postgres: int  # The server's first process.

    def cpu_seconds(self) -> dict[str, float]:
        """User and system, so far, of each piece, and of PostgreSQL's backends for both databases."""
        spent = {name: _cpu(psutil.Process(pid)) for name, pid in self.pids.items()}
        spent["postgres"] = 0.0
        for child in psutil.Process(self.postgres).children():
            with suppress(psutil.NoSuchProcess):  # It has ended since.
                said = " ".join(child.cmdline())
                if " market [local]" in said or " mall [local]" in said:
                    spent["postgres"] += _cpu(child)
        return spent


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def a_whole() -> Iterator[Whole]:
    with a_server() as (server, home), ExitStack() as stack:
        databases = create_databases(server, list(SERVICES))
        migrate_all(databases)
        keyring = load_or_make(home / "keys.json")
        ports = {service: free_port() for service in SERVICES}
        url = f"http://{HERE}:{free_port()}"
        uvloop.run(load_demo(url, databases, keyring))
        settings = dict(zip(SERVICES, map(environment, settings_for(url, databases, keyring)), strict=True))
        settings["mall"] |= dict.fromkeys(MESSAGES, "")
        pids = {}
        for service in SERVICES:
            under = "/sandbox" if service == "sandbox" else f"/api/{service}"
            api = ["api", "--port", str(ports[service]), "--behind", HERE, "--under", under]
            for piece in (api, ["worker"]):
                name = f"{service} {piece[0]}"
                process = _start([service, *piece], settings[service], home / f"{name}.log")
                stack.callback(stop, process)
                pids[name] = process.pid
        stack.enter_context(front(home, url, ports))
        postgres = int((home / "data" / "postmaster.pid").read_text().split()[0])
        yield Whole(url, server, pids, postgres)


def _start(command: list[str], settings: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    tool = str(Path(sys.executable).with_name("tuan"))
    with log.open("w") as lines:
        return subprocess.Popen([tool, *command], env=os.environ | settings, stdout=lines, stderr=lines)
