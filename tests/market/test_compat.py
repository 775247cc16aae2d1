"""The original's wire format: its fields, its numbers and its codes; and none of its holes."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from market_builders import NOW
from market_original import CONFIG, LOCK, REFUND, SETTLE, TOLD_AT, WHAT, WHERE, OldMall, an_old_mall
from market_processes import query

from tuan.kernel.db import build_pool, transaction
from tuan.market.store_original import NumbersTaken, seat_number, team_number, team_of_number

NATIVE = {"goods_id": "9890001", "channel": "c01", "campaign_id": "100123"}
FULL_LOCK = WHAT | {
    "userId": "buyer-0001",
    "activityId": 100123,
    "outTradeNo": "000000000001",
    "notifyUrl": TOLD_AT,
}
EVERYTHING = "SELECT (SELECT count(*) FROM team), (SELECT count(*) FROM seat), (SELECT count(*) FROM event)"


@pytest.fixture
async def mall(market_database: str) -> AsyncIterator[OldMall]:
    async with an_old_mall(market_database) as mall:
        yield mall


async def test_a_lock_answers_with_prices_in_yuan_and_numbers_of_the_old_length(mall: OldMall) -> None:
    answer = await mall.http.post(LOCK, json=FULL_LOCK)

    assert answer.headers["content-type"] == "application/json"
    assert re.fullmatch(
        r'\{"code":"0000","info":"成功","data":\{"orderId":"[1-9][0-9]{11}","originalPrice":100\.00,'
        r'"deductionPrice":10\.00,"payPrice":90\.00,"tradeOrderStatus":0,"teamId":"[1-9][0-9]{7}"\}\}',
        answer.text,
    )


async def test_the_same_order_gets_the_same_seat_under_the_same_numbers(mall: OldMall) -> None:
    first = await mall.lock(1)
    again = await mall.lock(1)
    joined = await mall.lock(1, team=first["data"]["teamId"])
    await mall.settle(1)
    paid = await mall.lock(1)

    assert again == joined == first
    assert paid["data"] == first["data"] | {"tradeOrderStatus": 1}
    assert mall.counts() == [("forming", 1, 1)]


async def test_numbers_may_be_sent_as_numbers_and_unknown_fields_are_passed_over(mall: OldMall) -> None:
    team = (await mall.lock(1))["data"]["teamId"]

    joined = await mall.lock(2, teamId=int(team), goodsId=9890001, activityId="100123", extra={"a": []})
    opened = await mall.lock(3, teamId="")

    assert (joined["code"], joined["data"]["teamId"]) == ("0000", team)
    assert opened["data"]["teamId"] != team
    assert mall.counts() == [("forming", 2, 0), ("forming", 1, 0)]


async def test_the_index_page_gets_the_price_three_teams_and_the_statistics(mall: OldMall) -> None:
    teams = [(await mall.lock(n))["data"]["teamId"] for n in range(1, 5)]
    await mall.settle(1)
    mall.clock.turn(minutes=1)

    asked = WHAT | {"userId": "buyer-0001"}
    answer = await mall.http.post(CONFIG, json=asked, headers={"authorization": ""})

    shown = answer.json()["data"]
    own, *others = shown.pop("teamList")
    opened = int(NOW.timestamp() * 1000)
    assert '"originalPrice":100.00,"deductionPrice":10.00,"payPrice":90.00' in answer.text
    assert shown == {
        "activityId": 100123,
        "goods": {"goodsId": "9890001", "originalPrice": 100, "deductionPrice": 10, "payPrice": 90},
        "teamStatistic": {"allTeamCount": 4, "allTeamCompleteCount": 0, "allTeamUserCount": 4},
    }
    assert own == {
        "userId": "buyer-0001",
        "teamId": teams[0],
        "activityId": 100123,
        "targetCount": 3,
        "completeCount": 1,
        "lockCount": 1,
        "validStartTime": opened,
        "validEndTime": opened + 600 * 60 * 1000,
        "validTimeCountdown": "09:59:00",
        "outTradeNo": "000000000001",
    }
    assert [(team["userId"], team["outTradeNo"]) for team in others] == [
        ("bu***02", None),
        ("bu***03", None),
    ]
    assert [team["teamId"] for team in others] == teams[1:3]


async def test_a_team_opened_natively_is_numbered_when_shown_and_can_be_joined(mall: OldMall) -> None:
    opened = await mall.http.put("/v1/seats/T1", json=NATIVE | {"buyer_id": "b1"})
    assert query(mall.url, "SELECT count(*) FROM original_team") == [(0,)]

    answers = await asyncio.gather(*(mall.config("someone-else") for _ in range(8)))
    [shown] = answers[0]["data"]["teamList"]
    joined = await mall.lock(2, team=shown["teamId"])

    assert answers == [answers[0]] * 8
    assert (shown["userId"], joined["code"]) == ("***", "0000")
    native = (await mall.http.get("/v1/seats/000000000002")).json()
    assert native["team_id"] == opened.json()["team_id"]


@pytest.mark.parametrize("field", sorted(FULL_LOCK))
@pytest.mark.parametrize("value", [None, "", {}, [], True, "\0", "x" * 65])
async def test_a_lock_without_a_field_or_with_a_wrong_one_is_illegal(
    mall: OldMall, field: str, value: object
) -> None:
    missing = {name: one for name, one in FULL_LOCK.items() if name != field}

    answers = [await mall.post(LOCK, missing), await mall.post(LOCK, FULL_LOCK | {field: value})]

    assert answers == [{"code": "0002", "info": "非法参数", "data": None}] * 2
    assert query(mall.url, EVERYTHING) == [(0, 0, 0)]


@pytest.mark.parametrize("path", [CONFIG, LOCK, SETTLE, REFUND])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"userId": 1e999}'])
async def test_a_body_that_is_no_object_of_ours_is_illegal(mall: OldMall, path: str, content: bytes) -> None:
    answer = await mall.http.post(path, content=content)

    assert (answer.status_code, answer.json()["code"]) == (200, "0002")
    assert query(mall.url, EVERYTHING) == [(0, 0, 0)]


@pytest.mark.parametrize(
    "written",
    [
        int(NOW.timestamp() * 1000),
        str(int(NOW.timestamp() * 1000)),
        NOW.isoformat(),
        NOW.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    ],
    ids=["milliseconds", "milliseconds as text", "ISO", "ISO in UTC"],
)
async def test_a_payment_is_told_with_its_moment_in_any_of_the_old_forms(
    mall: OldMall, written: object
) -> None:
    team = (await mall.lock(1))["data"]["teamId"]

    settled = await mall.settle(1, outTradeTime=written)
    again = await mall.settle(1, outTradeTime=written)

    assert settled == again
    assert (settled["code"], settled["data"]) == (
        "0000",
        {"userId": "buyer-0001", "teamId": team, "activityId": 100123, "outTradeNo": "000000000001"},
    )
    assert query(mall.url, f"SELECT abs(extract(epoch FROM paid_at) - {NOW.timestamp()}) < 1 FROM seat") == [
        (True,)
    ]


async def test_a_wall_clock_without_a_zone_is_beijings(mall: OldMall) -> None:
    await mall.lock(1)

    settled = await mall.settle(1, outTradeTime="2026-01-01 08:00:00")

    assert settled["code"] == "0000"
    assert query(mall.url, "SELECT paid_at = '2026-01-01 00:00:00+00' FROM seat") == [(True,)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outTradeNo": "999999999999"}, "E0104"),
        ({"userId": "buyer-0002"}, "E0104"),
        ({"outTradeTime": int(NOW.timestamp() * 1000) + 3_600_000}, "0002"),
        ({"outTradeTime": "2026-01-01T08:00:00"}, "0002"),
        ({"outTradeTime": "0001-01-01 00:00:00"}, "0002"),
        ({"outTradeTime": True}, "0002"),
        ({"outTradeTime": 10**30}, "0002"),
        ({"outTradeTime": 1.5}, "0002"),
        ({"outTradeTime": None}, "0002"),
    ],
)
async def test_a_payment_for_nobodys_order_or_at_no_moment_changes_nothing(
    mall: OldMall, changes: dict[str, object], code: str
) -> None:
    await mall.lock(1)

    assert (await mall.settle(1, **changes))["code"] == code
    assert mall.counts() == [("forming", 1, 0)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"teamId": "99999999"}, "E0005"),
        ({"teamId": "nowhere"}, "0002"),
        ({"goodsId": "none"}, "E0002"),
        ({"activityId": 100124}, "E0002"),
        ({"source": "s02"}, "0002"),
        ({"outTradeNo": "000000000001"}, "0003"),
        ({"userId": "buyer-0001"}, "E0103"),
    ],
)
async def test_a_lock_refused_says_so_in_the_old_code_and_changes_nothing(
    mall: OldMall, changes: dict[str, Any], code: str
) -> None:
    await mall.lock(1)

    assert (await mall.lock(2, **changes))["code"] == code
    assert mall.counts() == [("forming", 1, 0)]


async def test_another_buyers_order_is_not_refunded(mall: OldMall) -> None:
    await mall.lock(1)

    refused: dict[str, Any] = await mall.refund(1, userId="buyer-0002")

    assert refused == {
        "code": "E0104",
        "info": "不存在的外部交易单号或用户已退单",
        "data": {
            "userId": "buyer-0002", "orderId": None, "teamId": None, "code": "fail", "info": "失败",
        },
    }  # fmt: skip
    assert mall.counts() == [("forming", 1, 0)]


async def test_what_breaks_on_our_side_is_an_unknown_failure_and_the_seat_is_still_found(
    mall: OldMall,
) -> None:
    mall.change("ALTER TABLE original_seat RENAME TO away")
    try:
        broken = await mall.lock(1)
    finally:
        mall.change("ALTER TABLE away RENAME TO original_seat")
    again = await mall.lock(1)

    assert broken == {"code": "0001", "info": "未知失败", "data": None}
    assert again["code"] == "0000"
    assert mall.counts() == [("forming", 1, 0)]


async def test_a_number_that_is_taken_is_drawn_again_and_not_for_ever(market_database: str) -> None:
    draws = iter(["10000001", "10000001", "10000002"])
    orders = iter(["100000000001", "100000000001", "100000000002"])

    async with build_pool(market_database, size=1) as pool:
        async with transaction(pool) as connection:
            first = await team_number(connection, "t1", draw=lambda _: next(draws))
            second = await team_number(connection, "t2", draw=lambda _: next(draws))
            again = await team_number(connection, "t2")
            seats = [
                await seat_number(connection, source="s", out_trade_no=n, draw=lambda _: next(orders))
                for n in ("T1", "T2", "T1")
            ]
            found = await team_of_number(connection, second)
        with pytest.raises(NumbersTaken):
            async with transaction(pool) as connection:
                await team_number(connection, "t3", draw=lambda _: "10000001")

    assert (first, second, again, found) == ("10000001", "10000002", "10000002", "t2")
    assert seats == ["100000000001", "100000000002", "100000000001"]
    assert query(market_database, "SELECT team_id FROM original_team ORDER BY 1") == [("t1",), ("t2",)]


async def test_the_stand_in_for_a_mall_takes_what_a_mall_would(mall: OldMall) -> None:
    path = "/api/v1/test/group_buy_notify"

    taken = await mall.http.post(path, json={"teamId": "57199993", "outTradeNoList": ["904941690333"]})
    refused = await mall.http.post(path, json={"teamId": "57199993"})

    assert (taken.text, refused.text) == ("success", "error")
    assert (taken.status_code, refused.status_code) == (200, 200)


async def test_paths_are_counted_by_name_and_served_under_a_prefix(mall: OldMall) -> None:
    await mall.lock(1)
    transport = httpx.ASGITransport(mall.market.app, root_path="/api/market")
    async with httpx.AsyncClient(transport=transport, base_url="http://market") as http:
        mounted = await http.post(f"/api/market{CONFIG}", json=WHAT | {"userId": "b"})
        missing = await http.post("/api/market/api/v1/gbm/nothing", json=WHERE)

    metrics = (await mall.http.get("/metrics")).text
    assert (mounted.json()["code"], missing.status_code) == ("0000", 404)
    assert f'tuan_requests_total{{method="POST",route="{LOCK}",status="200"}} 1.0' in metrics
