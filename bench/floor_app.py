"""What is left of our services when all but the asking is taken out: no rule, no key, no check, no log.

The statements of `sql/trade.sql` in the same transactions, and the requests of a trade, in bare Starlette.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import LiteralString

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tuan.kernel.db import build_pool, opened_pool, transaction
from tuan.kernel.rsa import sign, verifies

PAGE = "app_id=2021&biz_content={...}&charset=utf-8&method=alipay.trade.page.pay&sign_type=RSA2" * 4
key = generate_private_key(65537, 2048)
pool = build_pool(os.environ.get("TUAN_BENCH_DATABASE", ""), size=12, pinned_plans=True)
market = httpx.AsyncClient(base_url=os.environ.get("TUAN_BENCH_MARKET", ""))

ORDERED: tuple[LiteralString, ...] = (
    "INSERT INTO orders VALUES (%(no)s, 'b1', 'created', 8000, NULL, now())",
)
SEATED: tuple[LiteralString, ...] = (
    """INSERT INTO teams VALUES (%(team)s, 1, 0, 'forming')
        ON CONFLICT (id) DO UPDATE SET taken = teams.taken + 1""",
    "INSERT INTO seats VALUES (%(no)s, %(team)s, %(no)s, 'locked', 8000, now())",
)
OPENED: tuple[LiteralString, ...] = (
    "UPDATE orders SET status = 'awaiting_payment', team = %(team)s WHERE no = %(no)s",
    "INSERT INTO payments VALUES (%(no)s, %(no)s, 'open', 8000, now())",
)
PAID: tuple[LiteralString, ...] = (
    "INSERT INTO notifies VALUES (%(no)s, repeat('notify ', 100), now())",
    "SELECT status FROM orders WHERE no = %(no)s FOR UPDATE",
    "UPDATE orders SET status = 'paid' WHERE no = %(no)s",
    "UPDATE payments SET status = 'paid' WHERE no = %(no)s",
    """INSERT INTO entries (order_no, account, fen)
        VALUES (%(no)s, 'gateway', 8000), (%(no)s, 'owed', -8000)""",
)
SETTLED: tuple[LiteralString, ...] = (
    "UPDATE teams SET settled = settled + 1 WHERE id = %(team)s",
    "UPDATE seats SET status = 'settled' WHERE no = %(no)s",
)
READY: tuple[LiteralString, ...] = ("UPDATE orders SET status = 'ready' WHERE no = %(no)s",)
FULFILLED: tuple[LiteralString, ...] = (
    "UPDATE orders SET status = 'fulfilled' WHERE no = %(no)s",
    "INSERT INTO deliveries VALUES (%(no)s, now())",
)


async def write(statements: tuple[LiteralString, ...], row: dict[str, str]) -> None:
    async with transaction(pool) as connection:
        for statement in statements:
            await connection.execute(statement, row)


async def order(request: Request) -> Response:
    row = await request.json()
    await write(ORDERED, row)
    await market.put("/seat", json=row)
    await write(OPENED, row)
    return PlainTextResponse(row["no"])


async def seat(request: Request) -> Response:
    await write(SEATED, await request.json())
    return Response()


async def pay(_: Request) -> Response:
    return PlainTextResponse(sign(key, PAGE))


async def notify(request: Request) -> Response:
    """All that follows is done at once: no job is kept, fetched and struck off."""
    row = await request.json()
    if not verifies(key.public_key(), PAGE, row["sign"]):
        return Response(status_code=400)
    await write(PAID, row)
    await market.put("/settlement", json=row)
    await write(READY, row)
    await write(FULFILLED, row)
    return PlainTextResponse("success")


async def settlement(request: Request) -> Response:
    await write(SETTLED, await request.json())
    return Response()


async def lock(request: Request) -> Response:
    """Read a team, decide nothing, write: two trips, the second with pgbench's function."""
    row = await request.json()
    async with transaction(pool) as connection:
        found = await connection.execute("SELECT * FROM team WHERE id = %(team)s FOR UPDATE", row)
        await found.fetchall()
        await connection.execute("SELECT lock_seat(%(no)s, %(no)s, %(team)s)", row)
    return Response()


async def ready(_: Request) -> Response:
    return Response()


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with opened_pool(pool), market:
        yield


app = Starlette(
    routes=[
        Route("/order", order, methods=["POST"]),
        Route("/seat", seat, methods=["PUT"]),
        Route("/pay", pay),
        Route("/notify", notify, methods=["POST"]),
        Route("/settlement", settlement, methods=["PUT"]),
        Route("/lock", lock, methods=["PUT"]),
        Route("/readyz", ready),
    ],
    lifespan=lifespan,
)
