"""The same requests with very many rows in the tables, beside few: two markets on one PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.load import Asked, Plan, in_turns, wrk
from bench.market import Market, a_database, a_server, api
from bench.report import Figure, figure

WALK_SECONDS = 30


def growth_seats(plan: Plan) -> Figure:
    """Locks spread over a million teams with ten million seats, beside a thousand with a thousand."""

    def locks(market: Market, teams: int) -> Asked:
        knobs = {"KIND": "lock_spread", "TEAMS": str(teams)}
        return wrk("put.lua", market.address, seconds=plan.seconds, knobs=knobs)

    with two_markets("many_seats", "few_seats") as (many, few):
        return compare(plan, lambda: locks(many, 1_000_000), lambda: locks(few, 1000))


def growth_campaigns(plan: Plan) -> Figure:
    """Quotes of a hundred thousand goods, each in its own campaign, beside one. A segment of a million."""

    def quotes(market: Market, goods: int, buyers: int) -> Asked:
        knobs = {"GOODS": str(goods), "BUYERS": str(buyers)}
        return wrk("quote.lua", market.address, seconds=plan.seconds, knobs=knobs)

    with two_markets("many_campaigns") as (many, few):
        walk = {"WALK": "yes", "GOODS": "100000"}
        wrk("quote.lua", many.address, seconds=WALK_SECONDS, knobs=walk)  # What was asked once is in memory.
        return compare(plan, lambda: quotes(many, 100_000, 2_000_000), lambda: quotes(few, 1, 20_000))


def compare(plan: Plan, many: Callable[[], Asked], few: Callable[[], Asked]) -> Figure:
    runs: list[Asked] = []

    def rate(ask: Callable[[], Asked]) -> float:
        runs.append(ask())
        return runs[-1].rate

    pairs = in_turns(plan.pairs, lambda: rate(many), lambda: rate(few))
    return figure(pairs, bad=sum(run.bad for run in runs))


@contextmanager
def two_markets(of_many: str, *of_few: str) -> Iterator[tuple[Market, Market]]:
    with a_server() as (server, home):
        many = a_database(server, "many", "seed", of_many)
        few = a_database(server, "few", "seed", *of_few)
        with api(many, home / "many.log") as big, api(few, home / "few.log") as small:
            yield big, small
