"""What the database itself refuses, whoever asks."""

from typing import LiteralString

import psycopg
import pytest
from mall_builders import NOW, Shopper, World, some_settings
from psycopg import sql

from tuan.kernel.db import build_pool, transaction
from tuan.mall import store_product
from tuan.mall.demo import DEMO_PRODUCTS, load_demo

IMPOSSIBLE: dict[str, LiteralString] = {
    "paid before anybody asked for money": "UPDATE mall_order SET status = 'created'",
    "delivered unpaid": "UPDATE mall_order SET status = 'fulfilled', fulfilled_at = now()",
    "ready unpaid": "UPDATE mall_order SET status = 'ready', ready_at = now()",
    "refunded without a refund": "UPDATE mall_order SET status = 'refunded', refunded_at = now()",
    "paid at no time": "UPDATE mall_order SET status = 'paid'",
    "a price that does not add up": "UPDATE mall_order SET payable_fen = 1",
    "for free": "UPDATE mall_order SET payable_fen = 0, discount_fen = list_fen",
    "dearer than the list price": "UPDATE mall_order SET payable_fen = list_fen + 1, discount_fen = -1",
    "money without its trade": "UPDATE payment SET status = 'paid', paid_at = now()",
    "an open payment with money": "UPDATE payment SET paid_at = now(), gateway_trade_no = 't1'",
    "two payments that count": "INSERT INTO payment SELECT number || '_2', order_number, gateway, amount_fen,"
    " opened_at, expires_at, 'open' FROM payment",
    "paid with another amount": "UPDATE payment SET status = 'paid', paid_at = now(),"
    " gateway_trade_no = 't1', received_fen = 1, told_by = 'query', ask_at = NULL",
    "money nobody told us of": "UPDATE payment SET status = 'closed', paid_at = now(), received_fen = 1,"
    " gateway_trade_no = 't1'",
    "an open payment nobody asks about": "UPDATE payment SET ask_at = NULL",
    "a refund asked for without a reason": "UPDATE mall_order SET refund_asked_at = now()",
    "a refund asked for before it was paid": "UPDATE mall_order"
    " SET refund_asked_at = now(), refund_reason = ''",
    "entries that do not sum to zero": "INSERT INTO ledger_entry (posting, account, order_number, amount_fen,"
    " booked_at) SELECT 'p', 'held', number, 1, now() FROM mall_order",
    "an account of nobody": "INSERT INTO ledger_entry (posting, account, order_number, amount_fen, booked_at)"
    " SELECT 'p', 'pocket', number, 1, now() FROM mall_order",
    "a refund of nothing": "INSERT INTO refund"
    " SELECT number, number, order_number, gateway, 0, '', now(), 'owed' FROM payment",
    "a notify too large to keep": "INSERT INTO notify_log VALUES"
    " ('n', 'alipay', now(), NULL, 'forged', convert_to(repeat('x', 65537), 'UTF8'))",
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
async def test_the_impossible_is_refused(world: World, ann: Shopper, case: str) -> None:
    await ann.ordered()
    before = world.everything()
    with (
        psycopg.connect(world.database, autocommit=True) as connection,
        pytest.raises(psycopg.IntegrityError),
    ):
        connection.execute(IMPOSSIBLE[case])

    assert world.everything() == before


@pytest.mark.parametrize("change", ["UPDATE {} SET order_number = order_number", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["ledger_entry", "order_transition", "notify_log"])
async def test_history_is_only_ever_added_to(world: World, ann: Shopper, table: str, change: str) -> None:
    order = await ann.ordered()
    await world.pay(order)
    column = "verdict" if table == "notify_log" else "order_number"
    statement = change.replace("order_number", column)
    with psycopg.connect(world.database) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(sql.SQL(statement).format(sql.Identifier(table)))


async def test_every_move_of_an_order_is_written_down(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()

    assert world.rows("SELECT from_status, to_status FROM order_transition ORDER BY id") == [
        (None, "created"),
        ("created", "awaiting_payment"),
        ("awaiting_payment", "paid"),
    ]


async def test_two_refunds_of_one_payment_are_refused(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    refund = "INSERT INTO refund VALUES (%s, %s, %s, 'alipay', 1, '', %s, 'owed')"
    with psycopg.connect(world.database) as connection:
        connection.execute(refund, ["R1", order["number"], order["number"], NOW])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(refund, ["R2", order["number"], order["number"], NOW])


async def test_the_demo_fills_an_empty_shop_and_leaves_a_stocked_one_alone(mall_database: str) -> None:
    pool = build_pool(some_settings(mall_database).database_url, size=1)
    async with pool:
        async with transaction(pool) as connection:
            await store_product.add(connection, DEMO_PRODUCTS[:1])
        await load_demo(pool)
        async with transaction(pool) as connection:
            stocked = await store_product.page(connection, said="", after="", limit=50)

    assert [product.id for product in stocked] == ["9890001"]
    assert len(DEMO_PRODUCTS) == 7
    assert all(product.description.count("\n\n") >= 1 for product in DEMO_PRODUCTS)
