"""Every query about products."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from psycopg.rows import class_row

from tuan.kernel.db import Connection
from tuan.kernel.sorting import Column, Kind, Sorting, Turn
from tuan.mall.product import Product

COLUMNS: Final = "id, title, subtitle, description, pictures, list_fen, is_on_shelf"

PAGE: Final = f"""
    SELECT {COLUMNS} FROM product
    WHERE id > %(after)s AND is_on_shelf
        AND position(lower(%(said)s) IN lower(title || ' ' || subtitle)) > 0
    ORDER BY id LIMIT %(limit)s"""

# At the console: also what is off the shelf.
FOUND: Final = f"""
    SELECT {COLUMNS} FROM product
    WHERE (%(is_on_shelf)s::boolean IS NULL OR is_on_shelf = %(is_on_shelf)s)
        AND (%(text)s::text IS NULL OR strpos(lower(title), lower(%(text)s)) > 0 OR id = %(text)s)"""
ASSORTMENT: Final = Sorting[Product](
    columns={
        "id": Column("id", Kind.TEXT, lambda product: product.id),
        "title": Column("title", Kind.TEXT, lambda product: product.title),
        "price": Column("list_fen", Kind.NUMBER, lambda product: product.list_fen),
    },
    key=("id",),
    key_of=lambda product: (product.id,),
)

FIND_ALL: Final = f"SELECT {COLUMNS} FROM product WHERE id = ANY(%(ids)s)"

FIND: Final = f"SELECT {COLUMNS} FROM product WHERE id = %(id)s"

HOLD: Final = f"{FIND} FOR UPDATE"

ANY: Final = "SELECT EXISTS (SELECT FROM product)"

ADD: Final = """
    INSERT INTO product (id, title, subtitle, description, pictures, list_fen, is_on_shelf)
    VALUES (%(id)s, %(title)s, %(subtitle)s, %(description)s, %(pictures)s, %(list_fen)s, %(is_on_shelf)s)
    ON CONFLICT (id) DO NOTHING RETURNING id"""

SAVE: Final = """
    UPDATE product SET title = %(title)s, subtitle = %(subtitle)s, description = %(description)s,
        pictures = %(pictures)s, list_fen = %(list_fen)s, is_on_shelf = %(is_on_shelf)s
    WHERE id = %(id)s"""


async def page(connection: Connection, *, said: str, after: str, limit: int) -> list[Product]:
    """At most `limit` products for sale whose id comes after `after`, in the order of their ids; those whose
    title or subtitle says `said`, in capitals or not."""
    cursor = connection.cursor(row_factory=class_row(Product))
    await cursor.execute(PAGE, {"said": said, "after": after, "limit": limit})
    return await cursor.fetchall()


async def assortment(
    connection: Connection, turn: Turn, *, is_on_shelf: bool | None, text: str | None, limit: int
) -> list[Product]:
    """`text` is part of a title, or an id; `turn` is one of ASSORTMENT."""
    asked = {"is_on_shelf": is_on_shelf, "text": text, "limit": limit, **turn.values}
    cursor = connection.cursor(row_factory=class_row(Product))
    await cursor.execute(FOUND + turn.sql, asked)
    return await cursor.fetchall()


async def find(connection: Connection, product_id: str) -> Product | None:
    cursor = connection.cursor(row_factory=class_row(Product))
    await cursor.execute(FIND, {"id": product_id})
    return await cursor.fetchone()


async def hold(connection: Connection, product_id: str) -> Product | None:
    """Locks it until the transaction ends."""
    cursor = connection.cursor(row_factory=class_row(Product))
    await cursor.execute(HOLD, {"id": product_id})
    return await cursor.fetchone()


async def find_all(connection: Connection, product_ids: Sequence[str]) -> list[Product]:
    cursor = connection.cursor(row_factory=class_row(Product))
    await cursor.execute(FIND_ALL, {"ids": list(product_ids)})
    return await cursor.fetchall()


async def is_stocked(connection: Connection) -> bool:
    answer = await connection.execute(ANY)
    return await answer.fetchone() == (True,)


async def add(connection: Connection, products: Sequence[Product]) -> None:
    for product in products:
        await add_one(connection, product)


async def add_one(connection: Connection, product: Product) -> bool:
    """False, and nothing added, when its id is taken."""
    answer = await connection.execute(ADD, asdict(product))
    return await answer.fetchone() is not None


async def save(connection: Connection, product: Product) -> None:
    await connection.execute(SAVE, asdict(product))
