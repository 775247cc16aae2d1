"""A mall that was in business before it kept books opens them with all that happened."""

import os

import alembic.command
import alembic.config
import psycopg
from mall_builders import NOW

from tuan.kernel.db import build_pool
from tuan.kernel.embedded import create_databases
from tuan.kernel.migrate import upgrade
from tuan.mall.app import MIGRATIONS
from tuan.mall.audit import audit

BEFORE_THE_BOOKS = """
    INSERT INTO product VALUES ('p', 't', 's', 'd', '{x}', 100);
    INSERT INTO buyer VALUES ('b', 'o', 'n', now());
    INSERT INTO mall_order (number, buyer_id, idempotency_key, request_fingerprint, kind, product_id,
        product_title, product_picture, list_fen, discount_fen, payable_fen, created_at, status, paid_at,
        ready_at, fulfilled_at, closed_at, refunding_at, refunded_at)
    SELECT lpad(n::text, 20, '0'), 'b', n::text, decode(repeat('00', 32), 'hex'), 'alone', 'p', 't', 'x',
        100, 0, 100, '{now}', status,
        CASE WHEN status IN ('fulfilled', 'refunded', 'refunding') THEN timestamptz '{now}' END,
        CASE WHEN status IN ('fulfilled', 'refunding') THEN timestamptz '{now}' END,
        CASE WHEN status IN ('fulfilled', 'refunding') THEN timestamptz '{now}' END,
        CASE WHEN status = 'closed' THEN timestamptz '{now}' END,
        CASE WHEN status IN ('refunding', 'refunded') THEN timestamptz '{now}' END,
        CASE WHEN status = 'refunded' THEN timestamptz '{now}' END
    FROM unnest(ARRAY['awaiting_payment', 'fulfilled', 'refunded', 'refunding', 'closed'])
        WITH ORDINALITY AS one (status, n);
    INSERT INTO payment SELECT number, number, 'alipay', 100, created_at, created_at + interval '15 minutes',
        CASE WHEN paid_at IS NOT NULL THEN 'paid' WHEN status = 'closed' THEN 'closed' ELSE 'open' END,
        CASE WHEN paid_at IS NOT NULL THEN number END, paid_at FROM mall_order;
    INSERT INTO delivery SELECT number, number, fulfilled_at FROM mall_order WHERE fulfilled_at IS NOT NULL;
    INSERT INTO refund SELECT number || 'R', number, number, 'alipay', 100, 'r', refunding_at,
        CASE status WHEN 'refunded' THEN 'done' ELSE 'owed' END, refunded_at
    FROM mall_order WHERE refunding_at IS NOT NULL;
    INSERT INTO notify_log SELECT number, 'alipay', now(), number, 'paid', '' FROM mall_order
    WHERE status = 'fulfilled'"""


async def test_what_happened_before_there_were_books_is_in_them(cluster: str) -> None:
    name = f"mall_before_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    url = create_databases(cluster, [name])[name]
    first = alembic.config.Config()
    first.set_main_option("script_location", str(MIGRATIONS))
    first.attributes["url"] = url
    alembic.command.upgrade(first, "0001")
    with psycopg.connect(url) as connection:
        connection.execute(BEFORE_THE_BOOKS.replace("{now}", NOW.isoformat()).encode())

    upgrade(url, MIGRATIONS)

    async with build_pool(url, size=1) as pool:
        assert await audit(pool, NOW) == []
    with psycopg.connect(url) as books:
        told = books.execute("SELECT told_by, count(*) FROM payment GROUP BY 1 ORDER BY 1").fetchall()
        held = books.execute(
            "SELECT account, sum(amount_fen)::int FROM ledger_entry GROUP BY 1 HAVING sum(amount_fen) <> 0"
            " ORDER BY 1"
        ).fetchall()
        waiting = books.execute("SELECT ask_at IS NOT NULL FROM payment WHERE status = 'open'").fetchall()
    assert told == [("notify", 1), ("query", 2), (None, 2)]
    assert held == [("earned", -100), ("gateway", 200), ("refund_owed", -100)]
    assert waiting == [(True,)]
