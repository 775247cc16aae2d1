"""The release before this one and this one side by side, on one schema: buyers buy while one gives way."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

import pytest
from front import Front, a_front
from mall_processes import become_ready, environment
from market_processes import query
from rich.console import Console
from served import free_port
from story_world import empty, keyring

from tuan.audits import report
from tuan.keyring import Keyring
from tuan.story import tell
from tuan.up import load_demo, settings_for

__all__ = ["empty", "keyring"]

ROOT = Path(__file__).parents[2]
BOOK, BUYERS = "9890001", 3
LEAVES_WITHIN_SECONDS = 20
COMMAND = "from tuan.cli import app; app()"

pytestmark = pytest.mark.drill


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no older release here: {done.stderr.strip()}")
    return done.stdout.strip()


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Path]:
    """The sources of the last commit whose code was another."""
    commits = git("log", "--max-count=2", "--format=%H", "--", "src/tuan").split()
    if len(commits) < 2:
        pytest.skip("this checkout has no older release")
    git("worktree", "add", "--detach", str(tmp_path / "older"), commits[1])
    try:
        yield tmp_path / "older" / "src"
    finally:
        git("worktree", "remove", "--force", str(tmp_path / "older"))


class Release:
    """Processes of one release, each started by its command and told to leave by SIGTERM."""

    def __init__(self, source: Path, settings: dict[str, dict[str, str]], stack: ExitStack) -> None:
        self._source, self._settings, self._stack = source, settings, stack
        self.living: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, service: str, piece: str) -> int:
        """The port of an api; of a worker, 0."""
        port = free_port() if piece == "api" else 0
        command = [sys.executable, "-c", COMMAND, service, piece]
        command += ["--port", str(port), "--behind", "127.0.0.1"] if port else []
        where = {"PYTHONPATH": str(self._source), **self._settings[service]}
        self.living[f"{service}-{piece}"] = self._stack.enter_context(started(command, where))
        return port

    async def leave(self, name: str) -> None:
        process = self.living.pop(name)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, LEAVES_WITHIN_SECONDS) == 0


@contextmanager
def started(command: list[str], settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, env=os.environ | settings, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


async def bought(front: Front, port: int) -> None:
    """A team of three, through whoever is behind the front by now."""
    said = io.StringIO()
    ended = await tell(f"http://127.0.0.1:{port}", BOOK, Console(file=said, width=100))
    assert ended == 0, said.getvalue() + str(front.behind)


async def test_two_releases_serve_one_schema_and_the_older_gives_way(
    older: Path, empty: dict[str, str], keyring: Keyring, record_property: Callable[[str, object], None]
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        name: environment(one) for name, one in zip(empty, settings_for(url, empty, keyring), strict=True)
    }
    await load_demo(url, empty, keyring)
    with ExitStack() as stack:
        before, after = Release(older, settings, stack), Release(ROOT / "src", settings, stack)
        ports = {("sandbox", "after"): after.start("sandbox", "api")}
        after.start("sandbox", "worker")
        for release, name in ((before, "before"), (after, "after")):
            for service in ("market", "mall"):
                ports[service, name] = release.start(service, "api")
        await become_ready(*ports.values())
        for service in ("market", "mall"):
            before.start(service, "worker")

        def behind(market: str, mall: str) -> dict[str, str]:
            chosen = {"market": market, "mall": mall, "sandbox": "after"}
            paths = {"market": "/api/market", "mall": "/api/mall", "sandbox": "/sandbox"}
            return {paths[one]: f"http://127.0.0.1:{ports[one, name]}" for one, name in chosen.items()}

        async with AsyncExitStack() as doors:
            front = await doors.enter_async_context(a_front(port, behind("before", "before")))
            await bought(front, port)
            for service in ("market", "mall"):
                after.start(service, "worker")
            for market, mall in (("after", "before"), ("before", "after")):
                front.behind = behind(market, mall)
                await bought(front, port)
            front.behind = behind("after", "after")
            for name in ("market-worker", "mall-worker", "market-api", "mall-api"):
                await before.leave(name)
            await bought(front, port)

    delivered = query(empty["mall"], "SELECT status, count(*) FROM mall_order GROUP BY 1")
    assert delivered == [("fulfilled", 4 * BUYERS)]
    assert query(empty["market"], "SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'") == [
        (0,)
    ]
    said = io.StringIO()
    console = Console(file=said, width=200)
    assert await asyncio.to_thread(report, empty, console) == 0, said.getvalue()
    record_property("rolling change", f"4 teams over two releases, {4 * BUYERS} orders, none lost")
