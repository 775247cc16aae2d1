"""What the mall sells, changed by an operator: products added, rewritten, put on the shelf and taken off."""

from dataclasses import replace

from tuan.kernel.db import Connection, Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.mall import store_product
from tuan.mall.operator import Deed
from tuan.mall.product import Product, ProductExists
from tuan.mall.store_deed import record


async def add_product(pool: Pool, product: Product, *, deed: Deed) -> Product:
    """Adding the same again changes nothing. Raises ProductExists for another one under that id."""
    async with transaction(pool) as connection:
        if await store_product.add_one(connection, product):
            await record(connection, deed, "product.added", about=f"product:{product.id}", after=product)
            return product

        known = await _hold(connection, product.id)
        if known != product:
            raise ProductExists
        return known


async def rewrite_product(pool: Pool, product: Product, *, deed: Deed) -> Product:
    """All but its place on the shelf; orders keep the title and price they have. Raises NotFound."""
    async with transaction(pool) as connection:
        before = await _hold(connection, product.id)
        after = replace(product, is_on_shelf=before.is_on_shelf)
        await _save(connection, before, after, deed, "product.changed")
    return after


async def shelve_product(pool: Pool, product_id: str, *, is_on_shelf: bool, deed: Deed) -> Product:
    """Raises NotFound."""
    async with transaction(pool) as connection:
        before = await _hold(connection, product_id)
        after = replace(before, is_on_shelf=is_on_shelf)
        action = "product.put_on_shelf" if is_on_shelf else "product.taken_off_shelf"
        await _save(connection, before, after, deed, action)
    return after


async def _hold(connection: Connection, product_id: str) -> Product:
    if product := await store_product.hold(connection, product_id):
        return product
    raise NotFound("There is no such product.")


async def _save(connection: Connection, before: Product, after: Product, deed: Deed, action: str) -> None:
    if after == before:
        return
    await store_product.save(connection, after)
    await record(connection, deed, action, about=f"product:{after.id}", before=before, after=after)
