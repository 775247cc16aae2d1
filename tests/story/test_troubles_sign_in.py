"""Scanned, but WeChat's word of it is lost, late, told twice or not WeChat's: nobody signs in as another."""

import pytest
from story_people import Person, make_trouble
from story_world import World


@pytest.fixture
async def ann(standing: World) -> Person:
    return Person("安安", standing, standing.browser())


@pytest.mark.parametrize(("kind", "times"), [("lost", 1), ("lost", 2), ("wrong_sign", 2), ("repeated", 1)])
async def test_a_push_that_comes_after_all_signs_in(
    standing: World, ann: Person, kind: str, times: int
) -> None:
    await make_trouble(standing, f"wechat.push/{kind}", times=times)

    assert await ann.sign_in()


@pytest.mark.parametrize("kind", ["lost", "wrong_sign"])
async def test_a_push_that_never_comes_or_never_verifies_signs_nobody_in(
    standing: World, ann: Person, kind: str
) -> None:
    await make_trouble(standing, f"wechat.push/{kind}")
    ticket = await ann.scan()

    was_asked, refused = await ann.confirm(), await ann.redeem(ticket)

    assert not was_asked
    assert (refused.status_code, refused.json()["code"]) == (409, "ticket_waiting")
    assert standing.rows("mall", "SELECT count(*) FROM buyer") == [(0,)]


@pytest.mark.parametrize(("seconds", "status"), [(60, 201), (180, 410)])
async def test_a_late_push_signs_in_while_the_code_lives(
    standing: World, ann: Person, seconds: int, status: int
) -> None:
    await make_trouble(standing, "wechat.push/late", measure=seconds, times=1)
    ticket = await ann.scan()
    standing.clock.pass_by(seconds=seconds)
    was_asked_at_once = await ann.confirm()
    await standing.settle_down()
    was_asked = await ann.confirm()

    assert (was_asked_at_once, was_asked) == (False, status == 201)
    assert (await ann.redeem(ticket)).status_code == status


async def test_k1_a_push_told_again_signs_in_once(standing: World, ann: Person) -> None:
    await make_trouble(standing, "wechat.push/repeated", measure=10, times=1)
    ticket = await ann.scan()
    assert await ann.confirm()

    first, second = await ann.redeem(ticket), await ann.redeem(ticket)

    assert (first.status_code, second.status_code) == (201, 404)
    assert standing.rows("mall", "SELECT count(*) FROM buyer") == [(1,)]
