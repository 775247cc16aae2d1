"""Who comes alone is given a seat by what is remembered, in one trip, and only where that still holds."""

import asyncio
from collections import Counter
from dataclasses import replace

import psycopg
import pytest
from market_builders import CAMPAIGN, NOW, SWITCHES, a_listing, a_request, a_team, some_books
from market_processes import Process, query

from tuan.kernel.db import Pool
from tuan.market.catalog import Catalog
from tuan.market.lock import lock_seat
from tuan.market.lock_alone import TEAMS_MAX, TeamMemory, lock_alone
from tuan.market.store_alone import save_if_so
from tuan.market.team import Team

ROUNDS = 20
BOOKS = "SELECT id, status, seats_taken, seats_settled FROM team ORDER BY id"
SEATS = "SELECT out_trade_no, buyer_id, status FROM seat ORDER BY out_trade_no"

A_SEAT = """
    INSERT INTO seat (source, out_trade_no, team_id, campaign_id, goods_id, channel, buyer_id, status,
        list_fen, discount_fen, payable_fen, locked_at, hold_until)
    SELECT 'mall', '{number}', id, campaign_id, goods_id, 'app', '{buyer}', 'locked',
        100, 20, 80, now(), now()
    FROM team WHERE id = 'other'"""
GIVEN_BACK = "UPDATE seat SET status = 'released', given_back = out_trade_no, given_back_at = now()"
ANOTHER_CAMPAIGN = """
    BEGIN;
    INSERT INTO terms SELECT 'winter-1', 'winter', discount_id, seats_target, take_limit, team_minutes,
        hold_minutes FROM terms;
    INSERT INTO campaign SELECT 'winter', name, status, starts_at, ends_at, 'winter-1', created_at
        FROM campaign;
    UPDATE listing SET campaign_id = 'winter';
    COMMIT"""
OTHER_TERMS = """
    INSERT INTO terms SELECT 'summer-2', campaign_id, discount_id, seats_target, take_limit, team_minutes,
        hold_minutes FROM terms;
    UPDATE campaign SET terms_id = 'summer-2'"""
OF_THE_GOODS = {
    "the campaign was ended": "UPDATE campaign SET status = 'ended'",
    "the campaign ends sooner": "UPDATE campaign SET ends_at = ends_at - interval '1 hour'",
    "the campaign starts later": "UPDATE campaign SET starts_at = starts_at + interval '1 hour'",
    "the campaign has other terms": OTHER_TERMS,
    "the goods are in another campaign": ANOTHER_CAMPAIGN,
    "the goods have another price": "UPDATE listing SET list_fen = 9000",
    "the goods are sold no more": "DELETE FROM listing",
    "the buyer sits in another team": A_SEAT.format(number="T9", buyer="b1"),
    "the buyer sat there": A_SEAT.format(number="T9", buyer="b1") + "; " + GIVEN_BACK,
    "the order number is another's": A_SEAT.format(number="T1", buyer="b9"),
}
OF_THE_TEAM = {
    "the team is full": "UPDATE team SET seats_taken = seats_target WHERE id = 'team'",
    "the team failed": "UPDATE team SET status = 'failed', closed_at = now() WHERE id = 'team'",
    "the team is gone": "DELETE FROM team WHERE id = 'team'",
}


@pytest.fixture
def teams(selling: str) -> None:
    with psycopg.connect(selling) as connection:
        for name in ("team", "other"):
            connection.execute(
                "INSERT INTO team SELECT %s, 'summer', 'summer-1', 'mall', 'tea', 'b0', 10000, 'forming',"
                " 5, 2, 0, %s, %s, NULL",
                [name, NOW, a_team().closes_at],
            )


async def save(pool: Pool, *, opens: bool) -> tuple[bool, Team]:
    """As if decided a moment ago."""
    remembered = a_team(id="team", seats_taken=1)
    request = a_request(1, team_id=None if opens else "team")
    seat, team = lock_seat(some_books(CAMPAIGN, remembered), request, switches=SWITCHES, now=NOW)
    return await save_if_so(pool, seat, team, a_listing(), opens=opens), team


@pytest.mark.usefixtures("teams")
async def test_what_is_as_remembered_is_written_and_counted_by_the_database(
    processes: list[Process], selling: str
) -> None:
    saved, team = await save(processes[0].pool, opens=False)

    assert saved
    assert team.seats_taken == 3
    assert query(selling, BOOKS) == [("other", "forming", 2, 0), ("team", "forming", 3, 0)]
    assert query(selling, SEATS) == [("T1", "b1", "locked")]


@pytest.mark.usefixtures("teams")
async def test_a_team_is_opened_with_its_first_seat(processes: list[Process], selling: str) -> None:
    saved, team = await save(processes[0].pool, opens=True)

    assert saved
    assert query(selling, f"SELECT seats_taken, opener_id FROM team WHERE id = '{team.id}'") == [(1, "b1")]
    assert query(selling, "SELECT team_id, payable_fen FROM seat") == [(team.id, 80_00)]


@pytest.mark.usefixtures("teams")
@pytest.mark.parametrize(
    ("meanwhile", "opens"),
    [
        *((change, opens) for change in OF_THE_GOODS for opens in (False, True)),
        *((change, False) for change in OF_THE_TEAM),
    ],
)
async def test_nothing_is_written_where_it_is_otherwise(
    meanwhile: str, opens: bool, processes: list[Process], selling: str
) -> None:
    with psycopg.connect(selling, autocommit=True) as connection:
        connection.execute((OF_THE_GOODS | OF_THE_TEAM)[meanwhile].encode())
    before = query(selling, BOOKS), query(selling, SEATS)

    saved, _ = await save(processes[0].pool, opens=opens)

    assert not saved
    assert (query(selling, BOOKS), query(selling, SEATS)) == before


async def test_who_comes_alone_asks_for_no_terms(processes: list[Process], selling: str) -> None:
    """They are out of reach here for whoever would ask."""
    one, _ = processes
    team_id = await one.lock(1)
    with psycopg.connect(selling) as other:
        other.execute("LOCK TABLE terms IN ACCESS EXCLUSIVE MODE")

        joined, opened = await one.lock(2, team_id=team_id), await one.lock(3)

    assert joined == team_id
    assert sorted(query(selling, "SELECT id, seats_taken FROM team")) == sorted([(team_id, 2), (opened, 1)])


async def test_what_the_other_process_did_is_found(processes: list[Process], selling: str) -> None:
    one, two = processes
    team_id = await one.lock(1)
    assert [await two.lock(n, team_id=team_id) for n in (2, 3, 4, 5)] == [team_id] * 4

    assert await one.lock(6, team_id=team_id) == "team_full"
    assert query(selling, "SELECT seats_taken FROM team") == [(5,)]
    assert query(selling, "SELECT count(*) FROM seat") == [(5,)]


async def test_a_team_keeps_the_terms_it_opened_with(processes: list[Process], selling: str) -> None:
    one, _ = processes
    team_id = await one.lock(1)
    with psycopg.connect(selling) as connection:
        connection.execute(OTHER_TERMS.replace("take_limit", "9").replace("seats_target", "2").encode())

    assert [await one.lock(n, team_id=team_id) for n in (2, 3)] == [team_id] * 2
    assert query(selling, "SELECT terms_id, seats_target, seats_taken FROM team") == [("summer-1", 5, 3)]


async def test_who_is_in_the_segment_of_a_discount_pays_its_price(
    processes: list[Process], selling: str
) -> None:
    one, _ = processes
    with psycopg.connect(selling) as connection:
        connection.execute("INSERT INTO segment VALUES ('vip', 'vip', '', now())")
        connection.execute("INSERT INTO segment_member VALUES ('vip', 'b2')")
        connection.execute("UPDATE discount SET segment_id = 'vip'")
    team_id = await one.lock(1)

    assert await one.lock(2, team_id=team_id) == team_id
    assert query(selling, "SELECT buyer_id, payable_fen FROM seat ORDER BY 1") == [
        ("b1", 100_00),
        ("b2", 80_00),
    ]


async def test_what_was_otherwise_is_not_believed_again(processes: list[Process], selling: str) -> None:
    pool, memory, team = processes[0].pool, TeamMemory(), a_team()
    memory.keep([team])  # Which PostgreSQL does not know.
    catalog = Catalog(pool, selling)
    request = a_request(1, team_id=team.id)

    assert await lock_alone(pool, catalog, memory, request, switches=SWITCHES, now=NOW) is None
    assert memory.books(request, a_listing()) is None


async def test_asking_again_finds_the_same_seat(processes: list[Process], selling: str) -> None:
    one, two = processes
    team_id = await one.lock(1)

    assert [await one.lock(1), await two.lock(1), await one.lock(1, team_id=team_id)] == [team_id] * 3
    assert await one.lock(1, buyer_id="b2") == "order_number_reused"
    assert query(selling, "SELECT seats_taken FROM team") == [(1,)]


async def test_the_last_seat_is_given_once(processes: list[Process], selling: str) -> None:
    for start in range(0, 10 * ROUNDS, 10):
        team_id = await processes[0].lock(start)
        for n in (1, 2, 3):
            await processes[n % 2].lock(start + n, team_id=team_id)

        racers = (process.lock(start + 4 + n, team_id=team_id) for n, process in enumerate(processes))
        assert Counter(await asyncio.gather(*racers)) == {team_id: 1, "team_full": 1}

    assert query(selling, "SELECT seats_taken, count(*) FROM team GROUP BY 1") == [(5, ROUNDS)]
    assert query(selling, "SELECT count(*) FROM seat") == [(5 * ROUNDS,)]


async def test_a_buyer_at_two_processes_takes_what_the_campaign_allows(
    processes: list[Process], selling: str
) -> None:
    for n in range(ROUNDS):
        racers = (process.lock(100 * i + n, buyer_id=f"b{n}") for i, process in enumerate(processes))
        found = Counter(await asyncio.gather(*racers))
        assert found["take_limit_reached"] == 1, found

    assert query(selling, "SELECT count(*), count(DISTINCT buyer_id) FROM seat") == [(ROUNDS, ROUNDS)]


def test_no_more_teams_are_kept_than_fit() -> None:
    memory, team = TeamMemory(), a_team()
    memory.keep(replace(team, id=str(n)) for n in range(TEAMS_MAX + 1))
    memory.keep([team])

    assert memory.books(a_request(1, team_id=team.id), a_listing()) is not None
    assert memory.books(a_request(1, team_id="0"), a_listing()) is None


def test_what_is_kept_stays_as_it_was() -> None:
    memory, team = TeamMemory(), a_team(seats_taken=1)
    memory.keep([team])
    request = a_request(1, team_id=team.id)
    for _ in range(2):
        books = memory.books(request, a_listing())
        assert books
        _, joined = lock_seat(books, request, switches=SWITCHES, now=NOW)
        assert joined.seats_taken == 2
