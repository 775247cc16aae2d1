"""An operator keeps the shelves; the shop shows what is on them, and old orders what they were placed for."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest
from mall_builders import API, TEA, Shopper, World
from mall_console_builders import code_of, deeds, until_they_wait, warmed

MUG = {
    "id": "mug",
    "title": "粗陶马克杯",
    "subtitle": "手作",
    "description": "三百毫升。\n\n可进洗碗机。",
    "pictures": ["/goods/mug-1.svg"],
    "list_fen": 59_00,
}
EVERYTHING = "SELECT to_jsonb(p) FROM product p ORDER BY id"


def body(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (MUG | changes).items() if name != "id"}


async def test_a_product_is_added_off_the_shelf_and_sold_once_it_is_on_it(
    world: World, olga: httpx.AsyncClient, ann: Shopper
) -> None:
    added = await olga.post("/products", json=MUG | {"reason": "新品"})
    assert (added.status_code, added.json()) == (201, MUG | {"is_on_shelf": False})
    assert (await ann.browser.get(f"{API}/v1/products/mug")).status_code == 404

    shelved = await olga.put("/products/mug/shelf", json={"is_on_shelf": True})
    assert shelved.json()["is_on_shelf"] is True
    assert (await ann.browser.get(f"{API}/v1/products/mug")).json()["list_fen"] == 59_00
    order = await ann.order(product_id="mug", kind="alone", campaign_id=None)
    assert order.json()["payable_fen"] == 59_00
    assert deeds(world) == [
        ("olga", "product.added", "product:mug", "新品"),
        ("olga", "product.put_on_shelf", "product:mug", ""),
    ]


async def test_adding_and_shelving_again_change_nothing(world: World, olga: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await olga.post("/products", json=MUG)).status_code == 201
    for _ in range(2):
        assert (await olga.put("/products/mug/shelf", json={"is_on_shelf": True})).status_code == 200

    assert [action for _, action, _, _ in deeds(world)] == ["product.added", "product.put_on_shelf"]


async def test_another_product_under_a_known_id_is_refused(world: World, olga: httpx.AsyncClient) -> None:
    before = world.rows(EVERYTHING)
    answer = await olga.post("/products", json=MUG | {"id": TEA})

    assert code_of(answer) == (409, "product_exists")
    assert (world.rows(EVERYTHING), deeds(world)) == (before, [])


async def test_a_change_of_price_is_on_record_with_before_and_after(
    world: World, olga: httpx.AsyncClient, ann: Shopper
) -> None:
    placed = await ann.buy_alone()
    tea = (await olga.get(f"/products/{TEA}")).json()
    changed = {name: tea[name] for name in tea if name not in ("id", "is_on_shelf")} | {"list_fen": 99_00}
    answer = await olga.put(f"/products/{TEA}", json=changed | {"reason": "促销"})

    assert answer.json() == tea | {"list_fen": 99_00}
    assert (await ann.see(placed["number"]))["payable_fen"] == 128_00
    assert (await ann.buy_alone())["payable_fen"] == 99_00
    [entry] = (await olga.get(f"/deeds?about=product:{TEA}")).json()["items"]
    assert (entry["before"], entry["after"]) == (tea, tea | {"list_fen": 99_00})
    assert (entry["operator_id"], entry["action"], entry["reason"]) == ("olga", "product.changed", "促销")


async def test_what_is_off_the_shelf_is_hidden_and_not_ordered_but_stays_in_old_orders(
    world: World, olga: httpx.AsyncClient, ann: Shopper, bob: Shopper
) -> None:
    placed = await ann.ordered(key="press-01")
    await olga.put(f"/products/{TEA}/shelf", json={"is_on_shelf": False, "reason": "缺货"})

    shown = (await bob.browser.get(f"{API}/v1/products?limit=50")).json()["items"]
    assert TEA not in {product["id"] for product in shown}
    assert (await bob.browser.get(f"{API}/v1/products/{TEA}")).status_code == 404
    team = (await bob.browser.get(f"{API}/v1/teams/{placed['team_id']}")).json()
    assert (team["product"]["id"], team["group"]) == (TEA, None)

    before = world.everything()
    assert code_of(await bob.order(team_id=placed["team_id"])) == (409, "product_off_shelf")
    assert world.everything() == before
    assert (await ann.order(key="press-01")).json()["number"] == placed["number"]
    assert (await ann.see(placed["number"]))["product"]["id"] == TEA
    await world.pay(placed)
    assert (await ann.see(placed["number"]))["status"] == "paid"


async def test_products_are_found_by_shelf_and_by_text_page_by_page(
    world: World, olga: httpx.AsyncClient
) -> None:
    await olga.post("/products", json=MUG)
    assert [one["id"] for one in (await olga.get("/products?is_on_shelf=false")).json()["items"]] == ["mug"]
    assert [one["id"] for one in (await olga.get("/products?text=马克")).json()["items"]] == ["mug"]

    found, cursor = [], ""
    while cursor is not None:
        page = (await olga.get(f"/products?limit=3{cursor and f'&cursor={cursor}'}")).json()
        assert len(page["items"]) <= 3
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert found == [id for (id,) in world.rows("SELECT id FROM product ORDER BY id")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"list_fen": 0},
        {"list_fen": 10_000_000_001},
        {"list_fen": "59"},
        {"title": " "},
        {"title": "x" * 81},
        {"title": "a\nb"},
        {"description": "a\x00b"},
        {"pictures": []},
        {"pictures": ["//evil.example/x.svg"]},
        {"pictures": ["https://evil.example/x.svg"]},
        {"pictures": ["/../x.svg"]},
        {"pictures": ["/x.svg"] * 21},
        {"stock": 3},
    ],
)
async def test_nonsense_is_refused(world: World, olga: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    before = world.rows(EVERYTHING)
    assert code_of(await olga.put(f"/products/{TEA}", json=body(**wrong))) == (422, "invalid_request")
    assert code_of(await olga.post("/products", json=MUG | wrong)) == (422, "invalid_request")
    assert (world.rows(EVERYTHING), deeds(world)) == (before, [])


async def test_an_unknown_product_is_not_found(world: World, olga: httpx.AsyncClient) -> None:
    answers = [
        await olga.get("/products/none"),
        await olga.put("/products/none", json=body()),
        await olga.put("/products/none/shelf", json={"is_on_shelf": True}),
    ]

    assert {code_of(answer) for answer in answers} == {(404, "not_found")}
    assert deeds(world) == []


async def test_what_was_done_cannot_be_rewritten(world: World, olga: httpx.AsyncClient) -> None:
    await olga.post("/products", json=MUG)
    for statement in ("DELETE FROM deed RETURNING id", "UPDATE deed SET reason = 'x' RETURNING id"):
        with pytest.raises(psycopg.errors.CheckViolation, match="only ever added to"):
            world.rows(statement)


async def test_of_two_changes_at_the_same_moment_the_later_knows_the_earlier(
    world: World, olga: httpx.AsyncClient, oleg: httpx.AsyncClient
) -> None:
    await warmed(olga, oleg)
    with psycopg.connect(world.database) as holder:
        holder.execute("SELECT FROM product WHERE id = %s FOR UPDATE", [TEA])
        changes = [
            asyncio.create_task(console.put(f"/products/{TEA}", json=body(list_fen=fen)))
            for console, fen in ((olga, 90_00), (oleg, 80_00))
        ]
        await until_they_wait(world, how_many=2)
    assert [answer.status_code for answer in await asyncio.gather(*changes)] == [200, 200]

    [(_, first), (second, _)] = world.rows("SELECT before, after FROM deed ORDER BY id")
    assert second == first
