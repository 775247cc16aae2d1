"""A rule makes its segment's members exactly those who bought enough lately, when asked and on schedule."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import httpx
import psycopg
import pytest
from console_builders import Office
from market_builders import NOW
from market_processes import query

from tuan.kernel.db import Pool, build_pool
from tuan.kernel.ids import new_id
from tuan.market.operator import Role
from tuan.market.segment_rule import Schedule

MEMBERS = "SELECT buyer_id FROM segment_member WHERE segment_id = 'vip' ORDER BY buyer_id"
A_TEAM = """
    WITH team AS (
        INSERT INTO team (id, campaign_id, terms_id, source, goods_id, opener_id, list_fen, status,
            seats_target, seats_taken, seats_settled, opened_at, closes_at)
        VALUES (%(id)s, 'summer', 'summer-1', 'mall', 'tea', %(buyer)s, %(fen)s, 'forming',
            5, 1, 0, %(paid)s, %(paid)s + interval '1 day')
    )
    INSERT INTO seat (source, out_trade_no, team_id, campaign_id, goods_id, channel, buyer_id, status,
        list_fen, discount_fen, payable_fen, locked_at, hold_until, paid_at, given_back, given_back_at)
    SELECT 'mall', %(id)s, %(id)s, 'summer', 'tea', 'app', %(buyer)s, %(status)s,
        %(fen)s, 0, %(fen)s, %(paid)s, %(paid)s, CASE WHEN %(status)s <> 'locked' THEN %(paid)s END,
        CASE WHEN is_back THEN %(id)s ELSE '' END, CASE WHEN is_back THEN %(paid)s END
    FROM (VALUES (%(status)s IN ('refunded', 'released'))) AS given (is_back)"""
ADD_DUE_RULE = """
    INSERT INTO segment_rule (segment_id, counts, at_least, window_days, every_minutes, next_run_at)
    VALUES (%s, 'seats', 1, 1, 60, %s)"""
RULE = {"counts": "seats", "at_least": 2, "window_days": 30}


@pytest.fixture
async def vip(console: httpx.AsyncClient) -> str:
    await console.post("/segments", json={"id": "vip", "name": "老客户"})
    return "/segments/vip"


@pytest.fixture
def bought(market_database: str) -> Callable[..., None]:
    """Seats of a buyer, each in a team of its own."""

    def buy(buyer: str, *payable_fen: int, days_ago: float = 1, status: str = "settled") -> None:
        with psycopg.connect(market_database) as connection:
            for fen in payable_fen:
                seat = {"buyer": buyer, "fen": fen, "status": status, "paid": NOW - timedelta(days=days_ago)}
                connection.execute(A_TEAM, seat | {"id": new_id()})

    return buy


async def run(console: httpx.AsyncClient, vip: str, **rule: object) -> object:
    assert (await console.put(f"{vip}/rule", json=RULE | rule)).status_code == 200
    return (await console.post(f"{vip}/rule/runs")).json()["last_members"]


async def test_seats_that_are_settled_count_and_others_do_not(
    console: httpx.AsyncClient, vip: str, bought: Callable[..., None], market_database: str
) -> None:
    bought("twice", 100, 100)
    bought("once", 100)
    bought("refunded", 100)
    bought("refunded", 100, status="refunded")
    bought("unpaid", 100)
    bought("unpaid", 100, status="locked")
    bought("long-ago", 100)
    bought("long-ago", 100, days_ago=31)

    assert await run(console, vip) == 1
    assert query(market_database, MEMBERS) == [("twice",)]


async def test_money_that_was_given_back_is_not_spent(
    console: httpx.AsyncClient, vip: str, bought: Callable[..., None], market_database: str
) -> None:
    bought("exactly", 600, 400)
    bought("one-fen-less", 999)
    bought("refunded", 900)
    bought("refunded", 900, status="refunded")

    assert await run(console, vip, counts="spent_fen", at_least=1_000) == 1
    assert query(market_database, MEMBERS) == [("exactly",)]


async def test_a_run_adds_and_removes_until_the_members_are_exactly_those(
    console: httpx.AsyncClient, vip: str, bought: Callable[..., None], market_database: str
) -> None:
    await console.put(f"{vip}/imports/i", content=b"old\nstays\n", headers={"content-type": "text/csv"})
    bought("stays", 100, 100)
    bought("new", 100, 100)

    assert await run(console, vip) == 2
    assert query(market_database, MEMBERS) == [("new",), ("stays",)]

    assert await run(console, vip, at_least=3) == 0
    assert query(market_database, MEMBERS) == []


async def test_where_a_rule_decides_nobody_is_imported(
    console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    await console.put(f"{vip}/rule", json=RULE)
    file = {"content": b"b1\n", "headers": {"content-type": "text/csv"}}

    refused = await console.put(f"{vip}/imports/i", **file)  # type: ignore[arg-type]
    assert (refused.status_code, refused.json()["code"]) == (409, "rule_decides")
    assert query(market_database, MEMBERS) == []

    assert (await console.delete(f"{vip}/rule")).status_code == 204
    assert (await console.put(f"{vip}/imports/i", **file)).json()["rows_added"] == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [{"counts": "clicks"}, {"at_least": 0}, {"at_least": "2"}, {"window_days": 0}, {"window_days": 3651},
     {"every_minutes": 0}, {"every_minutes": 525_601}, {"buyers": []}],
)  # fmt: skip
async def test_a_rule_that_makes_no_sense_changes_nothing(
    console: httpx.AsyncClient, vip: str, market_database: str, wrong: dict[str, object]
) -> None:
    answer = await console.put(f"{vip}/rule", json=RULE | wrong)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert query(market_database, "SELECT count(*) FROM segment_rule") == [(0,)]


async def test_who_may_only_look_changes_no_rule(trading: Office, vip: str, market_database: str) -> None:
    async with trading.browser(Role.VIEWER) as browser:
        answers = [
            await browser.put(f"{vip}/rule", json=RULE),
            await browser.post(f"{vip}/rule/runs"),
            await browser.delete(f"{vip}/rule"),
            await browser.post("/segments", json={"name": "mine"}),
        ]
        assert (await browser.get(vip)).status_code == 200

    assert [answer.json()["code"] for answer in answers] == ["not_permitted"] * 4
    left = "SELECT (SELECT count(*) FROM segment_rule), (SELECT count(*) FROM segment)"
    assert query(market_database, left) == [(0, 1)]


async def test_without_a_segment_or_a_rule_there_is_nothing_to_run(
    console: httpx.AsyncClient, vip: str
) -> None:
    answers = [
        await console.put("/segments/none/rule", json=RULE),
        await console.post(f"{vip}/rule/runs"),
        await console.delete(f"{vip}/rule"),
    ]
    assert [answer.json()["code"] for answer in answers] == ["no_segment", "no_rule", "no_rule"]


async def test_every_change_is_on_record(console: httpx.AsyncClient, vip: str, market_database: str) -> None:
    await run(console, vip)
    await console.delete(f"{vip}/rule")

    actions = query(market_database, "SELECT action, about FROM audit_log ORDER BY id")
    assert actions == [
        (action, "segment:vip")
        for action in ("segment.created", "segment.rule_put", "segment.rule_run", "segment.rule_deleted")
    ]


@pytest.fixture
async def pools(market_database: str) -> AsyncIterator[list[Pool]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(build_pool(market_database, size=2)) for _ in range(3)]


def at(pool: Pool, now: datetime) -> Schedule:
    return Schedule(pool=pool, clock=lambda: now)


async def test_a_schedule_slept_through_is_made_up_for_by_one_run(
    console: httpx.AsyncClient, vip: str, bought: Callable[..., None], market_database: str, pools: list[Pool]
) -> None:
    await console.put(f"{vip}/rule", json=RULE | {"every_minutes": 60})
    bought("twice", 100, 100)
    await at(pools[0], NOW + timedelta(hours=1)).catch_up()
    assert query(market_database, MEMBERS) == [("twice",)]

    bought("later", 100, 100)
    await at(pools[0], NOW + timedelta(hours=2) - timedelta(seconds=1)).catch_up()
    assert query(market_database, MEMBERS) == [("twice",)]

    ten_hours_later = NOW + timedelta(hours=11, minutes=30)
    await at(pools[0], ten_hours_later).catch_up()
    assert query(market_database, MEMBERS) == [("later",), ("twice",)]
    assert query(market_database, "SELECT last_run_at, next_run_at FROM segment_rule") == [
        (ten_hours_later, ten_hours_later + timedelta(hours=1))
    ]


async def test_three_workers_run_each_due_rule_once(
    console: httpx.AsyncClient, market_database: str, pools: list[Pool]
) -> None:
    with psycopg.connect(market_database) as connection:
        for n in range(12):
            connection.execute("INSERT INTO segment VALUES (%s, 's', '', now())", [f"s{n}"])
            connection.execute(ADD_DUE_RULE, [f"s{n}", NOW - timedelta(days=3)])
        connection.execute("CREATE TABLE ran AS SELECT segment_id FROM segment_rule WHERE false")
        connection.execute(
            "CREATE FUNCTION note_run() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO ran VALUES (new.segment_id); RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER note AFTER UPDATE ON segment_rule FOR EACH ROW EXECUTE FUNCTION note_run()"
        )
    try:
        await asyncio.gather(*(at(pool, NOW).catch_up() for pool in pools))
        assert query(market_database, "SELECT count(*), count(DISTINCT segment_id) FROM ran") == [(12, 12)]
    finally:
        with psycopg.connect(market_database) as connection:
            connection.execute("DROP FUNCTION note_run CASCADE")
            connection.execute("DROP TABLE ran")


async def test_a_rule_that_cannot_run_is_put_off_and_keeps_no_other_waiting(
    console: httpx.AsyncClient, vip: str, bought: Callable[..., None], market_database: str, pools: list[Pool]
) -> None:
    await console.put(f"{vip}/rule", json=RULE | {"every_minutes": 60})
    with psycopg.connect(market_database) as connection:
        connection.execute("INSERT INTO segment VALUES ('stuck', 's', '', now())")
        connection.execute("INSERT INTO segment_member VALUES ('stuck', 'b1')")
        connection.execute(ADD_DUE_RULE, ["stuck", NOW - timedelta(days=3)])
        connection.execute(
            "CREATE FUNCTION take_too_long() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE query_canceled; END $$"
        )
        connection.execute(
            "CREATE TRIGGER slow BEFORE DELETE ON segment_member"
            " FOR EACH ROW EXECUTE FUNCTION take_too_long()"
        )
    bought("twice", 100, 100)
    try:
        await at(pools[0], NOW + timedelta(hours=1)).catch_up()
    finally:
        with psycopg.connect(market_database) as connection:
            connection.execute("DROP FUNCTION take_too_long CASCADE")

    assert query(market_database, MEMBERS) == [("twice",)]
    assert query(
        market_database, "SELECT next_run_at, last_run_at FROM segment_rule WHERE segment_id = 'stuck'"
    ) == [(NOW + timedelta(hours=1, minutes=5), None)]
