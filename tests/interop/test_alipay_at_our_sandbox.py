"""Alipay's own library and another's are merchants of our sandbox, and find nothing amiss."""

from collections.abc import Callable
from typing import Any

import pytest
from interop_sandbox import SELLER_ID, Sandbox, query_of
from oracles import Oracle, OracleRefused

from tuan.kernel.ids import new_code
from tuan.kernel.rsa import new_private_key

Proved = Callable[[Oracle, str], None]
SUBJECT = '拼团 商品 "A" & B <b>+100%</b> {"json":"}"}'
ONCE = {"trade_status": "TRADE_SUCCESS", "total_amount": "88.00"}


class Visit:
    """One order at the sandbox, placed and followed by one library."""

    def __init__(self, library: Oracle, sandbox: Sandbox) -> None:
        self.library, self.sandbox, self.number = library, sandbox, f"GB{new_code(20)}"

    def page(self, **changes: Any) -> dict[str, Any]:
        content = {"out_trade_no": self.number, "total_amount": "88.00", "subject": SUBJECT} | changes
        links = {"notify_url": self.sandbox.ear.at("/notify"), "return_url": self.sandbox.ear.at("/return")}
        page: dict[str, Any] = self.library.ask(
            "pay_page", account=self.sandbox.merchant, content=content, links=links
        )
        return page

    def ask(self, method: str, **content: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.library.ask(
            "ask",
            account=self.sandbox.merchant,
            method=f"alipay.trade.{method}",
            content={"out_trade_no": self.number} | content,
        )
        return answer

    def verifies(self, fields: dict[str, str]) -> bool:
        return bool(self.library.ask("verifies_notify", account=self.sandbox.merchant, fields=fields))

    def paid(self) -> dict[str, str]:
        """The fields of the notify of its payment."""
        self.sandbox.pay(self.sandbox.enter(self.page()))
        return self.sandbox.ear.next().fields


@pytest.fixture
def visit(alipay: Oracle, sandbox: Sandbox) -> Visit:
    return Visit(alipay, sandbox)


def test_its_page_leads_to_the_cashier_and_the_return_page_verifies(visit: Visit, proved: Proved) -> None:
    cashier = visit.sandbox.enter(visit.page())
    back = visit.sandbox.pay(cashier)
    visit.sandbox.ear.next()

    fields = query_of(back)
    assert (fields["out_trade_no"], fields["total_amount"]) == (visit.number, "88.00")
    assert visit.verifies(fields)
    assert not visit.verifies(fields | {"total_amount": "0.01"})
    proved(visit.library, "its page pay is taken by our sandbox; our signed return page verifies in it")


def test_our_notify_verifies_in_it_and_a_changed_one_does_not(visit: Visit, proved: Proved) -> None:
    fields = visit.paid()

    assert {name: fields[name] for name in ONCE} == ONCE
    assert (fields["out_trade_no"], fields["seller_id"]) == (visit.number, SELLER_ID)
    assert fields["subject"] == SUBJECT
    assert visit.verifies(fields)
    assert not visit.verifies(fields | {"total_amount": "0.01"})
    proved(visit.library, "our sandbox's notify of a payment verifies in it; changed, it does not")


def test_its_query_refund_and_refund_query_are_answered_and_verify(visit: Visit, proved: Proved) -> None:
    visit.paid()
    before = visit.ask("query")
    part = visit.ask("refund", refund_amount="30.00", out_request_no=f"{visit.number}R1", refund_reason="退")
    notified = visit.sandbox.ear.next().fields
    asked = visit.ask("fastpay.refund.query", out_request_no=f"{visit.number}R1")
    again = visit.ask("refund", refund_amount="30.00", out_request_no=f"{visit.number}R1")
    refused = visit.ask("close")

    assert {name: before[name] for name in ONCE} == ONCE
    assert (part["code"], part["fund_change"], part["refund_fee"]) == ("10000", "Y", "30.00")
    assert (notified["refund_fee"], notified["out_biz_no"]) == ("30.00", f"{visit.number}R1")
    assert visit.verifies(notified)
    assert (asked["refund_status"], asked["refund_amount"]) == ("REFUND_SUCCESS", "30.00")
    assert (again["code"], again["fund_change"], again["refund_fee"]) == ("10000", "N", "30.00")
    assert (refused["code"], refused["sub_code"]) == ("40004", "ACQ.TRADE_STATUS_ERROR")
    proved(
        visit.library,
        "its query, refund and refund query are answered, a close of what is paid refused; each verifies",
    )


def test_an_unpaid_trade_is_closed_and_what_never_was_is_not_found(visit: Visit, proved: Proved) -> None:
    absent = visit.ask("query")
    visit.sandbox.enter(visit.page())
    waits, closed, gone = visit.ask("query"), visit.ask("close"), visit.ask("query")

    assert (absent["code"], absent["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert (waits["trade_status"], closed["code"], gone["trade_status"]) == (
        "WAIT_BUYER_PAY",
        "10000",
        "TRADE_CLOSED",
    )
    proved(
        visit.library,
        "its close of an unpaid trade is done; what does not exist is refused; both verify in it",
    )


def test_amounts_may_be_numbers_as_alipays_own_examples_write_them(visit: Visit, proved: Proved) -> None:
    visit.sandbox.pay(visit.sandbox.enter(visit.page(total_amount=0.3)))
    fields = visit.sandbox.ear.next().fields
    back = visit.ask("refund", refund_amount=0.1, out_request_no=f"{visit.number}R1")

    assert (fields["total_amount"], back["refund_fee"]) == ("0.30", "0.10")
    assert visit.sandbox.ear.next().fields["refund_fee"] == "0.10"
    proved(visit.library, "amounts are taken as JSON numbers too")


def test_a_key_that_is_not_the_merchants_is_refused_and_the_refusal_verifies(
    visit: Visit, proved: Proved
) -> None:
    account = visit.sandbox.account(signs=new_private_key(), trusts=visit.sandbox.alipay_key)
    asked = {"account": account, "method": "alipay.trade.query", "content": {"out_trade_no": visit.number}}

    answer = visit.library.ask("ask", **asked)

    assert (answer["code"], answer["sub_code"]) == ("40002", "isv.invalid-signature")
    proved(visit.library, "signed with a stranger's key it is refused, in an answer that verifies")


def test_an_answer_of_somebody_else_than_our_sandbox_is_not_trusted(visit: Visit, proved: Proved) -> None:
    account = visit.sandbox.account(signs=visit.sandbox.app_key, trusts=new_private_key())

    with pytest.raises(OracleRefused):
        visit.library.ask(
            "ask", account=account, method="alipay.trade.query", content={"out_trade_no": visit.number}
        )
    proved(visit.library, "it does refuse answers: those of a gateway whose key it does not know")
