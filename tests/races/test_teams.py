"""Buyers who arrive at the same moment at two processes, on a real database."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import psycopg
import pytest
from market_builders import NOW, SWITCHES, a_request
from market_processes import Process, query

from tuan.kernel.db import transaction
from tuan.market.lock import lock_seats
from tuan.market.store import Store
from tuan.market.team import Payment

DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def paid(n: int) -> Payment:
    return Payment(source="mall", out_trade_no=f"T{n}", paid_at=NOW)


async def test_forty_buyers_want_the_last_four_seats(processes: list[Process], market_database: str) -> None:
    team = await processes[0].lock(0)

    outcomes = await asyncio.gather(*(processes[n % 2].lock(n, team_id=team) for n in range(1, 41)))

    assert Counter(outcomes) == {team: 4, "team_full": 36}
    assert query(market_database, "SELECT seats_taken FROM team") == [(5,)]
    assert query(market_database, "SELECT count(*) FROM seat") == [(5,)]


async def test_the_last_two_settle_together_a_hundred_times(
    processes: list[Process], market_database: str
) -> None:
    for start in range(0, 500, 5):
        team = await processes[0].lock(start)
        await asyncio.gather(*(processes[0].lock(start + n, team_id=team) for n in range(1, 5)))
        await asyncio.gather(*(processes[0].settle(paid(start + n)) for n in range(3)))

        last = await asyncio.gather(
            processes[0].settle(paid(start + 3)),
            processes[1].settle(paid(start + 4)),
            processes[0].settle(paid(start + 4)),
        )
        assert [*last] == ["settled"] * 3

    formed = "SELECT count(*) FROM team WHERE status = 'formed' AND seats_settled = 5"
    assert query(market_database, formed) == [(100,)]
    events = "SELECT count(*), min(jsonb_array_length(data -> 'out_trade_nos')) FROM event"
    assert query(market_database, events) == [(100, 5)]


async def test_one_order_sent_ten_times_gets_one_seat(processes: list[Process], market_database: str) -> None:
    teams = await asyncio.gather(*(processes[n % 2].lock(7) for n in range(10)))

    assert len(set(teams)) == 1
    assert query(market_database, "SELECT count(*) FROM seat") == [(1,)]
    assert query(market_database, "SELECT count(*) FROM team") == [(1,)]


async def test_one_number_for_two_buyers_goes_to_one_of_them(processes: list[Process]) -> None:
    for n in range(20):
        outcomes = await asyncio.gather(*(processes[k].lock(n, buyer_id=f"b{n}-{k}") for k in range(2)))

        assert outcomes.count("order_number_reused") == 1


async def test_one_buyer_cannot_outrun_the_take_limit(processes: list[Process], market_database: str) -> None:
    for round_ in range(20):
        outcomes = await asyncio.gather(
            *(processes[n % 2].lock(100 * round_ + n, buyer_id=f"b{round_}") for n in range(10))
        )

        assert Counter(outcomes)["take_limit_reached"] == 9
    assert query(market_database, "SELECT count(*) FROM seat") == [(20,)]


async def test_a_poisoned_request_does_not_hurt_its_neighbours(
    processes: list[Process], market_database: str
) -> None:
    [here, _] = processes
    poisoned = here.lock(13, buyer_id="\0")  # Text that Postgres cannot hold.

    outcomes = await asyncio.gather(*(here.lock(n) for n in range(5)), poisoned, return_exceptions=True)

    assert isinstance(outcomes[-1], Exception)
    assert len({outcome for outcome in outcomes[:-1] if isinstance(outcome, str)}) == 5
    assert query(market_database, "SELECT count(*) FROM seat") == [(5,)]


async def test_two_batches_lock_their_buyers_in_one_order(
    processes: list[Process], market_database: str
) -> None:
    async def hold(process: Process, batch: list[int]) -> None:
        async with transaction(process.pool) as connection:
            await Store(connection, process.jobs).hold_for_locking([a_request(n) for n in batch], now=NOW)

    in_the_way = b"SELECT pg_advisory_xact_lock(hashtextextended('summer b2', 0))"
    await meet(market_database, in_the_way, hold(processes[0], [1, 2, 3]), hold(processes[1], [3, 2, 1]))


async def test_two_batches_insert_their_numbers_in_one_order(
    processes: list[Process], market_database: str
) -> None:
    """Of two buyers with one number, the later finds it taken, and not itself in a circle."""

    async def lock(process: Process, batch: list[int], buyer: str) -> None:
        requests = [a_request(n, buyer_id=f"{buyer}{n}") for n in batch]
        async with transaction(process.pool) as connection:
            await lock_seats(Store(connection, process.jobs), requests, switches=SWITCHES, now=NOW)

    await processes[0].lock(0)
    in_the_way = b"""
        INSERT INTO seat SELECT (json_populate_record(seat, '{"buyer_id": "x", "out_trade_no": "T2"}')).*
        FROM seat"""
    racers = lock(processes[0], [1, 2, 3], "b"), lock(processes[1], [3, 2, 1], "c")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await meet(market_database, in_the_way, *racers)


async def meet(market_database: str, in_the_way: bytes, *racers: Coroutine[Any, Any, None]) -> None:
    """Stop both halfway, at something both need, and then let both go."""
    async with await psycopg.AsyncConnection.connect(market_database) as connection:
        await connection.execute(in_the_way)
        racing = asyncio.gather(*racers)
        await asyncio.sleep(0.2)
        await connection.rollback()
        await racing


async def test_two_processes_never_wait_in_a_circle(processes: list[Process], market_database: str) -> None:
    """Five seconds of shared teams, shared buyers and payments, every batch in another order."""
    deadlocks = query(market_database, DEADLOCKS)
    await widen(market_database)
    teams = await asyncio.gather(*(processes[0].lock(-n) for n in range(1, 21)))
    until = asyncio.get_running_loop().time() + 5

    async def busy(process: Process, caller: int) -> int:
        done = 0
        while asyncio.get_running_loop().time() < until:
            n = caller * 1_000_000 + done
            buyer = f"b{random.randrange(20_000)}"
            outcome = await process.lock(n, team_id=random.choice(teams), buyer_id=buyer)
            if outcome == "already_in_team":
                continue
            assert outcome in teams
            await process.settle(paid(n))
            done += 1
        return done

    done = await asyncio.gather(*(busy(processes[n % 2], n) for n in range(60)))

    assert min(done) > 0
    assert query(market_database, DEADLOCKS) == deadlocks
    counts = "SELECT sum(seats_taken), sum(seats_settled) FROM team"
    assert query(market_database, counts) == [(20 + sum(done), sum(done))]


async def widen(market_database: str) -> None:
    async with await psycopg.AsyncConnection.connect(market_database) as connection:
        await connection.execute("UPDATE terms SET seats_target = 100000, take_limit = 1000000")
