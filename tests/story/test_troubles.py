"""Whatever befalls the news of a payment, its buyer ends with the goods.

Names that begin with a letter and a number are of rows in a catalogue of what can go wrong with a mall.
"""

import asyncio
from urllib.parse import parse_qsl

import pytest
from story_books import come_to_an_end, require_all_well
from story_people import PHONE, a_buyer_alone, an_opener, make_trouble, remove_troubles
from story_world import World

from tuan.kernel.rsa import load_private_key
from tuan.keyring import Keyring
from tuan.sandbox.alipay import signed_params

TEA = "9890002"  # In a team of two.
HOOK = "/api/mall/hooks/alipay"


async def verdicts(world: World) -> list[object]:
    return [verdict for (verdict,) in world.rows("mall", "SELECT verdict FROM notify_log ORDER BY id")]


async def last_told(world: World) -> dict[str, str]:
    """What the mall was told last, without its signature."""
    [*_, (raw,)] = world.rows("mall", "SELECT raw FROM notify_log ORDER BY id")
    assert isinstance(raw, bytes)
    return {name: value for name, value in parse_qsl(raw.decode()) if name not in ("sign", "sign_type")}


async def tell(world: World, keyring: Keyring, fields: dict[str, str]) -> str:
    """As Alipay would: signed with its key."""
    key = load_private_key(keyring.alipay_gateway_private_key)
    async with world.browser() as gateway:
        return (await gateway.post(HOOK, data=signed_params(fields, key))).text


@pytest.mark.parametrize(
    "trouble",
    [
        {"what": "alipay.notify/lost"},
        {"what": "alipay.notify/late", "measure": 300},
        {"what": "alipay.notify/repeated", "measure": 8},
        {"what": "alipay.notify/overtaken"},
        {"what": "alipay.notify/after_query"},
        {"what": "alipay.notify/wrong_sign"},
        {"what": "alipay.notify/wrong_amount"},
        {"what": "alipay.notify/wrong_seller"},
        {"what": "alipay.notify/wrong_app"},
        {"what": "alipay.cashier/notify_first"},
        {"what": "alipay.gateway/unsigned", "times": 3},
        {"what": "alipay.gateway/escaped"},
        {"what": "alipay.gateway/slow", "measure": 1, "times": 1},
        {"what": "alipay.gateway/dead", "times": 5},
        {"what": "alipay.gateway/cut_off", "times": 5},
        {"what": "alipay.gateway/unknown", "times": 5},
        {"what": "alipay.gateway/answer_lost", "times": 5},
        {"what": "alipay.gateway/system_error", "times": 5},
    ],
    ids=lambda trouble: trouble["what"],
)
async def test_who_pays_is_delivered_whatever_befalls_the_news_of_it(
    standing: World, trouble: dict[str, object]
) -> None:
    if trouble["what"].startswith("alipay.gateway"):  # type: ignore[attr-defined]
        await make_trouble(standing, "alipay.notify/lost")  # So that the mall has to ask.
    await make_trouble(standing, **trouble)  # type: ignore[arg-type]
    ann, number = await a_buyer_alone(standing, TEA)
    await ann.pay_for(number)

    await come_to_an_end(standing)

    assert await ann.status(number) == "fulfilled"
    await require_all_well(standing)


async def test_a1_a4_told_again_and_again_it_is_paid_once(standing: World, keyring: Keyring) -> None:
    ann, number = await a_buyer_alone(standing, TEA)
    await ann.pay_for(number)
    await standing.settle_down()
    told = await last_told(standing)

    again = [await tell(standing, keyring, told) for _ in range(3)]
    another = await tell(standing, keyring, told | {"notify_id": told["notify_id"][::-1]})

    assert (again, another) == (["success"] * 3, "success")
    assert await verdicts(standing) == ["paid"] + ["repeated"] * 4
    assert await ann.status(number) == "fulfilled"
    await require_all_well(standing)


async def test_a2_told_fifty_times_at_one_moment_it_is_paid_once(standing: World) -> None:
    await make_trouble(standing, "alipay.notify/repeated", measure=50, times=1)
    ann, number = await a_buyer_alone(standing, TEA)
    await ann.pay_for(number)

    await come_to_an_end(standing)

    said = await verdicts(standing)
    assert (said.count("paid"), set(said)) == (1, {"paid", "repeated"})
    assert await ann.status(number) == "fulfilled"
    await require_all_well(standing)


async def test_a3_the_notify_the_return_and_our_own_question_at_one_moment(standing: World) -> None:
    ann, number = await a_buyer_alone(standing, TEA)
    tab = await ann.pay_for(number)
    standing.clock.pass_by(seconds=6)

    await asyncio.gather(standing.parts.sandbox.drain(), ann.come_back(tab), standing.parts.mall.drain())
    await standing.settle_down()

    assert standing.rows("mall", "SELECT count(*) FROM payment WHERE paid_at IS NOT NULL") == [(1,)]
    assert await ann.status(number) == "fulfilled"
    await require_all_well(standing)


async def test_a6_news_of_the_refund_overtakes_news_of_the_payment(standing: World) -> None:
    await make_trouble(standing, "alipay.notify/overtaken", measure=3600, times=1)
    ann, order = await an_opener(standing, TEA)
    ann.browser.headers["user-agent"] = PHONE  # Who pays on a phone has a gateway that tells of refunds.
    tab = await ann.pay_for(order["number"])
    await ann.come_back(tab)
    await standing.settle_down()
    assert (await ann.ask_refund(order["number"])).status_code == 200

    standing.clock.pass_by(seconds=5)
    await come_to_an_end(standing)

    assert await verdicts(standing) == ["refund_news", "repeated"]
    assert await ann.status(order["number"]) == "refunded"
    await require_all_well(standing)


@pytest.mark.parametrize("kind", ["wrong_sign", "wrong_app", "wrong_amount"])
async def test_a8_a9_a10_nothing_moves_on_the_word_of_a_liar(standing: World, kind: str) -> None:
    await make_trouble(standing, f"alipay.notify/{kind}")
    await make_trouble(standing, "alipay.gateway/unknown", method="alipay.trade.query")
    ann, number = await a_buyer_alone(standing, TEA)
    await ann.pay_for(number)
    await standing.settle_down()
    before = standing.rows("mall", "SELECT status, received_fen FROM payment")

    standing.clock.pass_by(minutes=10)
    await standing.settle_down()

    assert before == [("open", None)]
    assert standing.rows("mall", "SELECT status, received_fen FROM payment") == before
    assert await ann.status(number) == "awaiting_payment"
    assert standing.rows("mall", "SELECT count(*) FROM ledger_entry") == [(0,)]

    await remove_troubles(standing)
    await come_to_an_end(standing)
    assert await ann.status(number) == "fulfilled"
    await require_all_well(standing)


async def test_a11_money_for_an_order_nobody_placed_is_put_on_record_and_alarms(
    standing: World, keyring: Keyring
) -> None:
    ann, number = await a_buyer_alone(standing, TEA)
    await ann.pay_for(number)
    await standing.settle_down()
    told = await last_told(standing) | {"out_trade_no": "261101NOBODYPLACEDME", "trade_no": "1" * 28}

    assert await tell(standing, keyring, told) == "fail"

    assert (await verdicts(standing))[-1] == "unknown_payment"
    assert ("unknown_payment", "261101NOBODYPLACEDME") in standing.rows(
        "mall", "SELECT kind, about FROM alarm"
    )
    await require_all_well(standing)


async def test_a13_an_old_notify_moves_nothing_however_the_order_ended(
    standing: World, keyring: Keyring
) -> None:
    ann, order = await an_opener(standing, TEA)
    await ann.pay_for(order["number"])
    await standing.settle_down()
    told = await last_told(standing)
    await come_to_an_end(standing)
    assert await ann.status(order["number"]) == "refunded"  # Nobody joined.

    assert await tell(standing, keyring, told) == "success"
    await come_to_an_end(standing)

    assert await ann.status(order["number"]) == "refunded"
    assert standing.rows("mall", "SELECT count(*) FROM refund") == [(1,)]
    await require_all_well(standing)


async def test_a16_without_any_notify_the_money_is_found_within_a_minute(standing: World) -> None:
    await make_trouble(standing, "alipay.notify/lost")
    ann, number = await a_buyer_alone(standing, TEA)
    await ann.pay_for(number)

    standing.clock.pass_by(minutes=1)
    await standing.settle_down()

    assert await verdicts(standing) == []
    assert await ann.status(number) == "fulfilled"


async def test_a17_what_the_gateway_does_not_answer_is_unknown_and_not_unpaid(standing: World) -> None:
    await make_trouble(standing, "alipay.notify/lost")
    await make_trouble(standing, "alipay.gateway/cut_off")
    ann, order = await an_opener(standing, TEA)
    await ann.pay_for(order["number"])

    standing.clock.pass_by(minutes=29)  # The cashier has long been shut; the seat is still held.
    await standing.settle_down()
    assert await ann.status(order["number"]) == "awaiting_payment"
    assert standing.rows("market", "SELECT status FROM seat") == [("locked",)]

    await remove_troubles(standing)
    standing.clock.pass_by(seconds=30)
    await standing.settle_down()
    assert await ann.status(order["number"]) == "paid"
    assert standing.rows("market", "SELECT status FROM seat") == [("settled",)]
