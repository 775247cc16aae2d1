"""Quotes, beside a route that parses the same body and answers a constant of the same size."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import Asked, Plan, in_turns, wrk
from bench.market import Market, served
from bench.report import Figure, figure

ASKED = {"goods_id": "q1", "channel": "app", "buyer_id": "b2"}


def quote(market: Market, plan: Plan) -> Figure:
    runs: list[Asked] = []

    def ours() -> float:
        runs.append(wrk("quote.lua", market.address, seconds=plan.seconds))
        return runs[-1].rate

    with bare(answer_bytes=len(one_quote(market.address))) as address:
        pairs = in_turns(plan.pairs, ours, lambda: wrk("quote.lua", address, seconds=plan.seconds).rate)
    return figure(pairs, bad=sum(run.bad for run in runs))


def one_quote(address: str) -> bytes:
    request = urllib.request.Request(
        f"{address}/v1/quotes",
        json.dumps(ASKED).encode(),
        {"content-type": "application/json", "authorization": "Bearer bench-key"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        answer: bytes = response.read()
    return answer


@contextmanager
def bare(*, answer_bytes: int = 900) -> Iterator[str]:
    command = ["uvicorn", "bench.bare:app", "--no-access-log", "--log-level", "warning"]
    with served(command, {"TUAN_BENCH_ANSWER_BYTES": str(answer_bytes)}) as (address, _):
        yield address
