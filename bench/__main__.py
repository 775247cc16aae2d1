"""What we claim about speed, each figure a ratio of two things that take turns in one run: A B A B.

    python -m bench [--pairs 7] [--seconds 1] [--quick] [KEY …]

A is ours with everything on: keys, validation, constraints, metrics, one log line; fsync and
synchronous_commit on. Each key says in its file what B is. A figure that misses its bar is said loudly; the
exit code is 0.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from signal import SIGTERM, signal

import psycopg

from bench import (
    backends,
    formed,
    growth,
    importing,
    latency,
    locks,
    orm_row,
    quote,
    report,
    start,
    streams,
    trade,
)
from bench.load import Plan, within
from bench.market import Market, a_market
from bench.report import Figure

PATIENCE_SECONDS = 300  # For one key.
ON_ONE_MARKET: dict[str, Callable[[Market, Plan], Figure]] = {
    "lock_spread": locks.lock_spread,
    "lock_hot": locks.lock_hot,
    "settle_spread": locks.settle_spread,
    "quote": quote.quote,
    "lock_open": locks.lock_open,
    "alone_latency": latency.alone_latency,
    "tail": latency.tail,
    "two_backends": backends.two_backends,
    "import": importing.importing,
    "streams": streams.streams,
    "orm": orm_row.orm,
}
BY_THEMSELVES: dict[str, Callable[[Plan], Figure]] = {
    "start": start.start,
    "trade": trade.trade,
    "formed_latency": formed.formed_latency,
    "growth_seats": growth.growth_seats,
    "growth_campaigns": growth.growth_campaigns,
}
SLOW = {"start", "formed_latency", "trade", "growth_seats", "growth_campaigns"}  # Left out of a quick run.
TROUBLE = (TimeoutError, OSError, subprocess.SubprocessError, psycopg.Error, RuntimeError)


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench", description="Measure what we claim about speed.")
    asked.add_argument(
        "keys", nargs="*", metavar="KEY", help="of " + ", ".join(ON_ONE_MARKET | BY_THEMSELVES)
    )
    asked.add_argument("--pairs", type=int)
    asked.add_argument("--seconds", type=int)
    asked.add_argument(
        "--quick", action="store_true", help="fewer pairs; what is slow is left out or smaller"
    )
    options = asked.parse_args()
    pairs, seconds = (2, 1) if options.quick else (7, 1)
    plan = Plan(options.pairs or pairs, options.seconds or seconds, options.quick)
    wanted = options.keys or [
        key for key in ON_ONE_MARKET | BY_THEMSELVES if not (plan.is_quick and key in SLOW)
    ]
    if left_out := [key for key in SLOW if key not in wanted]:
        print(f"left out: {', '.join(sorted(left_out))}")

    signal(SIGTERM, lambda *_: sys.exit(143))  # Whoever is stopped still ends what it started.
    run = Run()
    if on_one := [key for key in ON_ONE_MARKET if key in wanted]:
        with a_market("seed", "payments") as market:
            for key in on_one:
                run.measure(key, partial(ON_ONE_MARKET[key], market, plan))
    for key in BY_THEMSELVES:
        if key in wanted:
            run.measure(key, partial(BY_THEMSELVES[key], plan))

    name = "some" if options.keys else "quick" if plan.is_quick else "latest"
    report.keep(run.found, run.failed, " ".join(["python -m bench", *sys.argv[1:]]), name=name)
    print(report.table(run.found))
    report.shout(run.found, run.failed)


class Run:
    def __init__(self) -> None:
        self.found: dict[str, Figure] = {}
        self.failed: dict[str, str] = {}

    def measure(self, key: str, measure: Callable[[], Figure]) -> None:
        began = time.monotonic()
        try:
            with within(PATIENCE_SECONDS):
                self.found[key] = measure()
        except TROUBLE as trouble:
            self.failed[key] = f"not measured: {trouble!r}"
        print(
            f"{key} ({time.monotonic() - began:.0f} s): {self.found.get(key) or self.failed[key]}", flush=True
        )


main()
