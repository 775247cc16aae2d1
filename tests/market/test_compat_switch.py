"""The original's switches, by key and value: turned by operators, from our own pages, and on record."""

from collections.abc import AsyncIterator

import httpx
import pytest
from market_original import CONFIG, WHAT, OldMall, an_old_mall, until
from market_processes import query

from tuan.kernel.errors import InvalidRequest
from tuan.market.app import build
from tuan.market.compat_switch import turned
from tuan.market.config import MarketSettings
from tuan.market.operator import Role
from tuan.market.switch import Switchboard

BOARD = Switchboard(downgraded=True, rollout_percent=40, blocked=frozenset({("s09", "c09")}))
KNOWN = ("s0", "s02", "s03", "s")
RECORDED = "SELECT action, about, before ->> 'rollout_percent', after ->> 'rollout_percent' FROM audit_log"
LEFT = f"{RECORDED} WHERE action = 'switches.turned'"


@pytest.fixture
async def mall(market_database: str) -> AsyncIterator[OldMall]:
    async with an_old_mall(market_database) as mall:
        yield mall


@pytest.mark.parametrize(
    ("key", "value", "changed"),
    [
        ("downgradeSwitch", "0", {"downgraded": False}),
        ("downgradeSwitch", "1", {"downgraded": True}),
        ("cutRange", "0", {"rollout_percent": 0}),
        ("cutRange", "100", {"rollout_percent": 100}),
        ("scBlacklist", "s02c02", {"blocked": frozenset({("s02", "c02")})}),
        ("scBlackList", "s02c02, s03c03,", {"blocked": frozenset({("s02", "c02"), ("s03", "c03")})}),
        ("scBlacklist", "", {"blocked": frozenset()}),
        ("rateLimiterSwitch", "close", {"locks_per_minute": 1_000_000, "quotes_per_second": 1_000_000}),
        ("rateLimiterSwitch", "open", {"locks_per_minute": 30, "quotes_per_second": 200}),
    ],
)
def test_a_key_and_a_value_turn_one_switch_and_no_other(
    key: str, value: str, changed: dict[str, object]
) -> None:
    board = turned(BOARD, key, value, known=KNOWN)

    names = Switchboard.__dataclass_fields__
    assert {name: getattr(board, name) for name in names} == {
        name: changed.get(name, getattr(BOARD, name)) for name in names
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("downgradeSwitch", "2"),
        ("downgradeSwitch", ""),
        ("cutRange", "abc"),
        ("cutRange", "101"),
        ("cutRange", "-1"),
        ("cutRange", "٣"),
        ("cutRange", "0001"),
        ("scBlacklist", "t01c01"),
        ("scBlacklist", "s02"[:1]),
        ("scBlacklist", "s02c02,nobody"),
        ("scBlacklist", "s02c\0"),
        ("rateLimiterSwitch", "1"),
        ("cacheSwitch", "0"),
        ("", ""),
    ],
)
def test_what_is_no_switch_or_no_position_is_refused(key: str, value: str) -> None:
    with pytest.raises(InvalidRequest):
        turned(BOARD, key, value, known=KNOWN)


async def test_an_operator_turns_a_switch_for_every_process_and_is_on_record(mall: OldMall) -> None:
    await mall.sign_in()
    other = build(MarketSettings(database_url=mall.url))
    transport = httpx.ASGITransport(other.app)
    async with (
        other.opened(),
        httpx.AsyncClient(transport=transport, base_url="http://other") as elsewhere,
    ):
        asked = WHAT | {"userId": "b1"}
        assert (await elsewhere.post(CONFIG, json=asked)).json()["code"] == "0000"

        turned = await mall.turn("cutRange", "0")

        await until("E0004", lambda: mall.config("b1"))

        async def ask_elsewhere() -> dict[str, object]:
            answer: dict[str, object] = (await elsewhere.post(CONFIG, json=asked)).json()
            return answer

        await until("E0004", ask_elsewhere)

    assert turned == {"code": "0000", "info": "成功", "data": None}
    assert query(mall.url, LEFT) == [("switches.turned", "switches", "100", "0")]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
async def test_a_link_from_elsewhere_turns_nothing(mall: OldMall, site: str) -> None:
    await mall.sign_in()

    refused = await mall.turn("cutRange", "0", **{"sec-fetch-site": site})

    assert refused["code"] == "0002"
    assert query(mall.url, LEFT) == []
    assert query(mall.url, "SELECT count(*) FROM switchboard") == [(0,)]


async def test_nobody_and_who_only_looks_turn_nothing(mall: OldMall) -> None:
    nobody = await mall.turn("cutRange", "0")
    await mall.sign_in(Role.VIEWER)
    viewer = await mall.turn("cutRange", "0")

    assert (nobody["code"], viewer["code"]) == ("0002", "0002")
    assert query(mall.url, "SELECT count(*) FROM switchboard") == [(0,)]


async def test_a_wrong_position_leaves_every_switch_as_it_was(mall: OldMall) -> None:
    await mall.sign_in()

    refused = [await mall.turn("cutRange", "abc"), await mall.turn("scBlacklist", "s99c99")]

    assert [answer["code"] for answer in refused] == ["0002"] * 2
    assert query(mall.url, LEFT) == []
    assert query(mall.url, "SELECT count(*) FROM switchboard") == [(0,)]
