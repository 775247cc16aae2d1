"""Who is outside a segment may not see, may not join, or pays the list price; quote and lock agree."""

import httpx
import psycopg
import pytest

GOODS = {"goods_id": "tea", "channel": "app"}


@pytest.fixture
async def vip(console: httpx.AsyncClient) -> str:
    """Only b1 is in."""
    await console.post("/segments", json={"id": "vip", "name": "老客户"})
    await admit(console, "b1")
    return "vip"


async def admit(console: httpx.AsyncClient, buyer: str) -> None:
    answer = await console.put(
        f"/segments/vip/imports/{buyer}", content=buyer.encode(), headers={"content-type": "text/plain"}
    )
    assert answer.json()["rows_added"] == 1


def limit(url: str, *, sees: bool = False, joins: bool = False, discount: bool = False) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE terms SET segment_id = 'vip', limits_see = %s, limits_join = %s", [sees, joins]
        )
        connection.execute("UPDATE discount SET segment_id = %s", ["vip" if discount else None])
        connection.execute("NOTIFY catalog")


async def quoted(http: httpx.AsyncClient, buyer: str) -> tuple[bool, bool, int]:
    quote = (await http.post("/v1/quotes", json=GOODS | {"buyer_id": buyer})).json()
    return quote["may_see"], quote["may_join"], quote["payable_fen"]


async def locked(http: httpx.AsyncClient, number: str, buyer: str) -> object:
    body = GOODS | {"campaign_id": "summer", "buyer_id": buyer}
    answer = (await http.put(f"/v1/seats/{number}", json=body)).json()
    return answer.get("payable_fen") or answer["code"]


@pytest.mark.parametrize(
    ("scope", "outside"),
    [
        ({"sees": True}, (False, False, 80_00)),
        ({"joins": True}, (True, False, 80_00)),
        ({"sees": True, "joins": True}, (False, False, 80_00)),
    ],
)
async def test_who_is_outside_neither_sees_nor_joins_what_is_limited(
    http: httpx.AsyncClient,
    vip: str,
    market_database: str,
    scope: dict[str, bool],
    outside: tuple[bool, bool, int],
) -> None:
    limit(market_database, **scope)

    assert await quoted(http, "b1") == (True, True, 80_00)
    assert await quoted(http, "b2") == outside
    assert await locked(http, "T2", "b2") == "audience_restricted"
    assert (await http.get("/v1/seats/T2")).status_code == 404
    assert await locked(http, "T1", "b1") == 80_00


async def test_an_audience_that_limits_nothing_keeps_nobody_out(
    http: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    limit(market_database)

    assert await quoted(http, "b2") == (True, True, 80_00)
    assert await locked(http, "T2", "b2") == 80_00


async def test_a_discount_for_a_segment_leaves_the_others_the_list_price(
    http: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    limit(market_database, discount=True)

    assert await quoted(http, "b1") == (True, True, 80_00)
    assert await quoted(http, "b2") == (True, True, 100_00)
    assert [await locked(http, "T1", "b1"), await locked(http, "T2", "b2")] == [80_00, 100_00]


async def test_an_empty_segment_admits_nobody(
    http: httpx.AsyncClient, console: httpx.AsyncClient, market_database: str
) -> None:
    await console.post("/segments", json={"id": "vip", "name": "nobody yet"})
    limit(market_database, sees=True, joins=True, discount=True)

    assert await quoted(http, "b1") == (False, False, 100_00)
    assert await locked(http, "T1", "b1") == "audience_restricted"


async def test_whoever_is_imported_is_in_from_then_on(
    http: httpx.AsyncClient, console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    limit(market_database, sees=True, discount=True)
    assert await quoted(http, "b2") == (False, False, 100_00)

    await admit(console, "b2")

    assert await quoted(http, "b2") == (True, True, 80_00)
    assert await locked(http, "T2", "b2") == 80_00


async def test_whoever_a_rule_puts_out_is_out_from_then_on(
    http: httpx.AsyncClient, console: httpx.AsyncClient, vip: str, market_database: str
) -> None:
    limit(market_database, joins=True)
    assert await quoted(http, "b1") == (True, True, 80_00)

    await console.put("/segments/vip/rule", json={"counts": "seats", "at_least": 1, "window_days": 30})
    await console.post("/segments/vip/rule/runs")

    assert await quoted(http, "b1") == (True, False, 80_00)
    assert await locked(http, "T1", "b1") == "audience_restricted"
