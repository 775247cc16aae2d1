"""The deployment on one machine: nginx in front of two markets and two malls, their workers, the sandbox."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings

from tuan import nginx
from tuan.children import Child, Say, Watched
from tuan.keyring import Keyring
from tuan.up import settings_for

HERE: Final = "127.0.0.1"
NAMES: Final = (
    "market-1",
    "market-2",
    "mall-1",
    "mall-2",
    "sandbox",
    "market-worker",
    "mall-worker",
    "sandbox-worker",
)
READY_WITHIN_SECONDS: Final = 300


@dataclass(frozen=True, kw_only=True)
class Ports:
    """All that follow from the first, which is the only one for the world."""

    public: int

    @property
    def inner(self) -> int:
        return self.public + 1

    def of(self, name: str) -> int:
        return self.public + 2 + NAMES.index(name)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    ports: Ports
    host: str  # Where nginx listens for the world.
    url: str
    databases: Mapping[str, str]
    keyring: Keyring
    home: Path
    demo_clock: Path

    @property
    def inner_url(self) -> str:
        return f"http://{HERE}:{self.ports.inner}"

    def stages(self) -> list[list[Child]]:
        """Who starts first. They stop in the other order, so that each finds those it asks to the last."""
        for_market, for_mall, for_sandbox = settings_for(
            self.url,
            dict(self.databases),
            self.keyring,
            inner_url=self.inner_url,
            demo_clock=self.demo_clock,
        )
        market, mall, sandbox = (environment(one) for one in (for_market, for_mall, for_sandbox))
        return [
            [
                *(self._api("market", name, market) for name in ("market-1", "market-2")),
                *(self._api("mall", name, mall) for name in ("mall-1", "mall-2")),
                self._api("sandbox", "sandbox", sandbox),
            ],
            [self._nginx()],
            [
                self._worker("market", market),
                self._worker("mall", mall),
                self._worker("sandbox", sandbox),
            ],
        ]

    def _nginx(self) -> Child:
        state = self.home / "nginx"
        state.mkdir(exist_ok=True)
        places = {
            "TUAN_OUTER": f"{self.host}:{self.ports.public}",
            "TUAN_INNER": f"{HERE}:{self.ports.inner}",
            "TUAN_STATE": str(state.absolute()),
            "TUAN_SANDBOX": f"{HERE}:{self.ports.of('sandbox')}",
        } | {
            f"TUAN_{name.upper().replace('-', '_')}": f"{HERE}:{self.ports.of(name)}"
            for name in ("market-1", "market-2", "mall-1", "mall-2")
        }
        file = state / "nginx.conf"
        file.write_text(nginx.configuration(places))
        command = [nginx.program(), "-c", str(file.absolute()), "-e", str(state.absolute() / "error.log")]
        # Started by root it would work as somebody who cannot read this folder.
        directives = "daemon off;" + (" user root;" if os.getuid() == 0 else "")
        return Child(
            name="nginx",
            command=[*command, "-g", directives],
            port=self.ports.public,
            stops_by=signal.SIGQUIT,
        )

    def _api(self, service: str, name: str, settings: Mapping[str, str]) -> Child:
        port = self.ports.of(name)
        under = "/sandbox" if service == "sandbox" else f"/api/{service}"
        arguments = ["api", "--port", str(port), "--behind", HERE, "--under", under]
        return Child(
            name=name, command=_tuan(service, *arguments), settings=_named(name, settings), port=port
        )

    def _worker(self, service: str, settings: Mapping[str, str]) -> Child:
        name = f"{service}-worker"
        port = self.ports.of(name)
        command = _tuan(service, "worker", "--metrics-port", str(port))
        return Child(name=name, command=command, settings=_named(name, settings), port=port)


def _tuan(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("tuan")), *arguments]


def _named(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The database knows each by its name too: see pg_stat_activity.application_name."""
    return {**settings, "PGAPPNAME": name}


def environment(settings: BaseSettings) -> dict[str, str]:
    """What was set, as another process reads it from its environment."""
    prefix = settings.model_config["env_prefix"]
    return dict(_variables(settings, prefix))


def _variables(settings: BaseModel, prefix: str) -> Iterator[tuple[str, str]]:
    for name in sorted(settings.model_fields_set):
        match getattr(settings, name):
            case None:
                continue
            case BaseModel() as nested:
                yield from _variables(nested, f"{prefix}{name.upper()}_")
            case SecretStr() as secret:
                yield f"{prefix}{name.upper()}", secret.get_secret_value()
            case str() | Path() as text:
                yield f"{prefix}{name.upper()}", str(text)
            case value:
                yield f"{prefix}{name.upper()}", json.dumps(value, default=str)


async def run(cluster: Cluster, *, say: Say, announce: Say) -> None:
    """Until INT or TERM. `announce` hears who serves what, once all of it does.

    Raises TimeoutError if somebody never does.
    """
    for folder in ("log", "run"):
        (cluster.home / folder).mkdir(exist_ok=True)
    stages = [[Watched(child, home=cluster.home, say=say) for child in stage] for stage in cluster.stages()]
    told = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, told.set)

    keeping: list[asyncio.Task[None]] = []
    starting, ended = asyncio.create_task(_start(stages, keeping)), asyncio.create_task(told.wait())
    try:
        await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            announce(_table(stages))
        await ended
    finally:
        starting.cancel()
        for stage in reversed(stages):
            await asyncio.gather(*(one.stop() for one in stage))
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)


async def _start(stages: Sequence[Sequence[Watched]], keeping: list[asyncio.Task[None]]) -> None:
    until = time.monotonic() + READY_WITHIN_SECONDS
    async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
        for stage in stages:
            keeping.extend(asyncio.create_task(one.keep()) for one in stage)
            for one in stage:
                while not (one.pid and await _is_ready(http, one.child.port)):
                    if time.monotonic() > until:
                        raise TimeoutError(f"{one.child.name} is not ready within {READY_WITHIN_SECONDS} s")
                    await asyncio.sleep(0.1)


async def _is_ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://{HERE}:{port}/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


def _table(stages: Sequence[Sequence[Watched]]) -> str:
    rows = [(one.child.name, str(one.child.port), str(one.pid or "")) for stage in stages for one in stage]
    return "\n".join(f"{name:<16}{port:>6}{pid:>9}" for name, port, pid in [("", "port", "pid"), *rows])
