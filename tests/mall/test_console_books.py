"""The books at the console: entries, accounts and days, summing to zero; and audits on demand."""

from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from mall_builders import NOW, Shopper, World
from mall_console_builders import WHY, code_of, deeds

TODAY, TOMORROW = "2026-11-23", "2026-11-24"


async def trade(world: World, ann: Shopper) -> list[str]:
    """Three orders: one delivered, one delivered and paid back the next day, one that waits for its team."""
    delivered, returned = await ann.buy_alone(), await ann.buy_alone()
    for order in (delivered, returned):
        await world.pay(order)
    await world.service.drain()
    world.clock.pass_by(days=1)
    await world.sign_in(ann.browser, "o-ann")
    waiting = await ann.ordered()
    await world.pay(waiting)
    await world.service.drain()
    return [delivered["number"], returned["number"], waiting["number"]]


async def returned(world: World, olga: httpx.AsyncClient, number: str) -> None:
    await olga.post(f"/orders/{number}/refund", json=WHY)
    await world.service.drain()


async def test_entries_are_found_and_each_posting_sums_to_zero(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    _, number, _ = await trade(world, ann)
    await returned(world, olga, number)

    async def found(query: str) -> list[dict[str, Any]]:
        page = (await olga.get(f"/ledger/entries?limit=100&{query}")).json()
        assert page["next_cursor"] is None
        entries: list[dict[str, Any]] = page["items"]
        return entries

    every = await found("")
    assert sum(entry["amount_fen"] for entry in every) == 0
    assert [entry["id"] for entry in every] == sorted((entry["id"] for entry in every), reverse=True)
    assert len(await found(f"order_number={number}")) == 8
    owed = await found(f"posting=refund owed {number}R")
    assert {entry["account"]: entry["amount_fen"] for entry in owed} == {
        "earned": 128_00,
        "refund_owed": -128_00,
    }
    assert {entry["account"] for entry in await found("account=held")} == {"held"}
    tomorrow = (NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(await found(f"since={tomorrow}")) + len(await found(f"until={tomorrow}")) == len(every)


async def test_entries_come_page_by_page(world: World, ann: Shopper, olga: httpx.AsyncClient) -> None:
    await trade(world, ann)
    found, cursor, pages = [], "", 0
    while cursor is not None:
        page = (await olga.get(f"/ledger/entries?limit=4{cursor and f'&cursor={cursor}'}")).json()
        found += [entry["id"] for entry in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1

    assert (found, pages) == ([id for (id,) in world.rows("SELECT id FROM ledger_entry ORDER BY id DESC")], 3)


async def test_the_balance_of_all_accounts_is_zero_now_and_at_any_moment(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    _, number, _ = await trade(world, ann)
    await returned(world, olga, number)

    async def balance(query: str = "") -> dict[str, int]:
        told = (await olga.get(f"/ledger/balance{query}")).json()
        assert told["total_fen"] == 0
        return {one["account"]: one["balance_fen"] for one in told["accounts"]}

    assert await balance() == {
        "gateway": 236_00,
        "held": -108_00,
        "earned": -128_00,
        "refund_owed": 0,
        "gateway_fee": 0,
    }
    earlier = (NOW + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await balance(f"?until={earlier}"))["earned"] == -256_00
    assert set((await balance("?until=2020-01-01T00:00:00Z")).values()) == {0}


async def test_a_ledger_that_does_not_balance_shows_by_how_much(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    await trade(world, ann)
    with psycopg.connect(world.database) as connection:
        connection.execute("ALTER TABLE ledger_entry DISABLE TRIGGER USER")
        connection.execute("UPDATE ledger_entry SET amount_fen = amount_fen + 1 WHERE id = 1")
    assert (await olga.get("/ledger/balance")).json()["total_fen"] == 1

    with psycopg.connect(world.database) as connection:  # As it was, for the audit that ends this test.
        connection.execute("UPDATE ledger_entry SET amount_fen = amount_fen - 1 WHERE id = 1")
        connection.execute("ALTER TABLE ledger_entry ENABLE TRIGGER USER")


async def test_what_was_booked_each_day_in_beijing(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    _, number, _ = await trade(world, ann)
    await returned(world, olga, number)
    days = (await olga.get(f"/ledger/days?first={TODAY}&last={TOMORROW}")).json()["items"]

    told = {(one["day"], one["account"]): (one["debit_fen"], one["credit_fen"]) for one in days}
    assert told == {
        (TODAY, "gateway"): (256_00, 0),
        (TODAY, "held"): (256_00, 256_00),
        (TODAY, "earned"): (0, 256_00),
        (TOMORROW, "gateway"): (108_00, 128_00),
        (TOMORROW, "held"): (0, 108_00),
        (TOMORROW, "earned"): (128_00, 0),
        (TOMORROW, "refund_owed"): (128_00, 128_00),
    }


async def test_every_day_has_its_statistics_and_what_is_held_goes_on(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    _, number, _ = await trade(world, ann)
    await returned(world, olga, number)
    unpaid = await ann.buy_alone()
    await ann.cancel(unpaid["number"])
    world.market.refuses["lock"] = 409, "team_full"
    assert (await ann.order()).status_code == 409
    days = (await olga.get("/statistics/days?first=2026-11-22&last=2026-11-25")).json()["items"]

    orders = [
        [one[f"orders_{name}"] for name in ("placed", "payable", "paid", "fulfilled", "closed", "refunded")]
        for one in days
    ]
    assert orders == [[0] * 6, [2, 2, 2, 2, 0, 1], [3, 2, 1, 0, 2, 0], [0] * 6]
    money = [[one[f"{name}_fen"] for name in ("money_in", "earned", "refunded", "held")] for one in days]
    assert money == [
        [0, 0, 0, 0],
        [256_00, 256_00, 0, 0],
        [108_00, -128_00, 128_00, 108_00],
        [0, 0, 0, 108_00],
    ]
    later = (await olga.get("/statistics/days?first=2026-11-25&last=2026-11-25")).json()["items"]
    assert later == days[-1:]


@pytest.mark.parametrize("room", ["/ledger/days", "/statistics/days"])
@pytest.mark.parametrize(
    "stretch",
    ["", "first=2026-11-02&last=2026-11-01", "first=2026-01-01&last=2026-04-03", "first=x&last=2026-01-01"],
)
async def test_a_stretch_of_days_is_bounded(
    world: World, olga: httpx.AsyncClient, room: str, stretch: str
) -> None:
    assert code_of(await olga.get(f"{room}?{stretch}")) == (422, "invalid_request")


async def test_an_audit_finds_nothing_or_what_is_broken(
    world: World, ann: Shopper, ada: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    await world.pay(order)
    sound = (await ada.post("/audits", json=WHY)).json()
    assert sound == {"at": NOW.isoformat().replace("+00:00", "Z"), "findings": []}

    world.clock.pass_by(minutes=11)  # Paid, and its job never ran.
    [found] = (await ada.post("/audits", json={})).json()["findings"]
    assert found == {"name": "a23_bookmarks_have_their_job", "count": 1, "sample": [order["number"]]}
    assert deeds(world) == [
        ("ada", "books.audited", "mall:books", WHY["reason"]),
        ("ada", "books.audited", "mall:books", ""),
    ]
    assert world.rows("SELECT after -> 'broken' FROM deed ORDER BY id") == [
        ({},),
        ({"a23_bookmarks_have_their_job": 1},),
    ]


async def test_one_audit_runs_at_a_time(world: World, ada: httpx.AsyncClient) -> None:
    with psycopg.connect(world.database) as another:
        another.execute("SELECT pg_advisory_xact_lock(hashtextextended('audit', 0))")
        refused = await ada.post("/audits", json=WHY)
    assert code_of(refused) == (409, "audit_under_way")
    assert refused.headers["retry-after"] == "10"
    assert deeds(world) == []

    assert (await ada.post("/audits", json=WHY)).status_code == 200
