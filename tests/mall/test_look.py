"""Looking at products and teams: for everybody, with or without a market, and without anybody's id."""

import pytest
from mall_builders import API, TEA, Shopper, World, some_settings
from pydantic import ValidationError

from tuan.mall.buyer import masked, nickname_of
from tuan.mall.config import MallSettings


async def test_a_visitor_sees_the_shop_and_its_group_prices(world: World) -> None:
    async with world.browser() as browser:
        page = (await browser.get(f"{API}/v1/products?limit=5")).json()
        rest = (await browser.get(f"{API}/v1/products?limit=5&cursor={page['next_cursor']}")).json()
    cards = {card["id"]: card for card in page["items"] + rest["items"]}

    assert list(cards) == [f"989000{n}" for n in range(1, 8)]
    assert rest["next_cursor"] is None
    assert cards[TEA]["group"] == {"payable_fen": 108_00, "discount_fen": 20_00, "seats_target": 2}
    assert cards[TEA]["picture"] == f"/goods/{TEA}-1.svg"


async def test_the_market_gets_no_say_over_a_list_price_that_is_not_ours(world: World) -> None:
    async with world.browser() as browser:
        cards = (await browser.get(f"{API}/v1/products")).json()["items"]

    assert [card["id"] for card in cards if card["group"]] == [TEA]


async def test_a_product_shows_its_teams_own_first_and_nobodys_id(
    world: World, ann: Shopper, bob: Shopper
) -> None:
    await ann.ordered()
    his = await bob.ordered()
    await world.pay(his)
    await world.service.drain()
    answer = await bob.browser.get(f"{API}/v1/products/{TEA}")
    product = answer.json()

    assert [team["mine"] for team in product["teams"]] == [True, False]
    [member] = product["teams"][0]["members"]
    assert (member["opener"], member["paid"]) == (True, True)
    assert member["nickname"] == masked(nickname_of(bob.id))
    assert product["statistics"] == {"teams_opened": 2, "teams_formed": 0, "buyers": 2}
    assert product["group"]["plan"] == "amount_off"
    assert ann.id not in answer.text
    assert bob.id not in answer.text


@pytest.mark.parametrize("trouble", ["away", "silent", "no listing", "not for this buyer"])
async def test_without_a_market_the_list_price_still_stands(world: World, trouble: str) -> None:
    match trouble:
        case "away":
            world.network.away.add("market.test")
        case "silent":
            world.network.silent.add("market.test")
        case "no listing":
            world.market.refuses["quote"] = (404, "no_listing")
        case _:
            world.market.may_see = False
    async with world.browser() as browser:
        product = (await browser.get(f"{API}/v1/products/{TEA}")).json()
        cards = (await browser.get(f"{API}/v1/products")).json()["items"]

    assert (product["list_fen"], product["group"], product["teams"]) == (128_00, None, [])
    assert product["statistics"] is None
    assert [card["group"] for card in cards] == [None] * 7


@pytest.mark.parametrize(
    ("said", "found"),
    [("茶", 2), ("  茶 ", 2), ("orm", 1), ("%", 0), ("_", 0), ("没有这样的东西", 0), ("", 7)],
)
async def test_words_find_the_products_that_say_them(world: World, said: str, found: int) -> None:
    async with world.browser() as browser:
        page = (await browser.get(f"{API}/v1/products", params={"q": said})).json()

    assert len(page["items"]) == found


async def test_the_window_shows_teams_about_to_fill_but_not_ones_own(
    world: World, ann: Shopper, bob: Shopper
) -> None:
    hers = (await ann.ordered())["team_id"]
    his = (await bob.ordered())["team_id"]
    answer = await ann.browser.get(f"{API}/v1/teams")
    [item] = answer.json()["items"]
    async with world.browser() as stranger:
        everybodys = (await stranger.get(f"{API}/v1/teams")).json()["items"]

    assert (item["team"]["id"], item["product"]["id"]) == (his, TEA)
    assert item["product"]["group"]["payable_fen"] == 108_00
    assert [one["team"]["id"] for one in everybodys] == [hers, his]
    assert bob.id not in answer.text


@pytest.mark.parametrize("trouble", ["away", "not for this buyer", "refused"])
async def test_without_offers_the_window_shows_no_teams(
    world: World, ann: Shopper, bob: Shopper, trouble: str
) -> None:
    await ann.ordered()
    match trouble:
        case "away":
            world.network.away.add("market.test")
        case "refused":
            world.market.refuses["filling"] = (403, "forbidden")
        case _:
            world.market.may_see = False
    answer = await bob.browser.get(f"{API}/v1/teams")

    assert (answer.status_code, answer.json()["items"]) == (200, [])


async def test_an_invitation_shows_the_team_and_what_it_buys(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    async with world.browser() as browser:
        page = (await browser.get(f"{API}/v1/teams/{order['team_id']}")).json()

    assert (page["team"]["id"], page["team"]["mine"]) == (order["team_id"], False)
    assert (page["product"]["id"], page["group"]["campaign_id"]) == (TEA, "summer")


@pytest.mark.parametrize("path", ["/v1/products/none", "/v1/teams/none"])
async def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    async with world.browser() as browser:
        answer = await browser.get(API + path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/v1/products/x%00y", "/v1/teams/a%20b", "/v1/products?cursor=%ED%A0%80"])
async def test_an_id_that_can_be_none_is_refused(world: World, path: str) -> None:
    async with world.browser() as browser:
        answer = await browser.get(API + path)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_the_page_to_the_cashier_posts_itself_to_the_gateway_alone(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    page = await ann.browser.get(order["pay_url"])
    policy = page.headers["content-security-policy"]
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "form-action http://alipay.test " in policy
    assert "default-src 'none'" in policy
    assert f'<script nonce="{nonce}">' in page.text
    assert 'action="http://alipay.test/gateway.do?app_id=' in page.text
    assert "<button" in page.text
    assert "108.00" in page.text
    assert "&#34;out_trade_no&#34;" in page.text


async def test_a_phone_is_sent_to_the_mobile_cashier(ann: Shopper) -> None:
    order = await ann.ordered()
    phone = {"user-agent": "Mozilla/5.0 (Linux; Android 15) Mobile Safari/537.36"}
    page = await ann.browser.get(order["pay_url"], headers=phone)

    assert "method=alipay.trade.wap.pay" in page.text


async def test_too_late_for_the_cashier_is_explained(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    world.clock.pass_by(minutes=15)
    page = await ann.browser.get(order["pay_url"])

    assert page.status_code == 410
    assert f'href="http://shop.test/orders/{order["number"]}"' in page.text
    assert "<form" not in page.text


async def test_a_paid_order_goes_back_to_the_shop(world: World, ann: Shopper) -> None:
    order = await ann.ordered()
    await world.pay(order)
    page = await ann.browser.get(order["pay_url"])

    assert (page.status_code, page.headers["location"]) == (303, f"http://shop.test/orders/{order['number']}")
    assert (await ann.see(order["number"]))["pay_url"] is None


@pytest.mark.parametrize(
    "name",
    ["market_api_key", "market_webhook_secret", "wechat_app_secret", "wechat_token", "wechat_aes_key",
     "public_url"],
)  # fmt: skip
def test_the_mall_does_not_start_on_an_empty_secret(name: str) -> None:
    settings = some_settings("postgresql://")
    given = {
        key: value.get_secret_value() if hasattr(value, "get_secret_value") else value
        for key, value in settings
    }
    with pytest.raises(ValidationError, match=name):
        MallSettings(**given | {name: ""})


async def test_it_says_when_it_is_ready(world: World) -> None:
    async with world.browser() as browser:
        answer = await browser.get(f"{API}/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
