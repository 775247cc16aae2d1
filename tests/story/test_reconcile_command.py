"""`tuan mall reconcile`: a day asked for from a terminal, of a sandbox in a process of its own."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from served import served

from tuan.cluster import environment
from tuan.kernel.clock import beijing_day, utc_now
from tuan.keyring import Keyring
from tuan.up import settings_for

PAID_THEN = """
    INSERT INTO product VALUES ('p', 't', 's', 'd', '{x}', 100);
    INSERT INTO buyer VALUES ('b', 'o', 'n', now());
    INSERT INTO mall_order (number, buyer_id, idempotency_key, request_fingerprint, kind, product_id,
        product_title, product_picture, list_fen, discount_fen, payable_fen, created_at, status, paid_at)
    VALUES ('00000000000000000001', 'b', 'k', decode(repeat('00', 32), 'hex'), 'alone', 'p', 't', 'x',
        100, 0, 100, now(), 'paid', now());
    INSERT INTO payment (number, order_number, gateway, amount_fen, opened_at, expires_at, status,
        gateway_trade_no, paid_at, received_fen, told_by)
    VALUES ('P1', '00000000000000000001', 'alipay', 100, now(), now() + interval '1 hour', 'paid', 't1',
        ('{day} 12:00'::timestamp AT TIME ZONE 'Asia/Shanghai'), 100, 'query')"""


def ask(environ: dict[str, str], day: date) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("tuan")), "mall", "reconcile", "--day", str(day)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture
def databases(mall_database: str, sandbox_database: str, market_database: str) -> dict[str, str]:
    return {"mall": mall_database, "sandbox": sandbox_database, "market": market_database}


def nothing_billed(address: str, day: date) -> None:
    """The one answer of the sandbox that needs no link: it would tell its own public address."""
    trouble = {"period": str(day), "kind": "refused", "says": "NO_BILL_DATA"}
    httpx.post(f"{address}/admin/bill-troubles", json=trouble).raise_for_status()


def test_the_command_tells_what_differs_and_exits_by_it(databases: dict[str, str], keyring: Keyring) -> None:
    _, for_mall, for_sandbox = settings_for("http://unused.test", databases, keyring)
    today = beijing_day(utc_now())
    day = today - timedelta(days=2)
    with served("sandbox", environment(for_sandbox)) as address:
        environ = environment(for_mall) | {"TUAN_MALL_ALIPAY_GATEWAY_URL": f"{address}/alipay/gateway.do"}
        assert ask(environ, today) == (
            2,
            f"alipay {today}: This day is not over; there can be no bill of it.\n",
        )
        nothing_billed(address, day)
        assert ask(environ, day) == (0, f"alipay {day}: lines 0, breaks 0, open 0\n")
        with psycopg.connect(databases["mall"]) as connection:
            connection.execute(PAID_THEN.replace("{day}", str(day)).encode())
        nothing_billed(address, day)
        assert ask(environ, day) == (
            1,
            f"alipay {day}: lines 0, breaks 1, open 1\n"
            "  payment_missing_there P1: ours 100, ledger 0, bill None fen\n",
        )
