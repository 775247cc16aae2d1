"""Two things that must not happen together, at the same moment, again and again."""

import asyncio
from collections import Counter

import psycopg
from market_builders import NOW
from market_processes import Process, query

from tuan.kernel.audit import audit
from tuan.kernel.clock import utc_now
from tuan.market.app import releasing_desk
from tuan.market.store_audit import RULES
from tuan.market.team import GiveBack, Payment

TIMES = 50


def paid(number: str) -> Payment:
    return Payment(source="mall", out_trade_no=number, paid_at=NOW)


async def test_one_buyer_comes_to_one_team_through_two_channels(
    processes: list[Process], selling: str
) -> None:
    with psycopg.connect(selling) as connection:
        connection.execute("INSERT INTO listing VALUES ('mall', 'mini', 'tea', 'summer', 10000)")
        connection.execute("UPDATE terms SET take_limit = 2")
    for n in range(0, 3 * TIMES, 3):
        team = await processes[0].lock(n)

        outcomes = await asyncio.gather(
            processes[0].lock(n + 1, buyer_id=f"b{n}-x", team_id=team, channel="app"),
            processes[1].lock(n + 2, buyer_id=f"b{n}-x", team_id=team, channel="mini"),
        )

        assert Counter(outcomes) == {team: 1, "already_in_team": 1}
    assert query(selling, "SELECT seats_taken, count(*) FROM team GROUP BY 1") == [(2, TIMES)]


async def test_a_member_leaves_as_the_last_one_pays(processes: list[Process], selling: str) -> None:
    """The team forms first and keeps its place sold, or it does not form and the place is free."""
    with psycopg.connect(selling) as connection:
        connection.execute("UPDATE terms SET seats_target = 2")
    [here, there] = processes
    releasing = releasing_desk(there.pool, there.jobs, utc_now)
    for n in range(0, 2 * TIMES, 2):
        team = await here.lock(n)
        await here.lock(n + 1, team_id=team)
        await here.settle(paid(f"T{n}"))

        answer, _ = await asyncio.gather(
            here.settle(paid(f"T{n + 1}")), releasing.ask(GiveBack(source="mall", out_trade_no=f"T{n}"))
        )
        assert answer == "settled"

    ends = "SELECT DISTINCT status, seats_taken, seats_settled FROM team"
    assert {*query(selling, ends)} <= {("formed", 2, 2), ("forming", 1, 1)}
    statuses = "SELECT status, count(*) FROM seat GROUP BY 1 ORDER BY 1"
    assert query(selling, statuses) == [("refunded", TIMES), ("settled", TIMES)]
    formed = query(selling, "SELECT count(*) FROM team WHERE status = 'formed'")
    assert query(selling, "SELECT count(*) FROM event WHERE kind = 'team.formed'") == formed
    assert query(selling, "SELECT count(*) FROM event WHERE kind = 'seat.refunded'") == [(TIMES,)]
    assert audit(selling, [rule for rule in RULES if not rule.needs_time], overdue=NOW) == []
