"""Locking and settling: our API over HTTP, beside pgbench calling a function an order on the same tables."""

import statistics
from datetime import UTC, datetime

import psycopg

from bench.load import Asked, Plan, in_turns, pgbench, wrk
from bench.market import Market
from bench.report import Figure, figure

STRETCH = 40_000  # Of seats waiting to be settled: each run of wrk takes its own.


def lock_spread(market: Market, plan: Plan) -> Figure:
    return compare("lock_spread", market, plan)


def lock_hot(market: Market, plan: Plan) -> Figure:
    return compare("lock_hot", market, plan)


def lock_open(market: Market, plan: Plan) -> Figure:
    return compare("lock_open", market, plan)


def settle_spread(market: Market, plan: Plan) -> Figure:
    return compare("settle_spread", market, plan)


def compare(kind: str, market: Market, plan: Plan) -> Figure:
    runs: list[Asked] = []

    def ours() -> float:
        runs.append(puts(kind, market, seconds=plan.seconds))
        return runs[-1].rate

    pairs = in_turns(plan.pairs, ours, lambda: pgbench(f"{kind}.sql", market.url, seconds=plan.seconds))
    return figure(
        pairs,
        bad=sum(run.bad for run in runs),
        more={
            "p50_ms": statistics.median(run.p50_ms for run in runs[1:]),
            "p99_ms": statistics.median(run.p99_ms for run in runs[1:]),
        },
    )


def puts(kind: str, market: Market, *, seconds: int) -> Asked:
    knobs = {"KIND": kind, "PAID_AT": datetime.now(UTC).isoformat()}
    if kind == "settle_spread":
        with psycopg.connect(market.url, autocommit=True) as connection:
            [[last]] = connection.execute(
                "SELECT setval('payment', nextval('payment') + %s)", [STRETCH]
            ).fetchall()
        knobs["FROM"] = str(last - STRETCH)
    return wrk("put.lua", market.address, seconds=seconds, knobs=knobs)
