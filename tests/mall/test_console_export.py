"""Orders leave for a spreadsheet: all of them, in order, and none of their words is a formula there."""

import csv
import io
from datetime import timedelta

import httpx
import psycopg
import pytest
from mall_builders import NOW, Shopper, World, an_order
from mall_console_builders import code_of

from tuan.mall.export import ROWS_AT_ONCE
from tuan.mall.sheet import HEAD, sheet_rows

STRETCH = {"since": (NOW - timedelta(days=1)).isoformat(), "until": (NOW + timedelta(days=1)).isoformat()}


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


async def test_a_spreadsheet_has_a_head_and_a_row_for_each_order(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    await world.pay(order)
    answer = await olga.get("/orders.csv", params=STRETCH)

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.startswith("\ufeff订单号,")
    head, row = rows_of(answer.text)
    told = dict(zip(head, row, strict=True))
    assert tuple(head) == HEAD
    assert (told["订单号"], told["状态"], told["方式"]) == (order["number"], "已支付", "拼团")
    assert (told["原价（元）"], told["优惠（元）"], told["实付（元）"]) == ("128.00", "20.00", "108.00")
    assert (told["下单时间"], told["交付时间"]) == ("2026-11-23 12:00:00", "")


async def test_every_order_is_in_it_once_however_many_there_are(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    await ann.buy_alone()
    with psycopg.connect(world.database) as connection:
        connection.execute(
            """INSERT INTO mall_order (number, buyer_id, idempotency_key, request_fingerprint, kind,
                product_id, product_title, product_picture, list_fen, discount_fen, payable_fen, created_at,
                status)
            SELECT lpad(n::text, 20, '0'), buyer_id, n::text, request_fingerprint, kind, product_id,
                product_title, product_picture, list_fen, discount_fen, payable_fen,
                created_at - interval '1 second' * (n / 7), 'created'
            FROM mall_order, generate_series(1, %s) AS n""",
            [2 * ROWS_AT_ONCE],
        )
    answer = await olga.get("/orders.csv", params=STRETCH)

    found = [row[0] for row in rows_of(answer.text)[1:]]
    expected = world.rows("SELECT number FROM mall_order ORDER BY created_at DESC, number DESC")
    assert found == [number for (number,) in expected]
    assert len(found) == 2 * ROWS_AT_ONCE + 1


@pytest.mark.parametrize(
    "words",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1+1",
        '=HYPERLINK("http://evil.example","x")',
    ],
)
def test_no_cell_begins_a_formula(words: str) -> None:
    order = an_order(product_title=words, refund_reason=words, refund_asked_at=NOW)
    [cells] = csv.reader(io.StringIO(sheet_rows([order]), newline=""))

    told = dict(zip(HEAD, cells, strict=True))
    assert (told["商品"], told["退款原因"]) == (f"'{words}", f"'{words}")


def test_words_with_commas_quotes_and_lines_stay_in_their_cell() -> None:
    words = 'a,"b"\nc, =1'
    [cells] = csv.reader(io.StringIO(sheet_rows([an_order(product_title=words)]), newline=""))

    assert (len(cells), cells[4]) == (len(HEAD), words)


@pytest.mark.parametrize(
    "stretch",
    [
        {},
        {"since": STRETCH["since"]},
        {"until": STRETCH["until"]},
        {"since": STRETCH["until"], "until": STRETCH["since"]},
        STRETCH | {"until": (NOW + timedelta(days=92)).isoformat()},
    ],
)
async def test_an_endless_export_is_refused(
    world: World, olga: httpx.AsyncClient, stretch: dict[str, str]
) -> None:
    assert code_of(await olga.get("/orders.csv", params=stretch)) == (422, "invalid_request")
