"""Segments, discounts, deliveries and the record of deeds, each in the order of any of its columns."""

from typing import Any

import httpx
import psycopg
import pytest
from console_builders import TEN_OFF, Office
from sorted_lists import Value, in_order, refusals, walked

from tuan.kernel.ids import new_id

SEGMENTS: dict[str, Value] = {
    "id": lambda row: row["id"],
    "name": lambda row: row["name"],
    "created": lambda row: row["created_at"],
}
DISCOUNTS: dict[str, Value] = {
    "id": lambda row: row["id"],
    "name": lambda row: row["name"],
    "plan": lambda row: row["plan"],
}
DELIVERIES: dict[str, Value] = {
    "created": lambda row: row["event_id"],
    "kind": lambda row: row["kind"],
    "status": lambda row: row["status"],
    "source": lambda row: row["source"],
    "attempts": lambda row: row["attempts"],
}
DEEDS: dict[str, Value] = {"at": lambda row: row["id"]}
LISTS = [
    ("/segments", SEGMENTS, 5),
    ("/discounts", DISCOUNTS, 5),
    ("/deliveries", DELIVERIES, 10),
    ("/audit", DEEDS, 13),
    ("/switches/history", DEEDS, 3),
]
NAMED = [path for path, _, _ in LISTS]
SWITCHES = {
    "downgraded": False,
    "rollout_percent": 100,
    "blocked": [],
    "locks_per_minute": 600,
    "quotes_per_second": 600,
    "reason": "a try",
}


@pytest.fixture
async def kept(office: Office, admin: httpx.AsyncClient) -> None:
    """Five segments and discounts of two names, and what made them; five events for two endpoints."""
    fixed_price = {"plan": "fixed_price", "price_fen": 1}
    for n in range(5):
        segment = {"id": f"s{n * 7 % 5}", "name": f"Segment {n % 2}"}
        discount = {"name": f"Discount {n % 2}", "terms": fixed_price if n % 3 else TEN_OFF["terms"]}
        assert (await admin.post("/segments", json=segment)).status_code == 201
        assert (await admin.post("/discounts", json=discount)).status_code == 201
        office.clock.forward(seconds=n % 2)
    for percent in (10, 20, 30):
        turned = await admin.put("/switches", json=SWITCHES | {"rollout_percent": percent})
        assert turned.status_code == 200
    with psycopg.connect(office.url) as connection:
        connection.execute("INSERT INTO source VALUES ('mall', 'mall', now()), ('till', 'till', now())")
        for endpoint in ("e1", "e2"):
            connection.execute(
                "INSERT INTO endpoint (id, source, url, secret, created_at)"
                " VALUES (%s, 'mall', 'https://mall.test/hooks', 'whsec_', now())",
                [endpoint],
            )
        for n in range(5):
            save_event(connection, n)


def save_event(connection: psycopg.Connection, n: int) -> None:
    event_id, kind, status = new_id(), f"team.{('formed', 'failed')[n % 2]}", ("dead", "pending")[n % 3 // 2]
    connection.execute(
        "INSERT INTO event VALUES (%s, %s, %s, %s, '{}', now())",
        [event_id, ("mall", "till")[n // 3], kind, f"t{n}"],
    )
    for endpoint in ("e1", "e2"):
        connection.execute(
            "INSERT INTO delivery (event_id, endpoint_id, status, died_at)"
            " VALUES (%s, %s, %s, CASE WHEN %s = 'dead' THEN now() END)",
            [event_id, endpoint, status, status],
        )
        for _ in range(n % 3):
            connection.execute(
                "INSERT INTO attempt VALUES (%s, %s, clock_timestamp(), 500, 12, 'busy')",
                [event_id, endpoint],
            )


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(("path", "columns", "count"), LISTS, ids=NAMED)
async def test_a_list_comes_in_the_order_of_any_of_its_columns(
    admin: httpx.AsyncClient, path: str, columns: dict[str, Value], count: int
) -> None:
    def key(row: dict[str, Any]) -> object:
        return row["id"] if "id" in row else (row["event_id"], row["endpoint_id"])

    for sort in [way + column for column in columns for way in ("", "-")]:
        found = await walked(admin, path, sort)
        assert found == in_order(found, columns[sort.removeprefix("-")], key, sort), sort
        assert len({key(row) for row in found}) == len(found) == count


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("/segments", "id"), ("/discounts", "-id"), ("/deliveries", "-created"),
        ("/audit", "-at"), ("/switches/history", "-at"),
    ],
    ids=NAMED,
)  # fmt: skip
async def test_a_list_has_its_own_order_where_none_is_asked_for(
    admin: httpx.AsyncClient, path: str, sort: str
) -> None:
    first = await admin.get(path, params={"limit": 2})
    assert first.json() == (await admin.get(path, params={"limit": 2, "sort": sort})).json()


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("/segments", "name"), ("/discounts", "plan"), ("/deliveries", "attempts"),
        ("/audit", "at"), ("/switches/history", "at"),
    ],
    ids=NAMED,
)  # fmt: skip
async def test_what_is_no_column_or_no_cursor_of_this_order_is_refused(
    admin: httpx.AsyncClient, path: str, sort: str
) -> None:
    assert await refusals(admin, path, sort) == {(422, "invalid_request")}


@pytest.mark.usefixtures("kept")
async def test_a_cursor_of_another_list_is_refused(admin: httpx.AsyncClient) -> None:
    foreign = (await admin.get("/segments", params={"sort": "name", "limit": 1})).json()["next_cursor"]
    for path in ("/deliveries", "/audit"):
        assert (await admin.get(path, params={"cursor": foreign})).status_code == 422
