"""Trouble to order: what there is, whom it befalls, how often, and how it is removed."""

from typing import Any

import pytest
from sandbox_builders import NOW, PUBLIC_URL, Merchant, controls

from tuan.sandbox.trouble import EFFECTS, PLACES, Door, Kind, NoSuchTrouble, Occasion, Trouble, new_trouble

HTML = {"accept": "text/html"}
A_NOTIFY = Occasion(door=Door.NOTIFY, kinds=frozenset(EFFECTS[Door.NOTIFY]), about="T1")
EVERY = [(door, kind) for door, kinds in EFFECTS.items() for kind in kinds]


def a_trouble(**changes: Any) -> Trouble:
    usual = {"door": Door.NOTIFY, "kind": Kind.LOST, "about": None, "method": None, "measure": None}
    return new_trouble(**usual | {"times": None} | changes, now=NOW)


def test_every_kind_is_met_at_some_door_and_every_door_has_a_name() -> None:
    assert {kind for _, kind in EVERY} == {*Kind}
    assert {*PLACES} == {*EFFECTS} == {*Door}


@pytest.mark.parametrize(
    ("changes", "befalls"),
    [
        ({}, True),
        ({"about": "T1"}, True),
        ({"about": "T2"}, False),
        ({"door": Door.PUSH}, False),
        ({"method": "alipay.trade.query"}, False),
    ],
)
def test_a_trouble_befalls_those_it_is_about_at_its_door(changes: dict[str, Any], befalls: bool) -> None:
    assert a_trouble(**changes).befalls(A_NOTIFY) is befalls


def test_it_befalls_only_what_can_suffer_it_here() -> None:
    in_time = Occasion(door=Door.NOTIFY, kinds=frozenset({Kind.LATE}), about="T1")

    assert not a_trouble().befalls(in_time)
    assert a_trouble(kind=Kind.LATE).befalls(in_time)


def test_it_is_used_up_by_as_often_as_was_asked_for() -> None:
    trouble = a_trouble(times=2)

    met = []
    while trouble.befalls(A_NOTIFY):
        trouble.meet()
        met.append((trouble.times_left, trouble.times_met))

    assert met == [(1, 1), (0, 2)]


def test_without_a_number_it_lasts() -> None:
    trouble = a_trouble()
    for _ in range(100):
        trouble.meet()

    assert (trouble.befalls(A_NOTIFY), trouble.times_left, trouble.times_met) == (True, None, 100)


@pytest.mark.parametrize(("door", "kind"), EVERY)
def test_each_has_its_usual_measure_or_none(door: Door, kind: Kind) -> None:
    trouble = a_trouble(door=door, kind=kind)

    assert (trouble.measure, trouble.effect.unit is None) == (trouble.effect.usual, trouble.measure is None)
    assert trouble.measure is None or trouble.measure <= trouble.effect.most


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": Kind.SLOW},  # Of the gateway.
        {"door": Door.CASHIER, "kind": Kind.LOST},
        {"measure": 1},  # What is lost has no measure.
        {"kind": Kind.REPEATED, "measure": 51},
        {"door": Door.GATEWAY, "kind": Kind.SLOW, "measure": 31},
    ],
)
def test_there_is_no_such_trouble(changes: dict[str, Any]) -> None:
    with pytest.raises(NoSuchTrouble):
        a_trouble(**changes)


async def test_a_program_makes_one_sees_it_and_removes_it(merchant: Merchant) -> None:
    made = await merchant.http.post(
        "/admin/troubles",
        json={"door": "alipay.notify", "kind": "late", "about": "T1", "measure": 90, "times": 2},
    )
    listed = (await merchant.http.get("/admin/troubles")).json()
    removed = await merchant.http.delete(f"/admin/troubles/{made.json()['id']}")
    again = await merchant.http.delete(f"/admin/troubles/{made.json()['id']}")

    assert (made.status_code, listed["items"]) == (201, [made.json()])
    assert {name: made.json()[name] for name in ("about", "measure", "times_left", "times_met")} == {
        "about": "T1",
        "measure": 90,
        "times_left": 2,
        "times_met": 0,
    }
    assert [(one["door"], one["kind"]) for one in listed["known"]] == EVERY
    assert (removed.status_code, again.status_code) == (204, 404)
    assert await merchant.troubles() == []


async def test_a_person_makes_two_at_the_page_and_removes_one_then_all(merchant: Merchant) -> None:
    for what in ("alipay.notify/lost", "wechat.push/late"):
        form = {"what": what, "about": "", "method": "", "measure": "", "times": "1"}
        pressed = await merchant.http.post("/admin/troubles", data=form, headers=HTML)
        assert (pressed.status_code, pressed.headers["location"]) == (303, f"{PUBLIC_URL}/#troubles")
    page = await merchant.http.get("/?about=T1")
    [first, _] = (await merchant.http.get("/admin/troubles")).json()["items"]

    await merchant.http.post(f"/admin/troubles/{first['id']}/removal", headers=HTML)
    left = await merchant.troubles()
    await merchant.http.post("/admin/troubles/removal", headers=HTML)

    assert list(controls(page.text)).count("remove-trouble") == 2
    assert 'value="T1"' in page.text
    assert (left, await merchant.troubles()) == ([("late", 1, 0)], [])


@pytest.mark.parametrize(
    "body",
    [
        {"door": "alipay.notify", "kind": "slow"},
        {"door": "nowhere", "kind": "lost"},
        {"door": "alipay.notify", "kind": "lost", "about": "T 1"},
        {"door": "alipay.notify", "kind": "lost", "times": 0},
        {"door": "alipay.notify", "kind": "lost", "more": 1},
        {"door": "alipay.notify", "kind": "late", "measure": 10**9},
        {"what": "alipay.notify"},
        [],
        "",
    ],
)
async def test_what_is_no_trouble_is_refused_and_made_into_none(merchant: Merchant, body: object) -> None:
    refused = await merchant.http.post("/admin/troubles", json=body, headers={"accept": "application/json"})

    assert refused.status_code == 422
    assert await merchant.troubles() == []


async def test_at_one_door_the_oldest_is_met_first_and_one_at_a_time(merchant: Merchant) -> None:
    await merchant.suffer("alipay.notify/lost", times=1)
    await merchant.suffer("alipay.notify/wrong_app", times=1)
    await merchant.buy()

    await merchant.service.drain()
    first = await merchant.troubles()
    merchant.time.pass_(minutes=4)
    await merchant.service.drain()

    assert first == [("lost", 0, 1), ("wrong_app", 1, 0)]
    assert await merchant.troubles() == [("lost", 0, 1), ("wrong_app", 0, 1)]
