"""The mall and the sandbox over one day and the morning after: a true bill, wrong ones, and lost answers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from mall_builders import Wall
from story_buyers import a_buyer, order_alone, order_together, pay
from story_world import URL, Room

from tuan.across import money, with_the_sandbox
from tuan.kernel.clock import beijing_day, midnight, utc_now
from tuan.kernel.errors import Unreachable
from tuan.keyring import Keyring
from tuan.mall.app import reconcile_once
from tuan.mall.gateways.gateway import GatewayRefusal, NoBillYet
from tuan.mall.store_reconcile import Run
from tuan.up import Parts, build_parts, load_demo, opened, settings_for, whole

DAY = beijing_day(utc_now()) + timedelta(days=1)  # Campaigns of the demo begin now.
ALONE, TOGETHER = 128_00, 108_00
BREAKS = "SELECT kind, about, ours_fen, bill_fen, status FROM reconciliation_break ORDER BY kind, about"


@dataclass
class LossyRoom(Room):
    """Some answers of the gateway are lost on their way, and one may take half a minute."""

    clock: Wall = field(kw_only=True)
    lost: set[str] = field(default_factory=set)  # Methods of the gateway.
    bills_take_seconds: float = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/sandbox/bill/"):
            self.clock.pass_by(seconds=self.bills_take_seconds)
        response = await super().handle_async_request(request)
        if request.url.params.get("method") in self.lost:
            raise httpx.ReadTimeout("lost", request=request)
        return response


@dataclass(frozen=True)
class Town:
    parts: Parts
    room: LossyRoom
    databases: dict[str, str]
    keyring: Keyring
    clock: Wall

    async def hear(self) -> None:
        """The gateway tells what it owes to tell, and the mall does what it owes to do."""
        await self.parts.sandbox.drain()
        await self.parts.mall.drain()

    def sleep(self) -> None:
        self.clock.now = midnight(DAY + timedelta(days=1)) + timedelta(hours=10)

    async def reconcile(self) -> Run:
        _, for_mall, _ = settings_for(URL, self.databases, self.keyring)
        run, left = await reconcile_once(
            for_mall, gateway="alipay", day=DAY, clock=self.clock, transport=self.room
        )
        assert len(left) == run.breaks_open
        return run

    async def trouble(self, **body: object) -> None:
        async with httpx.AsyncClient(base_url=URL, transport=self.room) as admin:
            body = {"period": str(DAY)} | body
            answer = await admin.post("/sandbox/admin/bill-troubles", json=body)
        assert answer.status_code == 201, answer.text

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.databases["mall"]) as connection:
            return connection.execute(query.encode()).fetchall()

    def books(self) -> list[Any]:
        tables = ("mall_order", "payment", "refund", "ledger_entry", "bill_line", "reconciliation_break")
        return [self.rows(f"SELECT to_jsonb(one) FROM {table} AS one ORDER BY 1") for table in tables]


@pytest.fixture
async def town(
    market_database: str, mall_database: str, sandbox_database: str, keyring: Keyring
) -> AsyncIterator[Town]:
    databases = {"market": market_database, "mall": mall_database, "sandbox": sandbox_database}
    await load_demo(URL, databases, keyring)
    clock = Wall(midnight(DAY) + timedelta(hours=12))
    room = LossyRoom(clock=clock)
    parts = build_parts(URL, databases, keyring, transport=room, clock=clock)
    room.inside = httpx.ASGITransport(whole(parts))
    async with opened(list(parts.by_prefix.values())):
        yield Town(parts, room, databases, keyring, clock)


async def a_day(town: Town) -> tuple[str, str]:
    """Ann bought alone; Bob in a team, and took it back. The numbers of their orders; then it is morning."""
    async with a_buyer(town.room, "ann") as ann, a_buyer(town.room, "bob") as bob:
        alone = await order_alone(ann)
        await pay(ann)
        together, _ = await order_together(bob)
        await pay(bob)
        await town.hear()
        answer = await bob.browser.post(f"/api/mall/v1/orders/{together}/refund", json={"reason": "不想要了"})
        assert answer.status_code == 200, answer.text
        await town.hear()
    assert dict(town.rows("SELECT number, status FROM mall_order")) == {
        alone: "fulfilled",
        together: "refunded",
    }
    town.sleep()
    return alone, together


async def test_a_true_bill_agrees_and_its_fees_are_in_the_books(town: Town) -> None:
    await a_day(town)

    await town.parts.mall.drain()

    assert town.rows(
        "SELECT day, status, lines, taken_fen, given_back_fen, fees_fen FROM reconciliation"
    ) == [(DAY, "done", 3, ALONE + TOGETHER, TOGETHER, 77)]
    assert town.rows(BREAKS) == []
    assert with_the_sandbox(town.databases["mall"], town.databases["sandbox"], overdue=town.clock.now) == []
    now = money(town.databases["mall"])
    assert (now.received_fen, now.earned_fen, now.fees_fen, now.refunded_fen) == (
        ALONE + TOGETHER, ALONE - 77, 77, TOGETHER,
    )  # fmt: skip
    assert now.is_conserved


KNOBS: dict[str, tuple[dict[str, object], tuple[object, ...]]] = {
    "a payment left out": (
        {"kind": "missing_row", "out_trade_no": "alone"},
        ("payment_missing_there", "alone", ALONE, None),
    ),
    "a refund left out": (
        {"kind": "missing_row", "out_trade_no": "together", "refund_number": "togetherR"},
        ("refund_missing_there", "togetherR", TOGETHER, None),
    ),
    "a payment invented": (
        {"kind": "extra_row", "out_trade_no": "X9", "amount_fen": 5},
        ("payment_unknown", "X9", None, 5),
    ),
    "a refund invented": (
        {"kind": "extra_row", "out_trade_no": "alone", "refund_number": "R9", "amount_fen": 5},
        ("refund_unknown", "R9", None, 5),
    ),
    "a payment of another amount": (
        {"kind": "changed_amount", "out_trade_no": "alone", "amount_fen": ALONE - 1},
        ("amount_differs", "alone", ALONE, ALONE - 1),
    ),
    "a refund of another amount": (
        {"kind": "changed_amount", "out_trade_no": "together", "refund_number": "togetherR", "amount_fen": 1},
        ("amount_differs", "togetherR", TOGETHER, 1),
    ),
    "a payment under another number": (
        {"kind": "wrong_number", "out_trade_no": "alone", "says": "X9"},
        ("number_differs", "alone", ALONE, ALONE),
    ),
    "a refund under another number": (
        {"kind": "wrong_number", "out_trade_no": "together", "refund_number": "togetherR", "says": "R9"},
        ("number_differs", "togetherR", TOGETHER, TOGETHER),
    ),
    "another fee": (
        {"kind": "changed_fee", "out_trade_no": "alone", "amount_fen": 99},
        ("fee_unexpected", "alone", 77, 99),
    ),
}  # fmt: skip


@pytest.mark.parametrize("knob", KNOBS)
async def test_each_way_of_being_wrong_is_one_break_and_a_true_bill_ends_it(town: Town, knob: str) -> None:
    alone, together = await a_day(town)
    names = {"alone": alone, "together": together, "togetherR": f"{together}R"}
    body, told = KNOBS[knob]
    await town.trouble(**{name: names.get(str(value), value) for name, value in body.items()})
    kind, about, ours_fen, bill_fen = told

    wrong = await town.reconcile()
    expected = (kind, names.get(str(about), about), ours_fen, bill_fen)
    assert town.rows(BREAKS) == [(*expected, "open")]
    assert wrong.breaks_open == 1
    true = await town.reconcile()
    is_booked = knob == "another fee"  # What was booked by the wrong bill is not what the true one says.
    assert (true.breaks_found, true.breaks_open) == (1, int(is_booked))
    assert town.rows(BREAKS)[0][-1] == ("open" if is_booked else "repaired")

    before = town.books()
    await town.reconcile()
    assert town.books() == before


@pytest.mark.parametrize(
    ("says", "refusal"), [("BILL_NOT_EXIST", NoBillYet), ("UNKNOWN_ERROR", GatewayRefusal)]
)
async def test_without_a_bill_the_books_stay_as_they_are(
    town: Town, says: str, refusal: type[Exception]
) -> None:
    await a_day(town)
    await town.trouble(kind="refused", says=says)
    before = town.books()
    with pytest.raises(refusal):
        await town.reconcile()

    assert town.books() == before
    assert (await town.reconcile()).breaks_found == 0


async def test_a_day_of_which_the_gateway_knows_nothing_is_missing_there(town: Town) -> None:
    await a_day(town)
    await town.trouble(kind="refused", says="NO_BILL_DATA")

    assert (await town.reconcile()).breaks_open == 3
    assert (await town.reconcile()).breaks_open == 0


async def test_a_notify_lost_on_the_day_is_made_up_for_in_the_morning(town: Town) -> None:
    async with a_buyer(town.room, "ann") as ann:
        number = await order_alone(ann)
        await pay(ann)
    town.sleep()

    run = await town.reconcile()

    assert (run.breaks_found, run.breaks_open) == (1, 0)
    assert town.rows(BREAKS) == [("payment_missing_here", number, None, ALONE, "repaired")]
    await town.hear()
    assert town.rows("SELECT status FROM mall_order") == [("fulfilled",)]
    assert town.rows("SELECT verdict FROM notify_log") == [("repeated",)]


async def test_a_refund_whose_answer_was_lost_is_made_up_for_in_the_morning(town: Town) -> None:
    async with a_buyer(town.room, "bob") as bob:
        number, _ = await order_together(bob)
        await pay(bob)
        await town.hear()
        town.room.lost = {"alipay.trade.refund", "alipay.trade.fastpay.refund.query"}
        await bob.browser.post(f"/api/mall/v1/orders/{number}/refund", json={"reason": "不想要了"})
        await town.hear()
    assert town.rows("SELECT status FROM refund") == [("owed",)]
    town.room.lost.clear()
    town.sleep()

    run = await town.reconcile()

    assert (run.breaks_found, run.breaks_open) == (1, 0)
    assert town.rows(BREAKS) == [("refund_missing_here", f"{number}R", None, TOGETHER, "repaired")]
    assert town.rows("SELECT status FROM mall_order") == [("refunded",)]
    assert with_the_sandbox(town.databases["mall"], town.databases["sandbox"], overdue=town.clock.now) == []


async def test_a_link_that_ended_before_it_was_followed_is_asked_for_again(town: Town) -> None:
    await a_day(town)
    before = town.books()
    town.room.bills_take_seconds = 30.0
    with pytest.raises(Unreachable):
        await town.reconcile()
    assert town.books() == before

    town.room.bills_take_seconds = 29.0
    assert (await town.reconcile()).breaks_found == 0
