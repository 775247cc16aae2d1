"""Can Ann, Bob and Cai buy together? Sign-in, team, cashier, notify, delivery: all real but the wires."""

import io

import psycopg
import pytest
from rich.console import Console
from story_world import URL, World

from tuan.story import tell


def query(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(sql.encode()).fetchall()


@pytest.mark.parametrize(
    ("product", "buyers", "payable_fen"),
    [("9890001", 3, 90_00), ("9890002", 2, 108_00), ("9890003", 3, 54_40), ("9890004", 5, 1_99)],
)
async def test_a_team_buys_together_and_is_delivered(
    working: World, product: str, buyers: int, payable_fen: int
) -> None:
    screen = io.StringIO()

    ended = await tell(URL, product, Console(file=screen, width=100), transport=working.room)

    assert ended == 0, screen.getvalue()
    market, mall, sandbox = (working.databases[name] for name in ("market", "mall", "sandbox"))
    assert query(market, "SELECT status, seats_taken, seats_settled FROM team") == [
        ("formed", buyers, buyers)
    ]
    assert query(market, "SELECT kind, jsonb_array_length(data -> 'out_trade_nos') FROM event") == [
        ("team.formed", buyers)
    ]
    assert query(mall, "SELECT status, payable_fen, count(*) FROM mall_order GROUP BY 1, 2") == [
        ("fulfilled", payable_fen, buyers)
    ]
    assert query(mall, "SELECT count(*), count(DISTINCT order_number) FROM delivery") == [(buyers, buyers)]
    assert query(mall, "SELECT count(*) FROM refund") == [(0,)]
    paid = "SELECT sum(amount_fen), count(DISTINCT gateway_trade_no) FROM payment WHERE status = 'paid'"
    assert query(mall, paid) == [(payable_fen * buyers, buyers)]
    assert query(sandbox, "SELECT count(*) FROM trade WHERE status = 'TRADE_SUCCESS'") == [
        ((buyers + 1) // 2,)
    ]
    assert query(sandbox, "SELECT count(*) FROM wechatpay_order WHERE state = 'SUCCESS'") == [(buyers // 2,)]
