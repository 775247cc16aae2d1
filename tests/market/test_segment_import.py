"""A file of buyers becomes members of a segment: all of them or none, and every row is accounted for."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import psycopg
import pytest
from console_builders import Office
from market_processes import query
from starlette.types import Message, Receive, Scope, Send

from tuan.kernel.clock import utc_now
from tuan.kernel.service import Service
from tuan.market.app import build
from tuan.market.config import MarketSettings
from tuan.market.operator import Role

CSV = {"content-type": "text/csv"}
LEFT = "SELECT (SELECT count(*) FROM segment_member), (SELECT count(*) FROM segment_staged)"

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@pytest.fixture
async def vip(console: httpx.AsyncClient) -> str:
    answer = await console.post("/segments", json={"id": "vip", "name": "老客户"})
    assert answer.status_code == 201
    return "/segments/vip"


async def put(
    console: httpx.AsyncClient, vip: str, name: str, content: bytes | AsyncIterator[bytes]
) -> httpx.Response:
    return await console.put(f"{vip}/imports/{name}", content=content, headers=CSV)


async def test_a_new_segment_admits_nobody(console: httpx.AsyncClient, vip: str) -> None:
    segment = (await console.get(vip)).json()

    assert (segment["name"], segment["members"], segment["rule"]) == ("老客户", 0, None)
    assert (await console.get(f"{vip}/members/b1")).json() == {"buyer_id": "b1", "is_member": False}
    assert (await console.post("/segments", json={"id": "vip", "name": "x"})).json()[
        "code"
    ] == "segment_exists"
    assert [one["id"] for one in (await console.get("/segments")).json()["items"]] == ["vip"]


async def test_every_row_is_added_a_duplicate_or_bad(console: httpx.AsyncClient, vip: str) -> None:
    await put(console, vip, "first", b"b1\nb2\n")

    answer = await put(console, vip, "second", b"buyer_id\nb2\nb3\nno good\nb3\n\nb4")

    done = answer.json()
    assert (answer.status_code, done["status"], done["ended_at"] is not None) == (200, "done", True)
    assert [done[count] for count in ("rows_read", "rows_added", "duplicates", "bad_rows")] == [
        6 - 1,
        2,
        2,
        1,
    ]
    assert done["bad_samples"] == [{"line": 4, "text": "no good"}]
    assert (await console.get(vip)).json()["members"] == 4
    assert [(await console.get(f"{vip}/members/{buyer}")).json()["is_member"] for buyer in ("b3", "b9")] == [
        True,
        False,
    ]
    listed = (await console.get(f"{vip}/imports")).json()["items"]
    assert [one["id"] for one in listed] == ["second", "first"]


async def test_two_files_at_once_bring_each_buyer_in_once(
    console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    with psycopg.connect(market_database) as holder:
        holder.execute("SELECT FROM segment WHERE id = 'vip' FOR NO KEY UPDATE")
        importing = [asyncio.create_task(put(console, vip, name, b"b1\nb2\nb3\n")) for name in ("one", "two")]
        async with asyncio.timeout(10):
            while query(market_database, WAITING) != [(2,)]:
                await asyncio.sleep(0.01)
    done = [(await one).json() for one in importing]

    assert sorted((one["rows_added"], one["duplicates"]) for one in done) == [(0, 3), (3, 0)]
    assert query(market_database, LEFT) == [(3, 0)]


async def test_a_second_file_under_the_same_name_changes_nothing(
    console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    await put(console, vip, "first", b"b1\n")

    answer = await put(console, vip, "first", b"b2\n")

    assert (answer.status_code, answer.json()["code"]) == (409, "import_exists")
    assert query(market_database, LEFT) == [(1, 0)]


async def test_who_watches_an_import_sees_it_move(
    console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    rest, seen = asyncio.Event(), asyncio.Event()

    async def file() -> AsyncIterator[bytes]:
        yield b"".join(b"b%d\n" % n for n in range(25_000)) + b"no good\n"
        seen.set()
        await rest.wait()
        yield b"last"

    importing = asyncio.create_task(put(console, vip, "slow", file()))
    await seen.wait()
    meanwhile = (await console.get(f"{vip}/imports/slow")).json()
    assert (meanwhile["status"], meanwhile["rows_read"], meanwhile["bad_rows"]) == ("running", 25_001, 1)
    assert query(market_database, LEFT) == [(0, 25_000)]

    rest.set()
    assert (await importing).json()["rows_added"] == 25_001
    assert query(market_database, LEFT) == [(25_001, 0)]


async def test_an_import_cut_off_leaves_the_segment_as_it_was(
    market: Service, console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    await put(console, vip, "first", b"b1\n")

    async def cut_off(scope: Scope, receive: Receive, send: Send) -> None:
        async def gone() -> Message:
            message = await receive()
            return message if message.get("more_body", True) else {"type": "http.disconnect"}

        await market.app(scope, gone, send)

    async def file() -> AsyncIterator[bytes]:
        yield b"".join(b"c%d\n" % n for n in range(25_000))

    transport = httpx.ASGITransport(cut_off)
    async with httpx.AsyncClient(transport=transport, cookies=console.cookies) as browser:
        answer = await put(browser, "http://market/console/v1/segments/vip", "cut", file())

    assert answer.json()["code"] == "import_abandoned"
    assert query(market_database, LEFT) == [(1, 0)]
    assert (await console.get(f"{vip}/imports/cut")).json()["status"] == "failed"


async def test_an_import_whose_process_died_is_found_to_have_failed(
    market: Service, console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    with psycopg.connect(market_database) as connection:
        connection.execute("INSERT INTO segment_staged VALUES ('dead', 'b1'), ('alive', 'b2')")
        for name, minutes in (("dead", 11), ("alive", 9)):
            connection.execute(
                "INSERT INTO segment_import (id, segment_id, status, started_at, heard_at)"
                " VALUES (%s, 'vip', 'running', now(), now() - make_interval(mins => %s))",
                [name, minutes],
            )

    await market.drain()

    assert query(market_database, "SELECT id, status FROM segment_import ORDER BY id") == [
        ("alive", "running"),
        ("dead", "failed"),
    ]
    assert query(market_database, "SELECT import_id FROM segment_staged") == [("alive",)]


async def test_an_import_given_up_meanwhile_adds_nobody(
    selling: str, console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    """Its process only slept: an hour later, another worker had given it up."""
    late = build(MarketSettings(database_url=selling), clock=lambda: utc_now() + timedelta(hours=1))

    async def file() -> AsyncIterator[bytes]:
        yield b"b1\n"
        async with late.opened():
            await late.drain()
        yield b"b2\n"

    answer = await put(console, vip, "slept", file())

    assert (answer.status_code, answer.json()["code"]) == (409, "import_abandoned")
    assert query(market_database, LEFT) == [(0, 0)]


@pytest.mark.parametrize(
    ("segment", "kind", "role", "refusal"),
    [
        ("none", "text/csv", Role.OPERATOR, (404, "no_segment")),
        ("vip", "application/json", Role.OPERATOR, (415, "not_a_list")),
        ("vip", "", Role.OPERATOR, (415, "not_a_list")),
        ("vip", "text/plain; charset=utf-8", Role.VIEWER, (403, "not_permitted")),
        ("vip", "text/plain", None, (401, "not_signed_in")),
    ],
)
async def test_a_refused_import_leaves_nothing(
    trading: Office,
    vip: str,
    market_database: str,
    segment: str,
    kind: str,
    role: Role | None,
    refusal: tuple[int, str],
) -> None:
    async with trading.browser(role) as browser:
        answer = await browser.put(
            f"/segments/{segment}/imports/i", content=b"b1\n", headers={"content-type": kind}
        )

    assert (answer.status_code, answer.json()["code"]) == refusal
    assert query(market_database, LEFT) == [(0, 0)]
    assert query(market_database, "SELECT count(*) FROM segment_import") == [(0,)]


async def test_only_this_route_takes_more_than_64_kib(console: httpx.AsyncClient, vip: str) -> None:
    content = b"".join(b"b%d\n" % n for n in range(20_000))

    assert (await put(console, vip, "large", content)).json()["rows_added"] == 20_000
    for refused in (
        await console.post(f"{vip}/imports/large", content=content, headers=CSV),
        await console.put(f"{vip}/rule", content=content, headers=CSV),
    ):
        assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


async def test_the_change_is_on_record_with_who_made_it(
    console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    await put(console, vip, "first", b"b1\n")

    assert query(
        market_database,
        "SELECT name, action, about, after ->> 'rows_added' FROM audit_log"
        " JOIN operator ON operator.id = operator_id ORDER BY audit_log.id",
    ) == [
        ("olga", "segment.created", "segment:vip", None),
        ("olga", "segment.imported", "segment:vip", "1"),
    ]


async def test_a_million_rows_take_well_under_a_minute(
    console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    async def file() -> AsyncIterator[bytes]:
        for start in range(0, 1_000_000, 5_000):
            yield b"".join(b"buyer-%d\n" % ((n * 7_919) % 999_000) for n in range(start, start + 5_000))

    began = time.perf_counter()
    done = (await put(console, vip, "million", file())).json()
    took = time.perf_counter() - began

    assert (done["rows_read"], done["rows_added"], done["duplicates"]) == (1_000_000, 999_000, 1_000)
    assert took < 60, took
    assert query(market_database, LEFT) == [(999_000, 0)]
