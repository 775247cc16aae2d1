"""Sweeps that run at once, and payments that arrive as a team runs out of time."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from market_builders import CAMPAIGN, NOW, SWITCHES, a_request, a_team, some_books
from market_processes import Process, query

from tuan.kernel.clock import utc_now
from tuan.market.books import Books
from tuan.market.lock import lock_seat
from tuan.market.sweep import Sweep, fail_team, release_due_seats
from tuan.market.team import Payment, TeamStatus

GRACE = timedelta(minutes=5)
LATE = NOW + timedelta(hours=1)


@pytest.fixture
async def sweeps(processes: list[Process]) -> list[Sweep]:
    return [
        Sweep(pool=process.pool, jobs=process.jobs, clock=utc_now, grace=GRACE)
        for process in processes
        for _ in range(2)
    ]


def close_all(url: str, *, ago: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE team SET opened_at = now() - interval '1 day', closes_at = now() - %s::interval", [ago]
        )


async def test_four_sweeps_at_once_fail_each_team_once(
    processes: list[Process], sweeps: list[Sweep], market_database: str
) -> None:
    teams = await asyncio.gather(*(processes[0].lock(n) for n in range(120)))
    await asyncio.gather(*(processes[1].lock(1000 + n, team_id=teams[n]) for n in range(120)))
    close_all(market_database, ago="1 hour")

    for _ in range(2):  # What one sweep left to another, that one may have left to it.
        await asyncio.gather(*(sweep.sweep() for sweep in sweeps))

    assert query(market_database, "SELECT status, count(*) FROM team GROUP BY 1") == [("failed", 120)]
    assert query(market_database, "SELECT status, count(*) FROM seat GROUP BY 1") == [("released", 240)]
    assert query(market_database, "SELECT kind, count(*) FROM event GROUP BY 1") == [("team.failed", 120)]


async def test_the_last_payment_and_the_sweep_meet_a_hundred_times(
    processes: list[Process], sweeps: list[Sweep], market_database: str
) -> None:
    """Each team forms with everybody, or fails and owes everybody; there is no third."""
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE terms SET seats_target = 2")
    for n in range(0, 200, 2):
        team_id = await processes[0].lock(n)
        await processes[0].lock(n + 1, team_id=team_id)
        await processes[0].settle(Payment(source="mall", out_trade_no=f"T{n}", paid_at=NOW))
    close_all(market_database, ago="6 minutes")
    in_time = utc_now() - timedelta(minutes=10)

    last = [
        processes[n % 4 // 2].settle(Payment(source="mall", out_trade_no=f"T{n + 1}", paid_at=in_time))
        for n in range(0, 200, 2)
    ]
    answers, _ = await asyncio.gather(
        asyncio.gather(*last), asyncio.gather(*(sweep.sweep() for sweep in sweeps))
    )
    await sweeps[0].sweep()

    outcomes = query(
        market_database,
        "SELECT team.status, array_agg(DISTINCT seat.status) FROM team JOIN seat ON team_id = id"
        " GROUP BY id, 1",
    )
    assert {(str(status), tuple(seats)) for status, seats in outcomes} <= {  # type: ignore[arg-type]
        ("formed", ("settled",)),
        ("failed", ("refunded", "released")),
    }
    formed = [status for status, _ in outcomes].count("formed")
    assert (answers.count("settled"), answers.count("seat_gone")) == (formed, 100 - formed)
    assert query(market_database, "SELECT count(*) FROM event WHERE kind LIKE 'team.%'") == [(100,)]


async def test_a_hold_ends_as_its_buyer_pays(
    processes: list[Process], sweeps: list[Sweep], market_database: str
) -> None:
    await asyncio.gather(*(processes[0].lock(n) for n in range(60)))
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE seat SET hold_until = locked_at + interval '1 microsecond'")

    payments = [Payment(source="mall", out_trade_no=f"T{n}", paid_at=utc_now()) for n in range(60)]
    answers, _ = await asyncio.gather(
        asyncio.gather(*(processes[n % 2].settle(payments[n]) for n in range(60))),
        asyncio.gather(*(sweep.sweep() for sweep in sweeps)),
    )
    await sweeps[0].sweep()

    settled = answers.count("settled")
    assert answers.count("seat_gone") == 60 - settled
    counts = "SELECT sum(seats_taken), sum(seats_settled) FROM team"
    assert query(market_database, counts) == [(settled, settled)]
    assert query(market_database, "SELECT count(*) FROM event") == [(60 - settled,)]


def paid_up(team_status: TeamStatus) -> tuple[Books, str]:
    team = a_team(seats_target=1)
    books = some_books(CAMPAIGN, team)
    books.terms["summer-1"] = books.listings["mall", "app", "tea"].campaign.terms
    seat, _ = lock_seat(books, a_request(1, team_id=team.id), switches=SWITCHES, now=NOW)
    if team_status is TeamStatus.FORMED:
        team.settle(seat, paid_at=NOW, now=NOW)
    return books, team.id


def test_what_formed_since_it_was_due_does_not_fail() -> None:
    books, team_id = paid_up(TeamStatus.FORMED)

    assert fail_team(books, team_id, LATE, GRACE) == []
    assert (books.teams[team_id].status, books.seats_changed) == (TeamStatus.FORMED, {})


def test_what_is_not_yet_due_does_not_fail() -> None:
    books, team_id = paid_up(TeamStatus.FORMING)
    closes_at = books.teams[team_id].closes_at

    assert fail_team(books, team_id, closes_at + GRACE - timedelta(seconds=1), GRACE) == []
    assert [event.kind for event in fail_team(books, team_id, closes_at + GRACE, GRACE)] == ["team.failed"]


def test_a_seat_paid_for_since_its_hold_was_due_stays() -> None:
    books, team_id = paid_up(TeamStatus.FORMED)

    assert release_due_seats(books, LATE) == []
    assert books.teams[team_id].seats_taken == 1
