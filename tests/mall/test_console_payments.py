"""An operator looks at payments and at what gateways said; asks again, and has a notify judged once more."""

import re
from urllib.parse import urlencode

import httpx
import psycopg
import pytest
from mall_builders import API, SHOP, Shopper, World
from mall_console_builders import WHY, code_of, deeds

from tuan.mall.notify_shown import FIELDS_MAX, shown

MONEY = """
    SELECT mall_order.status, mall_order.paid_at, payment.status, payment.paid_at, received_fen,
        (SELECT count(*) FROM ledger_entry)
    FROM mall_order JOIN payment ON order_number = mall_order.number"""


async def test_payments_are_found_by_each_of_their_traits(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    paid = await ann.buy_alone()
    await world.pay(paid)
    world.clock.pass_by(minutes=1)
    waiting = await ann.buy_alone()

    async def found(query: str) -> list[str]:
        page = (await olga.get(f"/payments?{query}")).json()
        return [payment["number"] for payment in page["items"]]

    assert await found("") == [waiting["number"], paid["number"]]
    assert await found("status=paid") == [paid["number"]]
    assert await found(f"order_number={waiting['number']}") == [waiting["number"]]
    [(trade_no,)] = world.rows("SELECT gateway_trade_no FROM payment WHERE status = 'paid'")
    assert await found(f"gateway_trade_no={trade_no}") == [paid["number"]]
    assert await found("gateway=wechatpay") == []
    first = (await olga.get("/payments?limit=1")).json()
    assert await found(f"limit=1&cursor={first['next_cursor']}") == [paid["number"]]


async def test_a_lost_notify_is_made_up_for_by_asking(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    world.alipay.pay(order["number"], "108.00")
    answer = await olga.post(f"/payments/{order['number']}/query", json=WHY)

    assert (answer.status_code, answer.json()["trade_status"]) == (200, "paid")
    assert answer.json()["payment"]["told_by"] == "query"
    assert (await ann.see(order["number"]))["status"] == "paid"
    assert deeds(world) == [("olga", "payment.asked", f"payment:{order['number']}", WHY["reason"])]

    again = await olga.post(f"/payments/{order['number']}/query", json={})
    assert again.json() == answer.json()
    assert world.rows("SELECT count(*) FROM ledger_entry") == [(2,)]


async def test_no_button_makes_an_order_paid(world: World, ann: Shopper, ada: httpx.AsyncClient) -> None:
    order = await ann.ordered()
    before = world.rows(MONEY)
    document = (await ada.get(f"{SHOP}{API}/openapi.json")).json()
    buttons = [
        (method, path)
        for path, route in document["paths"].items()
        for method in route
        if path.startswith("/v1/console/") and method != "get"
    ]
    assert len(buttons) > 10

    for method, path in buttons:
        if path.endswith("/cancellation"):
            continue
        named = re.sub(r"{\w+}", order["number"], path)
        pressed = await ada.request(method, f"{SHOP}{API}{named}", json=WHY | {"status": "paid"})
        assert pressed.status_code < 500
    assert world.rows(MONEY) == before


async def test_asking_about_what_nobody_pays_for_changes_nothing(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    before = world.everything()
    answer = await olga.post(f"/payments/{order['number']}/query", json={})
    assert answer.json()["trade_status"] == "absent"

    world.network.away.add("alipay.test")
    assert code_of(await olga.post(f"/payments/{order['number']}/query", json={})) == (503, "unreachable")
    world.network.away.clear()
    world.alipay.signs = False
    answer = await olga.post(f"/payments/{order['number']}/query", json={})
    assert code_of(answer) == (502, "untrusted_answer")
    assert code_of(await olga.post("/payments/none/query", json={})) == (404, "not_found")
    assert world.everything() == before


async def test_a_notify_is_shown_without_who_paid_and_how_it_was_signed(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    who = {"buyer_id": "2088102122524333", "buyer_logon_id": "ann***@example.com", "buyer_open_id": "0ab3c"}
    await world.notify(world.alipay.notify(order["number"], "108.00", **who))
    [listed] = (await olga.get("/notifies")).json()["items"]
    assert (listed["verdict"], listed["payment_number"]) == ("paid", order["number"])
    assert "raw" not in listed

    told = (await olga.get(f"/notifies/{listed['id']}")).json()
    assert told["notify"] == listed
    assert told["fields"]["total_amount"] == "108.00"
    hidden = {name for name, value in told["fields"].items() if value == "***"}
    assert hidden == {*who, "sign", "subject", "fund_bill_list", "auth_app_id"}


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"", {}),
        (b"\xff\xfe\x00", {}),
        (b"[" * 60_000, {}),
        (b"[1, 2]", {}),
        (b"trade_no=1&buyer_id=2&x=", {"trade_no": "1", "buyer_id": "***", "x": "***"}),
        (
            b'{"id": "n1", "resource": {"algorithm": "AEAD", "ciphertext": "abc"}, "payer": {"openid": "o"}}',
            {"id": "n1", "resource.algorithm": "AEAD", "resource.ciphertext": "***", "payer.openid": "***"},
        ),
    ],
    ids=["nothing", "no text", "too deep", "a list", "a form", "JSON"],
)
def test_whatever_comes_shows_only_what_is_harmless(raw: bytes, fields: dict[str, str]) -> None:
    assert shown(raw) == fields


def test_what_is_shown_is_bounded() -> None:
    many = urlencode([(f"f{n}", "x") for n in range(1_000)]).encode()
    assert len(shown(many)) == FIELDS_MAX


async def test_notifies_are_found_by_verdict_and_payment_page_by_page(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    await world.pay(order, sign="forged")
    await world.pay(order)
    await world.pay(order)

    async def found(query: str) -> list[str]:
        page = (await olga.get(f"/notifies?{query}")).json()
        return [notify["verdict"] for notify in page["items"]]

    assert await found("") == ["repeated", "paid", "forged"]
    assert await found("verdict=forged") == ["forged"]
    assert await found(f"payment_number={order['number']}") == ["repeated", "paid"]
    first = (await olga.get("/notifies?limit=2")).json()
    assert await found(f"cursor={first['next_cursor']}") == ["forged"]


async def test_a_notify_judged_once_more_counts_once(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    """It came while our key was wrong; now it is right."""
    order = await ann.ordered()
    await world.pay(order, sign="forged")
    with psycopg.connect(world.database) as connection:
        connection.execute("ALTER TABLE notify_log DISABLE TRIGGER USER")
        raw = urlencode(world.alipay.notify(order["number"], "108.00")).encode()
        connection.execute("UPDATE notify_log SET raw = %s", [raw])
        connection.execute("ALTER TABLE notify_log ENABLE TRIGGER USER")
    [notify] = (await olga.get("/notifies")).json()["items"]

    replays = [await olga.post(f"/notifies/{notify['id']}/replay", json=WHY) for _ in range(2)]
    assert [replay.json() for replay in replays] == [{"verdict": "paid"}, {"verdict": "repeated"}]
    assert (await ann.see(order["number"]))["status"] == "paid"
    assert world.rows("SELECT count(*) FROM ledger_entry") == [(2,)]
    assert deeds(world) == 2 * [("olga", "notify.replayed", f"notify:{notify['id']}", WHY["reason"])]
    kept = (await olga.get("/notifies")).json()["items"]
    assert [one["replay_of"] for one in kept] == [notify["id"], notify["id"], None]


async def test_an_unknown_notify_is_not_found(world: World, olga: httpx.AsyncClient) -> None:
    answers = [await olga.get("/notifies/none"), await olga.post("/notifies/none/replay", json={})]
    assert {code_of(answer) for answer in answers} == {(404, "not_found")}
    assert deeds(world) == []
