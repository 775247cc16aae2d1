"""wechatpayv3 is a merchant of our sandbox's WeChat Pay, by both of the ways in which it may know it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from interop_sandbox import Sandbox, Told
from oracles import Oracle, OracleRefused

from tuan.kernel.clock import BEIJING
from tuan.kernel.ids import new_code
from tuan.kernel.rsa import new_private_key, private_pem, public_pem

Proved = Callable[[Oracle, str], None]
DESCRIPTION = '拼团 商品 "A"&B <b>'


class Visit:
    """One order at the sandbox, placed and followed by the library."""

    def __init__(self, library: Oracle, sandbox: Sandbox, *, by_public_key: bool) -> None:
        self.library, self.sandbox = library, sandbox
        self.account = sandbox.at_wechatpay(by_public_key=by_public_key)
        self.known_by = "by a public key" if by_public_key else "by certificate"
        self.number = f"WX{new_code(20)}"

    def call(self, name: str, **asked: Any) -> Any:
        """What is answered to a question that is understood."""
        done = self.library.ask("call", account=self.account, name=name, asked=asked)
        assert done["status"] in (200, 204), done
        return done["answer"]

    def refused(self, name: str, **asked: Any) -> tuple[int, str]:
        done = self.library.ask("call", account=self.account, name=name, asked=asked)
        return done["status"], done["answer"]["code"]

    def place(self) -> str:
        """Where a phone is led that scans the code."""
        answer = self.call(
            "pay",
            description=DESCRIPTION,
            out_trade_no=self.number,
            amount={"total": 88_00, "currency": "CNY"},
        )
        return str(answer["code_url"])

    def paid(self) -> Told:
        """The notify of its payment."""
        answer = httpx.post(f"{self.place()}/pay", data={"payer": "安安", "password": "111111"})
        assert not answer.is_error, answer.text
        return self.sandbox.ear.next()

    def reads(self, told: Told, **changes: str) -> Any:
        headers = {name.title(): value for name, value in told.headers.items()}
        body = changes.get("body", told.body)
        return self.library.ask("callback", account=self.account, headers=headers, body=body)


@pytest.fixture(params=[False, True], ids=["certificate", "public-key"])
def visit(request: pytest.FixtureRequest, wechatpayv3: Oracle, sandbox: Sandbox) -> Visit:
    return Visit(wechatpayv3, sandbox, by_public_key=request.param)


def test_an_order_is_placed_queried_and_closed_and_the_answers_verify(visit: Visit, proved: Proved) -> None:
    absent = visit.refused("query", out_trade_no=visit.number)
    visit.place()
    waits = visit.call("query", out_trade_no=visit.number)
    visit.call("close", out_trade_no=visit.number)
    closed = visit.call("query", out_trade_no=visit.number)

    assert absent == (404, "ORDER_NOT_EXIST")
    assert (waits["trade_state"], closed["trade_state"]) == ("NOTPAY", "CLOSED")
    proved(
        visit.library,
        f"its Native order, query and close are answered; each verifies {visit.known_by}",
    )


def test_our_notify_of_a_payment_opens_and_a_changed_one_does_not(visit: Visit, proved: Proved) -> None:
    told = visit.paid()
    said = visit.reads(told)
    queried = visit.call("query", out_trade_no=visit.number)

    assert (said["event_type"], said["resource"]["out_trade_no"]) == ("TRANSACTION.SUCCESS", visit.number)
    assert (said["resource"]["trade_state"], said["resource"]["amount"]["total"]) == ("SUCCESS", 88_00)
    assert queried["transaction_id"] == said["resource"]["transaction_id"]
    assert visit.reads(told, body=told.body.replace("支付成功", "支付失败")) is None
    proved(
        visit.library,
        f"our sandbox's notify of a payment opens in it {visit.known_by}; changed, it does not",
    )


def test_a_refund_is_made_queried_and_told_of(visit: Visit, proved: Proved) -> None:
    visit.paid()
    amount = {"refund": 30_00, "total": 88_00, "currency": "CNY"}
    refund = {"out_refund_no": f"{visit.number}R1", "out_trade_no": visit.number, "amount": amount}
    made, again = visit.call("refund", **refund), visit.call("refund", **refund)
    told = visit.reads(visit.sandbox.ear.next())
    queried = visit.call("query_refund", out_refund_no=refund["out_refund_no"])

    assert made["refund_id"] == again["refund_id"] == queried["refund_id"]
    assert made["status"] in ("PROCESSING", "SUCCESS")
    assert (told["event_type"], told["resource"]["refund_status"]) == ("REFUND.SUCCESS", "SUCCESS")
    assert (told["resource"]["out_refund_no"], told["resource"]["amount"]["refund"]) == (
        refund["out_refund_no"],
        30_00,
    )
    assert queried["status"] == "SUCCESS"
    proved(visit.library, f"its refund is made once, queried and told of; all verifies {visit.known_by}")


def test_who_is_no_merchant_is_refused_and_who_is_not_wechat_pay_is_not_trusted(
    visit: Visit, proved: Proved
) -> None:
    visit.place()
    stranger = new_private_key()
    honest = visit.account

    if "public_key" in honest:
        visit.account = honest | {"public_key": public_pem(stranger.public_key())}
        with pytest.raises(OracleRefused, match="failed to verify the signature"):
            visit.call("query", out_trade_no=visit.number)
    else:
        visit.account = honest | {"api_v3_key": "0" * 32}
        with pytest.raises(OracleRefused):
            visit.call("query", out_trade_no=visit.number)
    visit.account = visit.sandbox.at_wechatpay(by_public_key=True) | {"private_key": private_pem(stranger)}
    assert visit.refused("query", out_trade_no=visit.number) == (401, "SIGN_ERROR")
    proved(
        visit.library,
        f"a stranger is refused by our sandbox, and by it {visit.known_by}",
    )


def test_the_bill_of_a_day_is_downloaded_with_the_payment_in_it(
    visit: Visit, databases: dict[str, str], proved: Proved
) -> None:
    visit.paid()
    with psycopg.connect(databases["sandbox"]) as connection:
        earlier = "UPDATE wechatpay_order SET paid_at = paid_at - interval '2 days' WHERE out_trade_no = %s"
        connection.execute(earlier, [visit.number])
    day = datetime.now(BEIJING).date() - timedelta(days=2)
    bill = visit.call("trade_bill", bill_date=day.isoformat())
    file = visit.call("download_bill", url=bill["download_url"])

    assert (bill["hash_type"], len(bill["hash_value"])) == ("SHA1", 40)
    assert f"`{visit.number}," in file
    proved(visit.library, f"it asks for the bill of a day and downloads it {visit.known_by}")
