"""Template messages: owed where something happened, sent once, and never in anybody's way."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mall_builders import API, SHOP, Shopper, World, a_shopper, a_world

from tuan.mall.message import MESSAGE_LADDER


@pytest.fixture
async def talking(mall_database: str) -> AsyncIterator[World]:
    async with a_world(
        mall_database,
        wechat_signed_in_template="template-in",
        wechat_formed_template="template-formed",
        guests=True,
    ) as world:
        yield world
        assert await world.findings(only_always=True) == []


async def formed(world: World, shopper: Shopper) -> dict[str, Any]:
    """An order whose team has just formed; what signing in owed has been sent before."""
    order = await shopper.ordered()
    await world.pay(order)
    await world.service.drain()
    world.wechat.messages.clear()
    await world.team_formed(order["team_id"], order["number"])
    return order


async def try_again(world: World, times: int) -> None:
    for _ in range(times):
        world.make_jobs_due()
        await world.service.drain()


async def test_who_signed_in_is_told_so(talking: World) -> None:
    async with talking.browser() as browser:
        ann = await talking.sign_in(browser, "o-ann")
    assert talking.wechat.messages == []
    await talking.service.drain()

    [message] = talking.wechat.messages
    assert message.pop("client_msg_id")
    assert message == {
        "touser": "o-ann",
        "template_id": "template-in",
        "url": SHOP,
        "data": {"thing1": {"value": ann["nickname"]}, "time2": {"value": "2026-11-23 12:00:00"}},
    }


async def test_everybody_of_a_team_that_formed_is_told_so(talking: World) -> None:
    async with a_shopper(talking, "o-ann") as ann, a_shopper(talking, "o-bob") as bob:
        hers = await ann.ordered()
        his = await bob.ordered(team_id=hers["team_id"])
        for order in (hers, his):
            await talking.pay(order)
        await talking.service.drain()
        talking.wechat.messages.clear()
        await talking.team_formed(hers["team_id"], hers["number"], his["number"])
        await talking.service.drain()

    told = {message["touser"]: message for message in talking.wechat.messages}
    assert len(talking.wechat.messages) == 2
    assert told["o-ann"]["url"] == f"{SHOP}/orders/{hers['number']}"
    assert told["o-bob"]["data"] == {
        "thing1": {"value": "武夷岩茶·肉桂 125g"},
        "time2": {"value": "2026-11-23 12:00:00"},
        "character_string3": {"value": his["number"]},
        "amount4": {"value": "108.00元"},
    }
    assert told["o-ann"]["client_msg_id"] != told["o-bob"]["client_msg_id"]


async def test_without_templates_nobody_is_told_anything(world: World, ann: Shopper) -> None:
    await formed(world, ann)
    assert world.rows("SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE 'tell%'") == [(0,)]
    await world.service.drain()

    assert world.wechat.messages == []


async def test_a_webhook_told_twice_is_one_message(talking: World) -> None:
    async with a_shopper(talking, "o-ann") as ann:
        order = await formed(talking, ann)
        await talking.team_formed(order["team_id"], order["number"])
        await talking.service.drain()

    assert len(talking.wechat.messages) == 1


@pytest.mark.parametrize("errcode", [43004, 40003, 40037, 45009, 47003])
async def test_what_wechat_refuses_is_dropped_with_a_word_in_the_log(
    talking: World, errcode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_shopper(talking, "o-ann") as ann:
        await formed(talking, ann)
        talking.wechat.errcodes = [errcode]
        await try_again(talking, 3)

    assert len(talking.wechat.messages) == 1
    [line] = [line for line in capsys.readouterr().out.splitlines() if "message_refused" in line]
    assert str(errcode) in line
    assert "o-ann" not in line
    assert talking.rows("SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'") == [(0,)]
    assert talking.rows("SELECT status FROM mall_order") == [("fulfilled",)]


@pytest.mark.parametrize("errcode", [-1, 45011])
async def test_a_busy_wechat_is_asked_again_under_the_same_number(talking: World, errcode: int) -> None:
    async with a_shopper(talking, "o-ann") as ann:
        await formed(talking, ann)
        talking.wechat.errcodes = [errcode, errcode]
        await try_again(talking, 4)

    assert len(talking.wechat.messages) == 3
    assert len({message["client_msg_id"] for message in talking.wechat.messages}) == 1


async def test_a_wechat_that_is_away_is_asked_for_minutes_and_then_let_be(talking: World) -> None:
    async with a_shopper(talking, "o-ann") as ann:
        await formed(talking, ann)
        talking.network.away.add("wechat.test")
        await try_again(talking, len(MESSAGE_LADDER) + 1)
        talking.network.away.clear()
        await try_again(talking, 2)

    assert talking.wechat.messages == []
    assert sum(MESSAGE_LADDER) < 600, "after ten minutes the same number would be sent twice"
    assert talking.rows("SELECT status FROM mall_order") == [("fulfilled",)]


async def test_a_token_that_is_no_longer_taken_is_renewed_once(talking: World) -> None:
    async with a_shopper(talking, "o-ann") as ann:
        await formed(talking, ann)
        talking.wechat.errcodes = [40001]
        await talking.service.drain()
        renewed = talking.wechat.tokens_made
        talking.wechat.messages.clear()

    assert renewed == 2
    async with a_shopper(talking, "o-bob"):
        talking.wechat.errcodes = [42001, 42001]
        await talking.service.drain()
    assert (len(talking.wechat.messages), talking.wechat.tokens_made) == (2, 3)
    await try_again(talking, 1)
    assert len(talking.wechat.messages) == 3


async def test_a_guest_is_not_written_to_until_they_are_somebody(talking: World) -> None:
    async with talking.browser() as browser:
        guest = (await browser.post(f"{API}/v1/sessions/guest")).json()
        shopper = Shopper(browser, guest["id"])
        await formed(talking, shopper)
        await talking.service.drain()
        assert talking.wechat.messages == []

        order = await shopper.ordered()
        await talking.pay(order)
        await talking.sign_in(browser, "o-ann")
        await talking.service.drain()
        talking.wechat.messages.clear()
        await talking.team_formed(order["team_id"], order["number"], id="wh-2")
        await talking.service.drain()

    assert [message["touser"] for message in talking.wechat.messages] == ["o-ann"]


async def test_the_queue_knows_nobodys_openid_and_nobodys_name(talking: World) -> None:
    async with a_shopper(talking, "o-ann") as ann:
        await formed(talking, ann)
        name = (await ann.browser.get(f"{API}/v1/me")).json()["nickname"]

    [(jobs,)] = talking.rows("SELECT jsonb_agg(args) FROM procrastinate_jobs")
    assert "o-ann" not in json.dumps(jobs, ensure_ascii=False)
    assert name not in json.dumps(jobs, ensure_ascii=False)


@pytest.mark.parametrize("status", ["success", "failed:user block", "failed: system failed"])
async def test_word_of_what_became_of_a_message_is_taken_and_changes_nothing(
    world: World, ann: Shopper, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    query, body = world.wechat.push(
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>o-ann</FromUserName><CreateTime>7</CreateTime>"
        "<MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event><MsgID>200228332</MsgID>"
        f"<Status><![CDATA[{status}]]></Status></xml>"
    )
    before = world.everything()
    async with world.browser() as sender:
        answers = [await sender.post(f"{API}/hooks/wechat?{query}", content=body) for _ in range(2)]

    assert [one.text for one in answers] == ["success"] * 2
    assert world.everything() == before
    lines = [line for line in capsys.readouterr().out.splitlines() if "message_ended" in line]
    assert len(lines) == 2
    assert all(status in line and "200228332" in line and "o-ann" not in line for line in lines)
