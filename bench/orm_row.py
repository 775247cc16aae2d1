"""Our lock beside the same endpoint on FastAPI with an ORM (`bench/orm.py`)."""

from bench.load import Asked, Plan, in_turns
from bench.locks import puts
from bench.market import Market, served
from bench.report import Figure, figure


def orm(market: Market, plan: Plan) -> Figure:
    runs: list[Asked] = []

    def rate(of: Market) -> float:
        runs.append(puts("lock_spread", of, seconds=plan.seconds))
        return runs[-1].rate

    command = ["uvicorn", "bench.orm:app", "--no-access-log", "--log-level", "warning"]
    with served(command, {"TUAN_MARKET_DATABASE_URL": market.url}) as (address, pid):
        theirs = Market(market.url, address, pid)
        pairs = in_turns(plan.pairs, lambda: rate(market), lambda: rate(theirs))
    return figure(pairs, bad=sum(run.bad for run in runs))
