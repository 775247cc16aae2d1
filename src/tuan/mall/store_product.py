"""Every query about products."""

from collections.abc import Sequence
from dataclasses import asdict

from psycopg.rows import class_row

from tuan.kernel.db import Connection
from tuan.mall.product import Product

PAGE = """
    SELECT id, title, subtitle, description, pictures, list_fen FROM product
    WHERE id > %(after)s ORDER BY id LIMIT %(limit)s"""

FIND = """
    SELECT id, title, subtitle, description, pictures, list_fen FROM product WHERE id = %(id)s"""

ANY = "SELECT EXISTS (SELECT FROM product)"

ADD = """
    INSERT INTO product (id, title, subtitle, description, pictures, list_fen)
    VALUES (%(id)s, %(title)s, %(subtitle)s, %(description)s, %(pictures)s, %(list_fen)s)
    ON CONFLICT (id) DO NOTHING"""


async def page(connection: Connection, *, after: str, limit: int) -> list[Product]:
    """At most `limit` products whose id comes after `after`, in the order of their ids."""
    cursor = connection.cursor(row_factory=class_row(Product))
    await cursor.execute(PAGE, {"after": after, "limit": limit})
    return await cursor.fetchall()


async def find(connection: Connection, product_id: str) -> Product | None:
    cursor = connection.cursor(row_factory=class_row(Product))
    await cursor.execute(FIND, {"id": product_id})
    return await cursor.fetchone()


async def is_stocked(connection: Connection) -> bool:
    answer = await connection.execute(ANY)
    return await answer.fetchone() == (True,)


async def add(connection: Connection, products: Sequence[Product]) -> None:
    for product in products:
        await connection.execute(ADD, asdict(product))
