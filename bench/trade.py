"""What a whole trade costs in CPU: order, lock, page form, notify, settle, its part of a team that forms,
delivered; beside the work that nobody can leave out: its RSA operations, and its rows as pgbench writes them.

PostgreSQL is on both sides: its backends for our two databases, and its backends for pgbench. The sandbox
stands for the gateway and is on neither; so are browsers, nginx, and the buyers' signing in, which is over
before we count. Nobody looks at their order meanwhile: that all are delivered, the database tells.
"""

import asyncio
import resource
import time

import httpx
import psutil
import psycopg
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bench.floor import bare_trade_seconds, empty_job_seconds
from bench.load import Plan, pgbench_times
from bench.market import MARKET
from bench.report import Figure, figure
from bench.whole import Whole, a_whole
from tuan.kernel.embedded import create_databases, database_url
from tuan.kernel.migrate import upgrade
from tuan.kernel.rsa import sign, verifies
from tuan.story import Buyer, get, pay, place_order, sign_in

PRODUCT, MEMBERS = "9890003", 3
TEAMS_AT_ONCE, WARM_TEAMS = 8, 32  # By then each connection has its statements prepared.
LOOKS_EVERY_SECONDS, PATIENCE_SECONDS = 0.25, 60
RSA_TIMES, ROWS_TIMES = 300, 2000
DELIVERED = "SELECT count(*) FROM mall_order WHERE status = 'fulfilled' AND number = ANY(%s)"
REQUEST = "app_id=2021&biz_content={...}&charset=utf-8&method=alipay.trade.page.pay&sign_type=RSA2" * 4


def trade(plan: Plan) -> Figure:
    teams = 12 if plan.is_quick else 24
    with a_whole() as whole:
        with psycopg.connect(whole.server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE rows")
        rows = database_url(whole.server, "rows")
        queue = create_databases(whole.server, ["queue"])["queue"]
        upgrade(queue, MARKET / "migrations")
        asyncio.run(cpu_of_trades(whole, WARM_TEAMS))
        pairs, more = [], {}
        for _ in range(plan.long_pairs):
            spent = asyncio.run(cpu_of_trades(whole, teams))
            rsa, written = rsa_seconds(), rows_seconds(whole, rows)
            pairs.append((1000 * sum(spent.values()), 1000 * (rsa + written)))
            more = {f"{name} ms": round(1000 * one, 2) for name, one in spent.items()}
            more |= {"rsa ms": round(1000 * rsa, 2), "rows ms": round(1000 * written, 2)}
        more["bare ms"] = round(1000 * bare_trade_seconds(rows, whole.postgres), 2)
        more["empty job ms"] = round(1000 * empty_job_seconds(queue, whole.postgres), 2)
    return figure(pairs, more=more)


async def cpu_of_trades(whole: Whole, teams: int) -> dict[str, float]:
    """Seconds for one trade, of each piece but the sandbox."""
    async with httpx.AsyncClient(base_url=whole.url, timeout=30) as visitor:
        product = await get(visitor, f"/api/mall/v1/products/{PRODUCT}")
    parties = [[visitor_of(whole, f"{team}-{one}") for one in range(MEMBERS)] for team in range(teams)]
    turn = asyncio.Semaphore(TEAMS_AT_ONCE)

    async def play(party: list[Buyer]) -> None:
        async with turn:
            await buy(party, product)

    try:
        for party in parties:
            await asyncio.gather(*(sign_in(buyer) for buyer in party))
        before = whole.cpu_seconds()
        await asyncio.gather(*(play(party) for party in parties))
        await await_delivery(whole, [buyer.number for party in parties for buyer in party])
        after = whole.cpu_seconds()
    finally:
        await asyncio.gather(*(buyer.browser.aclose() for party in parties for buyer in party))
    trades = teams * MEMBERS
    return {name: (after[name] - before[name]) / trades for name in before if not name.startswith("sandbox")}


async def await_delivery(whole: Whole, numbers: list[str]) -> None:
    """Raises TimeoutError."""
    url = database_url(whole.server, "mall")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                [[done]] = await (await connection.execute(DELIVERED, [numbers])).fetchall()
                if done == len(numbers):
                    return
                await asyncio.sleep(LOOKS_EVERY_SECONDS)


def visitor_of(whole: Whole, name: str) -> Buyer:
    return Buyer(name, httpx.AsyncClient(base_url=whole.url, timeout=30), "alipay")


async def buy(party: list[Buyer], product: dict[str, object]) -> None:
    """All order, then all pay."""
    team_id = None
    for buyer in party:
        team_id = await place_order(buyer, product, team_id)
    await asyncio.gather(*(pay(buyer) for buyer in party))


def rsa_seconds() -> float:
    """Of a trade: the mall signs what it sends to the cashier, and verifies one notify. By OpenSSL, as
    `openssl speed rsa2048` does."""
    key = generate_private_key(65537, 2048)
    public = key.public_key()
    began = time.process_time()
    for _ in range(RSA_TIMES):
        verifies(public, REQUEST, sign(key, REQUEST))
    return (time.process_time() - began) / RSA_TIMES


def rows_seconds(whole: Whole, url: str) -> float:
    """Of a trade: pgbench itself, and the backend that serves it, which its server has outlived."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
    client, server = _children_cpu(), _outlived_cpu(whole.postgres)
    pgbench_times("trade.sql", url, times=ROWS_TIMES)
    spent = _children_cpu() - client + _outlived_cpu(whole.postgres) - server
    return spent / ROWS_TIMES


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _outlived_cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.children_user + times.children_system)


TABLES = """
    DROP TABLE IF EXISTS orders, payments, seats, teams, notifies, deliveries, entries;
    CREATE TABLE orders (no text PRIMARY KEY, buyer text, status text, fen bigint, team text, at timestamptz);
    CREATE TABLE payments (no text PRIMARY KEY, order_no text UNIQUE, status text, fen bigint,
        at timestamptz);
    CREATE TABLE seats (no text PRIMARY KEY, team text, buyer text, status text, fen bigint, at timestamptz,
        UNIQUE (team, buyer));
    CREATE TABLE teams (id text PRIMARY KEY, taken int, settled int, status text);
    CREATE TABLE notifies (id text PRIMARY KEY, body text, at timestamptz);
    CREATE TABLE deliveries (order_no text PRIMARY KEY, at timestamptz);
    CREATE TABLE entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_no text, account text,
        fen bigint)"""
