"""Campaigns at the console: drafted, published, edited while they run, copied, ended; goods and switches."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from console_builders import TEN_OFF, Office, a_campaign, code_of
from market_builders import API_KEY, save_campaign
from market_processes import query

TEA = {"goods_id": "tea", "channel": "app", "buyer_id": "b1"}
TERMS = "SELECT id, seats_target FROM terms WHERE campaign_id <> 'summer' ORDER BY id"


async def created(browser: httpx.AsyncClient, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    answer = await browser.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def a_draft(office: Office, operator: httpx.AsyncClient, **changes: object) -> dict[str, Any]:
    discount = await created(operator, "/discounts", TEN_OFF)
    body = a_campaign(str(discount["id"]), now=office.clock(), **changes)
    return await created(operator, "/campaigns", body)


async def test_a_campaign_from_its_draft_to_a_buyers_price(
    office: Office, operator: httpx.AsyncClient
) -> None:
    save_campaign(office.url)
    draft = await a_draft(office, operator)
    assert (draft["status"], draft["preview"]) == ("draft", None)
    campaign = f"/campaigns/{draft['id']}"

    previewed = (await operator.get(campaign, params={"list_fen": 120_00})).json()
    assert previewed["preview"] == {"list_fen": 120_00, "discount_fen": 10_00, "payable_fen": 110_00}
    assert previewed["discount"]["name"] == "满100减10"
    assert (await operator.put(f"{campaign}/publication", json={})).json()["status"] == "live"
    listed = await operator.put(
        "/listings/mall/app/tea", json={"campaign_id": draft["id"], "list_fen": 120_00}
    )
    assert listed.json()["price"]["payable_fen"] == 110_00

    key = {"authorization": f"Bearer {API_KEY}"}
    quoted = (await operator.post("http://market/v1/quotes", json=TEA, headers=key)).json()
    assert (quoted["campaign_id"], quoted["payable_fen"]) == (draft["id"], 110_00)


async def test_editing_writes_new_terms_and_only_when_they_differ(
    office: Office, operator: httpx.AsyncClient
) -> None:
    draft = await a_draft(office, operator)
    campaign = f"/campaigns/{draft['id']}"
    body = a_campaign(draft["discount"]["id"], now=office.clock())

    renamed = (await operator.put(campaign, json=body | {"name": "冬日拼团"})).json()
    assert (renamed["name"], renamed["terms"]) == ("冬日拼团", draft["terms"])
    assert len(query(office.url, TERMS)) == 1

    larger = a_campaign(draft["discount"]["id"], now=office.clock(), seats_target=5)
    assert (await operator.put(campaign, json=larger)).json()["terms"]["seats_target"] == 5
    assert [seats for _, seats in query(office.url, TERMS)] == [3, 5]


async def test_every_step_is_on_record_with_what_was_before(
    office: Office, operator: httpx.AsyncClient
) -> None:
    draft = await a_draft(office, operator)
    campaign = f"/campaigns/{draft['id']}"
    await operator.put(f"{campaign}/publication", json={"reason": "上线"})
    await operator.put(f"{campaign}/end", json={"reason": "售罄"})
    copy = await created(operator, f"{campaign}/copies", {"name": "再来一次"})

    about = f"campaign:{draft['id']}"
    told = (await operator.get("/audit", params={"about": about})).json()["items"]
    assert [(entry["action"], entry["operator_name"], entry["reason"]) for entry in told] == [
        ("campaign.ended", "olga", "售罄"),
        ("campaign.published", "olga", "上线"),
        ("campaign.created", "olga", ""),
    ]
    assert [(entry["before"] or {}).get("status") for entry in told] == ["live", "draft", None]
    assert [entry["after"]["status"] for entry in told] == ["ended", "live", "draft"]
    assert (copy["status"], copy["name"], copy["discount"]) == ("draft", "再来一次", draft["discount"])
    assert copy["terms"]["id"] != draft["terms"]["id"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"discount_id": "none"}, "discount_unknown"),
        (
            {"audience": {"segment_id": "none", "limits_see": True, "limits_join": False}},
            "segment_unknown",
        ),
        (
            {"audience": {"segment_id": "vip", "limits_see": False, "limits_join": False}},
            "invalid_request",
        ),
        ({"seats_target": 0}, "invalid_request"),
        ({"hold_minutes": 1441}, "invalid_request"),
        ({"name": "a\0b"}, "invalid_request"),
        ({"name": "  "}, "invalid_request"),
        ({"starts_at": "2026-01-01T00:00:00"}, "invalid_request"),
    ],
)
async def test_what_cannot_be_a_campaign_is_refused_and_leaves_nothing(
    office: Office, operator: httpx.AsyncClient, changes: dict[str, object], code: str
) -> None:
    discount = await created(operator, "/discounts", TEN_OFF)
    body = a_campaign(str(discount["id"]), now=office.clock(), **changes)

    assert code_of(await operator.post("/campaigns", json=body)) == (422, code)
    assert query(office.url, "SELECT (SELECT count(*) FROM campaign), (SELECT count(*) FROM audit_log)") == [
        (0, 1)
    ]


async def test_a_window_must_end_after_it_starts_and_after_now(
    office: Office, operator: httpx.AsyncClient
) -> None:
    discount = await created(operator, "/discounts", TEN_OFF)
    now = office.clock()
    soon, sooner = (now + timedelta(hours=2)).isoformat(), (now + timedelta(hours=1)).isoformat()
    reversed_ = a_campaign(str(discount["id"]), now=now, starts_at=soon, ends_at=sooner)
    past = a_campaign(str(discount["id"]), now=now, ends_at=now.isoformat())

    assert code_of(await operator.post("/campaigns", json=reversed_)) == (422, "window_reversed")
    assert code_of(await operator.post("/campaigns", json=past)) == (422, "window_past")
    draft = await a_draft(office, operator)
    office.clock.forward(minutes=60)
    with psycopg.connect(office.url) as connection:
        connection.execute("UPDATE campaign SET ends_at = %s", [office.clock()])
    published = await operator.put(f"/campaigns/{draft['id']}/publication", json={})
    assert code_of(published) == (422, "window_past")


async def test_a_campaign_goes_one_way(office: Office, operator: httpx.AsyncClient) -> None:
    draft = await a_draft(office, operator)
    campaign, end = f"/campaigns/{draft['id']}", {"reason": "售罄"}
    body = a_campaign(draft["discount"]["id"], now=office.clock())

    assert code_of(await operator.put(f"{campaign}/end", json=end)) == (409, "campaign_not_live")
    await operator.put(f"{campaign}/publication", json={})
    assert code_of(await operator.put(f"{campaign}/publication", json={})) == (409, "campaign_not_draft")
    assert code_of(await operator.put(f"{campaign}/end", json={})) == (422, "invalid_request")
    assert (await operator.put(f"{campaign}/end", json=end)).json()["status"] == "ended"
    assert code_of(await operator.put(campaign, json=body)) == (409, "campaign_ended")
    assert code_of(await operator.put("/campaigns/none/end", json=end)) == (404, "not_found")
    told = "SELECT count(*) FROM audit_log WHERE action LIKE 'campaign.%'"
    assert query(office.url, told) == [(3,)]


async def test_campaigns_are_found_by_status_and_name_page_by_page(
    office: Office, operator: httpx.AsyncClient
) -> None:
    for name in ("Alpha 1", "Alpha 2", "Beta"):
        office.clock.forward(seconds=1)
        await a_draft(office, operator, name=name)

    first = (await operator.get("/campaigns", params={"limit": 2})).json()
    assert [campaign["name"] for campaign in first["items"]] == ["Beta", "Alpha 2"]
    rest = (await operator.get("/campaigns", params={"cursor": first["next_cursor"]})).json()
    assert ([campaign["name"] for campaign in rest["items"]], rest["next_cursor"]) == (["Alpha 1"], None)

    async def names(**wanted: str) -> list[str]:
        found = (await operator.get("/campaigns", params=wanted)).json()["items"]
        return [campaign["name"] for campaign in found]

    assert await names(text="alpha") == ["Alpha 2", "Alpha 1"]
    assert await names(text="%") == []
    assert await names(status="live") == []


@pytest.mark.parametrize(
    ("terms", "payable_fen"),
    [
        ({"plan": "amount_off", "off_fen": 20_00}, 80_00),
        ({"plan": "threshold", "over_fen": 100_00, "off_fen": 10_00}, 90_00),
        ({"plan": "percent", "rate_bp": 8_000}, 80_00),
        ({"plan": "fixed_price", "price_fen": 1_99}, 1_99),
    ],
)
async def test_each_of_the_four_discounts(
    office: Office, operator: httpx.AsyncClient, terms: dict[str, object], payable_fen: int
) -> None:
    discount = await created(operator, "/discounts", {"name": "d", "terms": terms})
    body = a_campaign(str(discount["id"]), now=office.clock())
    campaign = await created(operator, "/campaigns", body)

    previewed = await operator.get(f"/campaigns/{campaign['id']}", params={"list_fen": 100_00})
    assert previewed.json()["preview"]["payable_fen"] == payable_fen
    assert [found["id"] for found in (await operator.get("/discounts")).json()["items"]] == [discount["id"]]


@pytest.mark.parametrize(
    "terms",
    [
        {"plan": "threshold", "over_fen": 10_00, "off_fen": 10_00},
        {"plan": "percent", "rate_bp": 10_000},
        {"plan": "fixed_price", "price_fen": 0},
        {"plan": "amount_off"},
        {"plan": "amount_off", "off_fen": 1, "rate_bp": 8_000},
        {"plan": "free"},
    ],
)
async def test_what_is_no_discount_is_refused(
    office: Office, operator: httpx.AsyncClient, terms: dict[str, object]
) -> None:
    refused = await operator.post("/discounts", json={"name": "d", "terms": terms})

    assert code_of(refused) == (422, "invalid_request")
    assert query(office.url, "SELECT count(*) FROM discount") == [(0,)]


async def test_goods_are_listed_moved_and_taken_off(office: Office, operator: httpx.AsyncClient) -> None:
    save_campaign(office.url)
    draft = await a_draft(office, operator)
    tea, there = "/listings/mall/app/tea", {"campaign_id": draft["id"], "list_fen": 88_00}

    assert (await operator.put(tea, json=there)).status_code == 200
    await operator.put("/listings/mall/h5/tea", json=there)
    first = (await operator.get("/listings", params={"limit": 1})).json()
    rest = (await operator.get("/listings", params={"cursor": first["next_cursor"]})).json()
    assert [listing["channel"] for listing in first["items"] + rest["items"]] == ["app", "h5"]
    assert rest["next_cursor"] is None

    assert (await operator.delete(tea)).status_code == 204
    assert code_of(await operator.delete(tea)) == (404, "not_found")
    told = "SELECT action, before ->> 'list_fen', after ->> 'list_fen' FROM audit_log WHERE about = %s"
    with psycopg.connect(office.url) as connection:
        entries = connection.execute(f"{told} ORDER BY id", ["listing:mall/app/tea"]).fetchall()
    assert entries == [("listing.put", "10000", "8800"), ("listing.deleted", "8800", None)]


@pytest.mark.parametrize(
    ("path", "campaign_id", "refusal"),
    [
        ("/listings/none/app/tea", "summer", (422, "source_unknown")),
        ("/listings/mall/app/tea", "none", (422, "campaign_unknown")),
        ("/listings/mall/app/tea", "summer", (409, "campaign_ended")),
    ],
)
async def test_goods_are_not_listed_where_nobody_could_buy_them(
    office: Office, operator: httpx.AsyncClient, path: str, campaign_id: str, refusal: tuple[int, str]
) -> None:
    save_campaign(office.url)
    with psycopg.connect(office.url) as connection:
        connection.execute("UPDATE campaign SET status = 'ended'")

    refused = await operator.put(path, json={"campaign_id": campaign_id, "list_fen": 1})
    assert code_of(refused) == refusal
    assert query(office.url, "SELECT list_fen, (SELECT count(*) FROM audit_log) FROM listing") == [(10000, 0)]


async def test_switches_are_turned_all_at_once_and_remembered(
    office: Office, operator: httpx.AsyncClient
) -> None:
    delivered = (await operator.get("/switches")).json()
    assert (delivered["downgraded"], delivered["rollout_percent"], delivered["blocked"]) == (False, 100, [])

    blocked = [{"source": "s02", "channel": "c02"}]
    turned = delivered | {"rollout_percent": 30, "blocked": blocked}
    answer = await operator.put("/switches", json=turned | {"reason": "灰度"})
    assert answer.json() == (await operator.get("/switches")).json() == turned
    await operator.put("/switches", json=delivered | {"downgraded": True, "reason": "故障"})

    history = (await operator.get("/switches/history")).json()["items"]
    assert [(entry["reason"], entry["before"]["rollout_percent"]) for entry in history] == [
        ("故障", 30),
        ("灰度", 100),
    ]
    assert history[0]["before"]["blocked"] == [["s02", "c02"]]
    half = {name: turned[name] for name in turned if name != "blocked"}
    assert code_of(await operator.put("/switches", json=half | {"reason": "?"})) == (422, "invalid_request")
    assert query(office.url, "SELECT count(*), bool_and(downgraded) FROM switchboard") == [(1, True)]
