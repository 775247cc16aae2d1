"""Processes of ours: started, watched, started again when they die, stopped in the end; all of it aloud."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PAUSES_SECONDS: Final = (0.5, 1, 2, 5, 10)
STEADY_AFTER_SECONDS: Final = 30
PATIENCE_SECONDS: Final = (16, 4)  # Then it is told again: it may have been too young to hear. Then killed.
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Child:
    name: str
    command: Sequence[str]
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    stops_by: signal.Signals = signal.SIGINT  # Without taking leave: who asked it is gone by then.


class Watched:
    """One child at a time under one name: its output in a log, its process id in a file."""

    def __init__(self, child: Child, *, home: Path, say: Say) -> None:
        self.child = child
        self._log = home / "log" / f"{child.name}.log"
        self._pid_file = home / "run" / f"{child.name}.pid"
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def keep(self) -> None:
        """Until told to stop."""
        deaths = 0
        while not self._stopping:
            began = time.monotonic()
            code = await self._live()
            if self._stopping:
                return
            deaths = 1 if time.monotonic() - began > STEADY_AFTER_SECONDS else deaths + 1
            pause = PAUSES_SECONDS[min(deaths, len(PAUSES_SECONDS)) - 1]
            self._say(f"{self.child.name} {_how(code)}; it is started again in {pause:g} s, see {self._log}")
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        self._stopping = True
        if self._process is None or self.pid is None:
            return
        for patience in PATIENCE_SECONDS:
            self._process.send_signal(self.child.stops_by)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), patience)
                return
        self._say(f"{self.child.name} does not stop within {sum(PATIENCE_SECONDS)} s, and is killed")
        self._process.kill()
        await self._process.wait()

    async def _live(self) -> int:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.child.command,
                env={**os.environ, **self.child.settings},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C is for us; we tell them, each in its turn.
            )
        if self._stopping:
            self._process.kill()
        self._pid_file.write_text(f"{self._process.pid}\n")
        code = await self._process.wait()
        self._pid_file.unlink(missing_ok=True)
        return code


def _how(code: int) -> str:
    return f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
