"""The books: every story ends with nothing held, and what was earned or given back is to the fen."""

from mall_builders import NOW, Shopper, World, a_payment, an_order

from tuan.mall.ledger import Account, delivered, money_in, refund_done, refund_owed
from tuan.mall.payment import PaymentStatus, Receipt, ToldBy, full_refund

BALANCES = """
    SELECT account, sum(amount_fen)::bigint FROM ledger_entry
    GROUP BY account HAVING sum(amount_fen) <> 0 ORDER BY account"""


def test_each_thing_that_happens_to_money_has_two_sides() -> None:
    payment = a_payment()
    receipt = Receipt(payment_number=payment.number, gateway_trade_no="t1", amount_fen=7, paid_at=NOW)
    payment.receive(receipt, told_by=ToldBy.NOTIFY)
    refund = full_refund(payment, reason="", now=NOW)
    order = an_order(payable_fen=108_00)
    sides = [
        (posting.debit, posting.credit, posting.amount_fen)
        for posting in (
            money_in(payment, receipt),
            delivered(order),
            refund_owed(refund, order=order, payment=payment),
            refund_done(refund),
        )
    ]

    assert sides == [
        (Account.GATEWAY, Account.HELD, 7),
        (Account.HELD, Account.EARNED, 108_00),
        (Account.HELD, Account.REFUND_OWED, 7),
        (Account.REFUND_OWED, Account.GATEWAY, 7),
    ]


def test_only_what_was_delivered_for_is_taken_from_what_was_earned() -> None:
    order = an_order(fulfilled_at=NOW)
    counts, extra = a_payment(status=PaymentStatus.PAID), a_payment(status=PaymentStatus.CLOSED)
    debits = [
        refund_owed(full_refund(one, reason="", now=NOW), order=order, payment=one).debit
        for one in (counts, extra)
    ]

    assert debits == [Account.EARNED, Account.HELD]


async def test_the_books_follow_an_order_to_its_delivery(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    assert world.rows(BALANCES) == []
    await world.pay(order)
    await world.service.drain()
    assert world.rows(BALANCES) == [("gateway", 108_00), ("held", -108_00)]

    await world.team_formed(order["team_id"], order["number"])
    await world.service.drain()
    assert world.rows(BALANCES) == [("earned", -108_00), ("gateway", 108_00)]


async def test_the_books_follow_money_back_to_the_buyer(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    await world.service.drain()
    await ann.ask_refund(order["number"])
    assert world.rows(BALANCES) == [("gateway", 108_00), ("refund_owed", -108_00)]

    await world.service.drain()
    assert world.rows(BALANCES) == []
    assert world.rows("SELECT count(*) FROM ledger_entry") == [(6,)]
