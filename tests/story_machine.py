"""Hypothesis lives with buyers, a mall, a market and a gateway: what they do, and what goes wrong meanwhile.

No model says what each must answer; but whatever happened, once troubles are over and time has passed,
every order has an end, every fen an owner, and the gateway's own books say the same.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from story_books import alarms, audits, doubts
from story_people import Person, Tab, a_person, make_trouble, remove_troubles
from story_world import World

from tuan.kernel.ids import new_id
from tuan.sandbox.trouble import EFFECTS, Kind

HOUR, DAY = 3600, 24 * 3600
TEA, BOOK = "9890002", "9890001"  # In teams of two, and of three.
TROUBLES = [f"{door}/{kind}" for door, kinds in EFFECTS.items() for kind in kinds if kind is not Kind.SLOW]
# What nobody sees whose house is in order: it would be for a person to find out.
NEVER = {"market_contradicts", "another_trade", "unknown_payment", "refund_stuck"}
Done = TypeVar("Done")
pick = st.integers(0, 10_000)


@dataclass
class Press:
    """Of the button, under its key, and the number it got."""

    person: Person
    key: str
    wanted: dict[str, object]
    number: str | None = None


@dataclass
class Life:
    """What lasts from one run to the next: the world, its clock, and how far all runs came."""

    world: World
    runner: asyncio.Runner
    products: list[dict[str, Any]]
    troubles: int = 0  # Made so far.
    reached: Counter[str] = field(default_factory=Counter)


class StoryMachine(RuleBasedStateMachine):
    def __init__(self, life: Life) -> None:
        super().__init__()
        self.life = life
        self.world = life.world
        self.people: list[Person] = []
        self.presses: list[Press] = []
        self.orders: list[tuple[Person, str]] = []
        self.teams: list[tuple[dict[str, Any], str]] = []
        self.tabs: list[tuple[Person, Tab]] = []

    def run(self, doing: Coroutine[Any, Any, Done]) -> Done:
        return self.life.runner.run(doing)

    def note(self, what: str) -> None:
        self.life.reached[what] += 1

    def heard(self, answer: httpx.Response) -> str:
        """The code of a refusal, or "": and never that something broke."""
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        code: str = "" if answer.is_success else answer.json()["code"]
        if code:
            self.note(code)
        return code

    @initialize(n=pick)
    def three_people_meet_trouble(self, n: int) -> None:
        self.people = [self.run(a_person(self.world, name)) for name in ("安安", "小博", "彩彩")]
        for times in (1, 3):
            self.the_next_trouble_befalls_somebody(times, n, 6)
        self.run(self.end_troubles())
        self.somebody_buys(n, "opens", n, True)
        self.cancel_and_pay_all_the_same(n)

    # What buyers do.

    @rule(n=pick, how=st.sampled_from(["alone", "opens", "joins"]), product=pick, pays=st.booleans())
    def somebody_buys(self, n: int, how: str, product: int, pays: bool) -> None:
        person = self.people[n % len(self.people)]
        if how == "joins" and self.teams:
            offered, team_id = self.teams[-1 - product % min(len(self.teams), 2)]
            number = self.press(person, _grouped(offered, team_id), offered)
        elif how == "alone":
            number = self.press(person, {"product_id": TEA, "kind": "alone"}, None)
        else:
            offered = self.life.products[product % len(self.life.products)]
            number = self.press(person, _grouped(offered), offered)
        if number and pays:
            self.pay_for(person, number)

    @rule(n=pick)
    def two_pay_together(self, n: int) -> None:
        """A team of two, with nothing between the two payments and the forming."""
        tea = self.life.products[0]
        opener, joiner = (self.people[(n + k) % len(self.people)] for k in (0, 1))
        if first := self.press(opener, _grouped(tea), tea):
            second = self.press(joiner, _grouped(tea, self.teams[-1][1]), tea)
            for person, number in ((opener, first), (joiner, second)):
                if number:
                    self.pay_for(person, number)

    @rule(n=pick)
    def press_again(self, n: int) -> None:
        press = self.presses[n % len(self.presses)]
        answer = self.run(press.person.press(press.key, **press.wanted))
        if not self.heard(answer):
            number = self.remember(press, answer)
            assert number == answer.json()["number"]

    @rule(n=pick)
    def pay_for_an_order(self, n: int) -> None:
        self.pay_for(*self.an_order(n))

    @rule(n=pick)
    def open_another_cashier(self, n: int) -> None:
        person, number = self.an_order(n)
        if tab := self.run(person.open_cashier(number)):
            self.tabs.append((person, tab))

    @rule(n=pick)
    def pay_in_an_open_tab(self, n: int) -> None:
        self.pay(*self.a_tab(n))

    @rule(n=pick)
    def come_back(self, n: int) -> None:
        person, tab = self.a_tab(n)
        answer = self.run(person.come_back(tab))
        if answer is not None:
            assert answer.status_code == 303
            self.note("came back")

    @rule(n=pick)
    def cancel(self, n: int) -> None:
        person, number = self.an_order(n)
        self.heard(self.run(person.cancel(number)))

    @rule(n=pick)
    def ask_for_the_money_back(self, n: int) -> None:
        person, number = self.an_order(n)
        self.heard(self.run(person.ask_refund(number)))

    @rule(n=pick)
    def cancel_and_pay_all_the_same(self, n: int) -> None:
        """In a tab nobody had entered, so that there was no trade to close."""
        person, tea = self.people[n % len(self.people)], self.life.products[0]
        if number := self.press(person, _grouped(tea), tea):
            tab = self.run(person.open_cashier(number))
            self.heard(self.run(person.cancel(number)))
            if tab:
                self.pay(person, tab)

    @rule(n=pick)
    def pay_and_cancel_at_once(self, n: int) -> None:
        person, tab = self.a_tab(n)
        self.run(person.enter(tab))

        async def both() -> tuple[httpx.Response, httpx.Response]:
            paid, cancelled = await asyncio.gather(person.pay(tab), person.cancel(tab.number))
            return paid, cancelled

        _, cancelled = self.run(both())
        self.heard(cancelled)
        self.note("paid and cancelled at once")

    # What goes wrong, and how time passes.

    @rule(times=st.integers(1, 3), n=pick, seconds=st.sampled_from([6, 300]))
    @precondition(lambda self: not self.world.room.away)
    def the_next_trouble_befalls_somebody(self, times: int, n: int, seconds: int) -> None:
        """They come in turn, so that each does, and what is left of one lasts until the next; and somebody
        is there whom it befalls."""
        what = TROUBLES[self.life.troubles % len(TROUBLES)]
        self.life.troubles += 1
        self.run(self.end_troubles())
        self.run(make_trouble(self.world, what, times=times))
        if what.startswith("wechat"):
            return self.somebody_new_signs_in()

        self.somebody_buys(n, "alone" if n % 3 == 0 else "opens", 0, True)
        if what.startswith("alipay.gateway"):
            self.come_back(0)
        self.everybody_works()
        self.time_passes(seconds)
        if what.startswith("alipay.gateway"):
            self.ask_for_the_money_back(0)
        return self.everybody_works()

    @rule()
    @precondition(lambda self: self.world.room.away)
    def everybody_is_back(self) -> None:
        self.world.room.away.clear()

    @rule(who=st.sampled_from(["/api/market", "/api/mall/hooks", "/sandbox/alipay"]))
    @precondition(lambda self: not self.world.room.away)
    def somebody_is_away(self, who: str) -> None:
        self.world.room.away.add(who)
        self.note(f"{who} away")

    @rule(seconds=st.sampled_from([1, 5, 60, 300, 16 * 60, 31 * 60, HOUR, DAY + 10 * 60]))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.pass_by(seconds=seconds)

    @rule(who=st.sampled_from(["sandbox", "mall", "market"]))
    def somebody_works(self, who: str) -> None:
        self.run(getattr(self.world.parts, who).drain())

    @rule()
    def everybody_works(self) -> None:
        self.run(self.world.settle_down())

    # And in the end.

    def teardown(self) -> None:
        self.world.room.away.clear()
        self.run(self.end_troubles())
        self.run(self.let_time_pass())

        assert doubts(self.world) == []
        found = audits(self.world)
        assert found == "", found
        assert self.world.room.broken == []
        assert NEVER.isdisjoint(alarms(self.world))
        for person in self.people:
            self.run(person.browser.aclose())

    async def end_troubles(self) -> None:
        async with self.world.browser() as hand:
            for met in (await hand.get("/sandbox/admin/troubles")).json()["items"]:
                if met["times_met"]:
                    self.life.reached[f"{met['door']}/{met['kind']}"] += met["times_met"]
        await remove_troubles(self.world)

    async def let_time_pass(self) -> None:
        for seconds in (20 * 60, 40 * 60, DAY, 10 * 60, 4 * HOUR):
            await self.world.settle_down()
            self.world.clock.pass_by(seconds=seconds)
        await self.world.settle_down()

    def somebody_new_signs_in(self) -> None:
        person = Person("丁丁", self.world, self.world.browser())
        signed_in = self.run(person.sign_in())
        self.note("signed in" if signed_in else "not signed in")
        if signed_in:
            self.people.append(person)

    def press(self, person: Person, wanted: dict[str, object], offered: dict[str, Any] | None) -> str | None:
        """The number of the order, if it was taken."""
        press = Press(person, new_id(), wanted)
        answer = self.run(person.press(press.key, **wanted))
        self.presses.append(press)
        if self.heard(answer):
            return None
        team_id = answer.json()["team_id"]
        if offered and team_id not in [known for _, known in self.teams]:
            self.teams.append((offered, team_id))
        return self.remember(press, answer)

    def remember(self, press: Press, answer: httpx.Response) -> str:
        if press.number is None:
            press.number = str(answer.json()["number"])
            self.orders.append((press.person, press.number))
        return press.number

    def an_order(self, n: int) -> tuple[Person, str]:
        """Rather one of the last."""
        return self.orders[-1 - n % min(len(self.orders), 4)]

    def a_tab(self, n: int) -> tuple[Person, Tab]:
        """Rather one of the last."""
        return self.tabs[-1 - n % min(len(self.tabs), 3)]

    def pay_for(self, person: Person, number: str) -> None:
        if tab := self.run(person.open_cashier(number)):
            self.tabs.append((person, tab))
            self.pay(person, tab)

    def pay(self, person: Person, tab: Tab) -> None:
        self.run(person.enter(tab))
        answer = self.run(person.pay(tab))
        self.note("paid" if answer.is_success else f"cashier: {answer.status_code}")


def _grouped(offered: dict[str, Any], team_id: str | None = None) -> dict[str, object]:
    terms = {"product_id": offered["id"], "campaign_id": offered["group"]["campaign_id"]}
    return {**terms, "kind": "group", "team_id": team_id}
