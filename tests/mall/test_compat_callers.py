"""Who may speak for a buyer on the original's paths: who holds their token, or their own browser."""

from typing import Any

import pytest
from mall_builders import API, Shopper, World
from mall_original import ALIPAY, JOINED, OldPage, old_page

PATHS = ("create_pay_order", "query_user_order_list", "refund_order")


def asking(path: str, user_id: object, number: str = "261123ABCDEFGHJKMNPQ") -> dict[str, Any]:
    more: dict[str, dict[str, Any]] = {
        "create_pay_order": JOINED,
        "query_user_order_list": {},
        "refund_order": {"orderId": number},
    }
    return {"userId": user_id} | more[path]


@pytest.mark.parametrize("path", PATHS)
async def test_a_name_is_no_proof_of_who_somebody_is(old_ann: OldPage, old_bob: OldPage, path: str) -> None:
    """An openid, a fingerprint of a browser, the id of a buyer: all can be known by others."""
    world = old_ann.world
    form = await old_ann.ordered()
    [(buyer_id,)] = world.rows("SELECT id FROM buyer WHERE openid = 'o-ann'")
    before = world.everything()

    for name in ("o-ann", buyer_id, "3F9A2C7D41B0", "null", old_ann.token[:-1]):
        answer = await old_bob.post(path, asking(path, name, form.number))
        assert (answer["code"], answer["info"], answer["data"]) == ("0003", "未登录", None)
    assert world.everything() == before


async def test_orders_of_another_are_neither_seen_nor_taken_back(old_ann: OldPage, old_bob: OldPage) -> None:
    form = await old_ann.ordered()
    before = old_ann.world.everything()

    answer = await old_bob.refund(form.number)

    assert await old_bob.states() == []
    assert answer == {
        "code": "0000",
        "info": "调用成功",
        "data": {
            "success": False,
            "message": "退单失败，订单不存在、已关闭或不属于该用户",
            "orderId": form.number,
        },
    }
    assert old_ann.world.everything() == before


async def test_a_session_that_has_ended_speaks_for_nobody(old_ann: OldPage) -> None:
    old_ann.world.clock.pass_by(days=8)

    assert (await old_ann.order())["code"] == "0003"
    assert old_ann.world.rows("SELECT count(*) FROM mall_order") == [(0,)]


async def test_signed_out_the_token_speaks_for_nobody(old_ann: OldPage) -> None:
    await old_ann.http.delete("/v1/sessions/current", headers={"cookie": f"tuan_session={old_ann.token}"})

    assert (await old_ann.order())["code"] == "0003"


@pytest.mark.parametrize("path", PATHS)
async def test_our_own_browser_speaks_for_its_buyer_and_no_other(
    world: World, ann: Shopper, bob: Shopper, path: str
) -> None:
    url = f"{API}{ALIPAY}/{path}"

    own = (await ann.browser.post(url, json=asking(path, ann.id))).json()
    other = (await ann.browser.post(url, json=asking(path, bob.id))).json()

    assert (own["code"], other["code"]) == ("0000", "0003")
    assert world.rows("SELECT DISTINCT buyer_id FROM mall_order") in ([], [(ann.id,)])


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"origin": "http://evil.test"}, {"origin": "null"}]
)
@pytest.mark.parametrize("path", PATHS)
async def test_another_site_cannot_use_a_browsers_cookie(
    world: World, ann: Shopper, path: str, headers: dict[str, str]
) -> None:
    answer = await ann.browser.post(f"{API}{ALIPAY}/{path}", json=asking(path, ann.id), headers=headers)

    assert (answer.json()["code"], answer.json()["data"]) == ("0002", None)
    assert world.rows("SELECT count(*) FROM mall_order") == [(0,)]


async def test_a_page_elsewhere_may_ask_with_its_token(old_ann: OldPage) -> None:
    headers = {"sec-fetch-site": "cross-site", "origin": "http://old.shop.example"}
    body = asking("query_user_order_list", old_ann.token)

    answer = await old_ann.http.post(f"{ALIPAY}/query_user_order_list", json=body, headers=headers)

    assert answer.json()["code"] == "0000"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/alipay/create_pay_order", True),
        ("/api/v1/alipay/active_pay_notify", True),
        ("/api/v1/alipay/group_buy_notify", False),
        ("/api/v1/alipay/alipay_notify_url", False),
        ("/api/v1/weixin/portal/receive", False),
        ("/v1/orders", False),
    ],
)
async def test_pages_elsewhere_are_let_in_where_pages_ask(world: World, path: str, allowed: bool) -> None:
    preflight = {
        "origin": "http://old.shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    async with old_page(world) as http:
        answer = await http.options(path, headers=preflight)

    assert ("access-control-allow-origin" in answer.headers) is allowed


async def test_a_body_that_is_too_large_is_refused_whole(old_ann: OldPage) -> None:
    answer = await old_ann.http.post(
        f"{ALIPAY}/create_pay_order", json={"userId": old_ann.token, "x": "x" * 70_000}
    )

    assert answer.status_code == 413
    assert old_ann.world.rows("SELECT count(*) FROM mall_order") == [(0,)]
