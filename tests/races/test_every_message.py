"""Killed at every statement, cut off at every message: a transaction happened, or it did not.

A wire counts what passes between a process and PostgreSQL. For n = 1, 2, 3 … until the step comes through
untouched, the n-th does not arrive. Then another process is asked the same.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
from forked import Nursery, kill
from market_steps import HEADERS, STEPS, Market, Step, a_market, prepare, sell_to_teams_of_two, team
from wire import ANSWERS, COMMITTED, QUESTIONS, STATEMENTS, Break, Passing, Wire

from tuan.kernel.audit import audit
from tuan.kernel.clock import utc_now
from tuan.market.store_audit import RULES


@pytest.fixture
async def other(market_database: str) -> AsyncIterator[Market]:
    """The process that is asked afterwards."""
    sell_to_teams_of_two(market_database)
    async with a_market(market_database) as market:
        yield market


@pytest.mark.parametrize("name", STEPS)
async def test_killed_at_any_statement(
    market_database: str, other: Market, wire: Wire, forks: Nursery, name: str
) -> None:
    step = STEPS[name]

    async def killed(n: int, counted: Passing, at: int) -> tuple[bool, bool]:
        """Whether a process was killed on the way, and whether the step was done by then."""
        body = await prepare(other, market_database, step, n)
        point = wire.break_at(step.begins, counted, at)
        await do_and_die(wire.url, point, forks, step, n, body)
        is_done = team(market_database, n) == step.leaves
        await finish(other, market_database, step, n, body)
        return point.happened, is_done

    for n in itertools.count(1):
        was_killed, is_done = await killed(n, STATEMENTS, at=n)
        assert is_done is not was_killed
        if is_done:
            break
    assert n > 4  # Three statements and a commit, at the least.
    assert await killed(n + 1, COMMITTED, at=1) == (True, True)
    check(market_database)


async def do_and_die(
    url: str, point: Break, forks: Nursery, step: Step, n: int, body: dict[str, str]
) -> None:
    """A process of the market does the step, and is killed when it comes to the point."""
    if step.path is None:
        with forks.process("market", "worker", settings={"TUAN_MARKET_DATABASE_URL": url}) as pid:
            point.then = lambda: kill(pid)
            await point.over.wait()
        return

    async with forks.api(url) as (address, pid):
        point.then = lambda: kill(pid)
        async with httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=20) as http:
            with suppress(httpx.HTTPError):
                await http.put(f"/v1/seats/{step.path.format(n=n)}", json=body)


@pytest.mark.parametrize("counted", [QUESTIONS, ANSWERS], ids=["questions", "answers"])
@pytest.mark.parametrize("name", STEPS)
async def test_cut_off_at_any_message(
    market_database: str, other: Market, wire: Wire, name: str, counted: Passing
) -> None:
    step, answers = STEPS[name], []
    async with a_market(wire.url) as first:
        for n in itertools.count(1):
            body = await prepare(other, market_database, step, n)
            point = wire.break_at(step.begins, counted, at=n)
            answers.append(await first.do(step, n, body))
            is_done = team(market_database, n) == step.leaves
            if counted is QUESTIONS:  # Else PostgreSQL may still be at it.
                assert is_done is not point.happened
            await finish(other, market_database, step, n, body)
            if not point.happened:
                break
    assert answers == [503] * (n - 1) + [200]
    assert is_done
    assert n > 13
    check(market_database)


async def finish(other: Market, url: str, step: Step, n: int, body: dict[str, str]) -> None:
    """Whatever became of it, the other process leaves what the step leaves; once."""
    async with asyncio.timeout(10):
        while await other.do(step, n, body) == 200 and team(url, n) != step.leaves:
            assert step.path is None  # A sweep passes over a team that the dead still hold.
    assert team(url, n) == step.leaves


def check(url: str) -> None:
    assert audit(url, RULES, overdue=utc_now() - timedelta(hours=1)) == []
