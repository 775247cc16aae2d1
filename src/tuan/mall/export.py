"""Orders for a spreadsheet: read page by page, as many as there are, and never all at once."""

from collections.abc import AsyncIterator

from tuan.kernel.db import Pool, transaction
from tuan.mall import store_console_order
from tuan.mall.sheet import sheet_head, sheet_rows
from tuan.mall.store_console_order import ORDERS, OrderFilter

ROWS_AT_ONCE = 500


async def export_orders(pool: Pool, wanted: OrderFilter, *, sort: str) -> AsyncIterator[str]:
    """CSV. No transaction is open while the reader is slow to read. Raises what Sorting.turn raises."""
    text, cursor = sheet_head(), None
    while True:
        turn = ORDERS.turn(sort, cursor)
        async with transaction(pool) as connection:
            orders = await store_console_order.orders(connection, wanted, turn, limit=ROWS_AT_ONCE)
        yield text + sheet_rows(orders)
        if len(orders) < ROWS_AT_ONCE:
            return
        text, cursor = "", ORDERS.cursor(sort, orders[-1])
