"""An operator sees each day's bill against the books, has it compared again, and ends what differs."""

from typing import Any

import httpx
import psycopg
from bill_builders import DAY, Row
from mall_builders import Shopper, World
from mall_console_builders import WHY, code_of, deeds
from reconcile_builders import bill, next_morning, paid, reconcile, true_bill, whole

from tuan.mall.reconcile import RUNS_MAX

RERUN = f"/reconciliations/alipay/{DAY}/rerun"


async def one_break(ada: httpx.AsyncClient, query: str = "") -> dict[str, Any]:
    [seen] = (await ada.get(f"/breaks?{query}")).json()["items"]
    told: dict[str, Any] = seen
    return told


async def test_a_day_is_compared_again_and_shown_with_what_differs(
    world: World, ann: Shopper, ada: httpx.AsyncClient
) -> None:
    await paid(world, ann)
    next_morning(world)
    rows = true_bill(world)
    bill(world, *rows, Row(number="X9", fen=5, trade_no="X"))
    for _ in range(2):
        answer = await ada.post(RERUN, json=WHY)
        assert (answer.status_code, answer.json()["breaks_open"], answer.json()["lines"]) == (200, 1, 2)

    runs = (await ada.get("/reconciliations")).json()
    assert runs == {"items": [answer.json()], "next_cursor": None}
    seen = await one_break(ada, f"status=open&gateway=alipay&day={DAY}")
    assert (seen["kind"], seen["about"], seen["bill_fen"]) == ("payment_unknown", "X9", 5)
    assert deeds(world) == 2 * [("ada", "day.reconciled", f"day:alipay/{DAY}", WHY["reason"])]


async def test_a_day_that_is_not_over_or_has_no_bill_is_not_compared(
    world: World, ann: Shopper, ada: httpx.AsyncClient
) -> None:
    await paid(world, ann)
    before = whole(world)
    assert code_of(await ada.post(RERUN, json=WHY)) == (409, "day_not_over")
    assert code_of(await ada.post(f"/reconciliations/none/{DAY}/rerun", json=WHY)) == (409, "day_not_over")
    assert code_of(await ada.post("/reconciliations/alipay/today/rerun", json=WHY)) == (
        422,
        "invalid_request",
    )
    next_morning(world)
    assert code_of(await ada.post(f"/reconciliations/none/{DAY}/rerun", json=WHY)) == (404, "not_found")
    assert deeds(world) == []

    assert code_of(await ada.post(RERUN, json=WHY)) == (503, "no_bill_yet")
    assert whole(world) == before


async def test_a_break_is_repaired_once_the_gateway_says_so(
    world: World, ann: Shopper, ada: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    trade = world.alipay.pay(order["number"], "108.00")
    next_morning(world)
    true_bill(world)
    trade["trade_status"] = "WAIT_BUYER_PAY"
    await reconcile(world)
    seen = await one_break(ada)
    trade["trade_status"] = "TRADE_SUCCESS"

    answer = await ada.post(f"/breaks/{seen['id']}/repair", json=WHY)
    assert (answer.status_code, answer.json()["status"]) == (200, "repaired")
    assert world.rows("SELECT status FROM payment") == [("paid",)]
    before = whole(world)
    assert code_of(await ada.post(f"/breaks/{seen['id']}/repair", json=WHY)) == (409, "break_ended")
    assert whole(world) == before
    assert deeds(world) == [("ada", "break.repair_asked", f"break:{seen['id']}", WHY["reason"])]


async def test_a_break_is_resolved_with_a_reason_once(
    world: World, ann: Shopper, ada: httpx.AsyncClient
) -> None:
    await paid(world, ann)
    next_morning(world)
    rows = true_bill(world)
    bill(world, *rows, Row(number="X9", fen=5, trade_no="X"))
    await reconcile(world)
    seen = await one_break(ada)
    resolution = f"/breaks/{seen['id']}/resolution"
    assert code_of(await ada.put(resolution, json={})) == (422, "invalid_request")

    answer = await ada.put(resolution, json={"reason": "线下收款"})
    assert answer.json() == seen | {
        "status": "resolved",
        "reason": "线下收款",
        "ended_by": "ada",
        "ended_at": answer.json()["ended_at"],
    }
    assert code_of(await ada.put(resolution, json=WHY)) == (409, "break_ended")
    assert code_of(await ada.put("/breaks/none/resolution", json=WHY)) == (404, "not_found")
    assert code_of(await ada.post("/breaks/none/repair", json=WHY)) == (404, "not_found")
    assert deeds(world) == [("ada", "break.resolved", f"break:{seen['id']}", "线下收款")]
    [(before,)] = world.rows("SELECT before ->> 'kind' FROM deed")
    assert before == "payment_unknown"


async def test_days_and_breaks_come_page_by_page_and_no_day_is_torn(
    world: World, ada: httpx.AsyncClient
) -> None:
    with psycopg.connect(world.database) as connection:
        connection.execute(
            "INSERT INTO reconciliation (gateway, day, status, tries, lines, taken_fen, given_back_fen,"
            " fees_fen, started_at, done_at)"
            " SELECT name, day, 'done', 0, 0, 0, 0, 0, now(), now()"
            " FROM unnest(ARRAY['alipay', 'b', 'wechatpay']) AS gateway (name),"
            " generate_series(date '2026-01-01', date '2026-03-01', interval '1 day') AS day"
        )
        connection.execute(
            "INSERT INTO reconciliation_break (id, gateway, day, kind, about, detail, status, found_at)"
            " SELECT lpad(n::text, 4, '0'), 'alipay', '2026-01-01', 'payment_unknown', n::text, '', 'open',"
            " now() FROM generate_series(1, 101) AS n"
        )
    for room, expected in (("reconciliations", 180), ("breaks", 101)):
        found, cursor, pages = [], "", 0
        while cursor is not None:
            page = (await ada.get(f"/{room}{cursor and f'?cursor={cursor}'}")).json()
            assert len(page["items"]) <= RUNS_MAX
            found += [tuple(one.values()) for one in page["items"]]
            cursor, pages = page["next_cursor"], pages + 1
        assert (len(found), len(set(found)), pages) == (expected, expected, 2)
