"""Where the time of a lock, a settlement and a quote goes: microseconds of each stage, alone and of 64.

    python -m bench.stages [--requests 2000]

Our hot routes are called in this process, without a socket; what reads HTTP comes on top. Of 64 at
once a stage that awaits is charged for whatever runs meanwhile, and "the rest" is mostly others' turns;
what a batch shares is divided by the requests in it.
"""

import argparse
import asyncio
import itertools
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import uvloop

from bench.load import within
from bench.market import a_database, a_server
from tuan.kernel import db, hot, log
from tuan.kernel.clock import utc_now
from tuan.kernel.desk import Desk
from tuan.kernel.ids import new_id
from tuan.kernel.json_answer import JsonAnswer
from tuan.kernel.straight import Find
from tuan.market import api, app, lock_alone
from tuan.market.catalog import Catalog
from tuan.market.config import MarketSettings
from tuan.market.quote import quote
from tuan.market.store import Store

STAGES = ("parse", "key", "desk wait", "load", "rules", "write", "commit", "answer", "the rest")
HEADERS = {b"authorization": b"Bearer bench-key", b"content-type": b"application/json"}
SEATS = itertools.count(1)  # Those that wait to be settled.
Spent = dict[str, float]


def timed(spent: Spent, name: str, of: Callable[..., Any]) -> Callable[..., Any]:
    def measured(*given: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return of(*given, **named)
        finally:
            spent[name] += time.perf_counter() - began

    return measured


def awaited(spent: Spent, name: str, of: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def measured(*given: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return await of(*given, **named)
        finally:
            spent[name] += time.perf_counter() - began

    return measured


def watch(stack: ExitStack, spent: Spent) -> None:
    """Put a clock around each stage."""
    for body in (api.LockBody, api.SettleBody, api.QuoteBody):
        stack.enter_context(
            patch.object(body, "model_validate_json", timed(spent, "parse", body.model_validate_json))
        )
    stack.enter_context(patch.object(hot, "JsonAnswer", timed(spent, "answer", JsonAnswer)))
    for owner, name, stage in (
        (Catalog, "source", "key"),
        (Catalog, "memberships", "load"),
        (Desk, "ask", "asked"),
        (Store, "hold_for_locking", "load"),
        (Store, "hold_for_settling", "load"),
        (Store, "save_locked", "write"),
        (Store, "save_settled", "write"),
        (app, "lock_seats", "flow"),
        (app, "lock_alone", "flow"),
        (lock_alone, "save_if_so", "in one"),  # It writes and commits.
        (app, "settle_seats", "flow"),
    ):
        stack.enter_context(patch.object(owner, name, awaited(spent, stage, getattr(owner, name))))
    stack.enter_context(patch.object(api, "quote", awaited(spent, "quoted", quote)))

    inner = db.transaction

    @asynccontextmanager
    async def transaction(pool: Any) -> AsyncIterator[Any]:
        began = time.perf_counter()
        async with inner(pool) as connection:
            spent["begin"] += time.perf_counter() - began  # A connection, and BEGIN.
            yield connection
            flowed = time.perf_counter()
        spent["commit"] += time.perf_counter() - flowed

    stack.enter_context(patch.object(app, "transaction", transaction))


async def call(straight: Find, method: str, path: str, body: str) -> None:
    serve = straight(method, path)
    assert serve
    answer = await serve(HEADERS, body.encode())
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status}")


def requests_of(kind: str, count: int) -> list[tuple[str, str, str]]:
    run, paid_at = new_id(), utc_now().isoformat()
    if kind == "quote":
        body = '{{"goods_id":"q{}","channel":"app","buyer_id":"{}-{}"}}'
        return [("POST", "/v1/quotes", body.format(1 + n % 4, run, n)) for n in range(count)]
    if kind == "settle":
        settled = f'{{"paid_at":"{paid_at}"}}'
        return [("PUT", f"/v1/seats/S{next(SEATS)}/settlement", settled) for _ in range(count)]
    body = '{{"buyer_id":"{0}-{1}","campaign_id":"c1","goods_id":"g1","channel":"app","team_id":"{2}"}}'
    return [
        ("PUT", f"/v1/seats/{run}-{n}", body.format(run, n, f"team-{1 + n % 1000:031d}"))
        for n in range(count)
    ]


async def microseconds(straight: Find, spent: Spent, kind: str, count: int, at_once: int) -> Spent:
    asked = iter(requests_of(kind, count))

    async def ask() -> None:
        for method, path, body in asked:
            await call(straight, method, path, body)

    spent.clear()
    began = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(at_once)))
    took = time.perf_counter() - began
    found = {stage: spent[stage] for stage in ("parse", "key", "load", "write", "commit", "answer")}
    found["rules"] = spent["flow"] + spent["quoted"] - spent["load"] - spent["write"] - spent["in one"]
    found["commit"] += spent["in one"]
    found["load"] += spent["begin"]
    found["desk wait"] = max(
        0.0, spent["asked"] - sum(found[one] for one in ("load", "rules", "write", "commit"))
    )
    found["the rest"] = max(0.0, took * at_once - sum(found.values()))
    return {stage: 1e6 * found[stage] / count for stage in STAGES} | {"took": 1e6 * took / count}


async def run(url: str, count: int) -> None:
    service, spent = app.build(MarketSettings(database_url=url)), defaultdict[str, float](float)
    print("| | " + " | ".join((*STAGES, "a request")) + " |\n" + "|---" * (len(STAGES) + 2) + "|")
    with ExitStack() as stack:
        watch(stack, spent)
        straight = service.straight
        assert straight
        async with service.opened():
            for kind in ("lock", "settle", "quote"):
                for at_once in (1, 64):
                    await microseconds(straight, spent, kind, count // 4, at_once)  # Warms up.
                    found = await microseconds(straight, spent, kind, count, at_once)
                    cells = " | ".join(f"{found[stage]:.0f}" for stage in (*STAGES, "took"))
                    print(f"| {kind}, {at_once} at once | {cells} |", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench.stages")
    asked.add_argument("--requests", type=int, default=2000)
    count = asked.parse_args().requests
    with Path(os.devnull).open("w") as lines, within(300), a_server() as (server, _):
        log.configure(lines, level=log.LogLevel.INFO.number)
        uvloop.run(run(a_database(server, "market", "seed", "payments"), count))


if __name__ == "__main__":
    main()
