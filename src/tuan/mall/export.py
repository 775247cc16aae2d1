"""Orders for a spreadsheet: read page by page, as many as there are, and never all at once."""

from collections.abc import AsyncIterator

from tuan.kernel.db import Pool, transaction
from tuan.mall import store_console_order
from tuan.mall.sheet import sheet_head, sheet_rows
from tuan.mall.store_console_order import OrderFilter

ROWS_AT_ONCE = 500


async def export_orders(pool: Pool, wanted: OrderFilter) -> AsyncIterator[str]:
    """CSV, the newest order first. No transaction is open while the reader is slow to read."""
    text, before = sheet_head(), None
    while True:
        async with transaction(pool) as connection:
            orders = await store_console_order.newest_orders(
                connection, wanted, before=before, limit=ROWS_AT_ONCE
            )
        yield text + sheet_rows(orders)
        if len(orders) < ROWS_AT_ONCE:
            return
        text, before = "", (orders[-1].created_at, orders[-1].number)
