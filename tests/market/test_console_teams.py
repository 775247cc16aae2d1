"""Teams and seats at the console: found, told from the beginning, and counted by the day."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from console_builders import ADDRESS, Hands, Office, code_of
from market_builders import API_KEY, CAMPAIGN, save_campaign

from tuan.kernel.clock import BEIJING
from tuan.market.app import build
from tuan.market.campaign import Campaign
from tuan.market.config import MarketSettings
from tuan.market.operator import Role

KEY = {"authorization": f"Bearer {API_KEY}"}
TEA = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}


@pytest.fixture
async def office(market_database: str) -> AsyncIterator[Office]:
    """On a day of its own, ten in the evening in Beijing, with a campaign for teams of two."""
    clock = Hands(datetime(2026, 11, 22, 22, 0, tzinfo=BEIJING).astimezone(UTC))
    save_campaign(market_database, open_for_a_week(clock()))
    with psycopg.connect(market_database) as connection:
        connection.execute("UPDATE terms SET seats_target = 2, take_limit = 9, team_minutes = 180")
        connection.execute(
            "INSERT INTO endpoint (id, source, url, secret, created_at)"
            " VALUES ('e1', 'mall', 'https://mall.test/hooks', 'whsec_c2VjcmV0', %s)",
            [clock()],
        )
    transport = httpx.MockTransport(lambda _: httpx.Response(503))
    service = build(MarketSettings(database_url=market_database), clock=clock, transport=transport)
    async with service.opened():
        yield Office(market_database, service, clock)


def open_for_a_week(now: datetime) -> Campaign:
    return replace(CAMPAIGN, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=7))


async def lock(browser: httpx.AsyncClient, number: str, *, team_id: str | None = None) -> str:
    body = TEA | {"buyer_id": f"b-{number}", "team_id": team_id}
    locked = await browser.put(f"{ADDRESS}/v1/seats/{number}", json=body, headers=KEY)
    assert locked.status_code == 200, locked.text
    return str(locked.json()["team_id"])


async def settle(office: Office, browser: httpx.AsyncClient, number: str) -> None:
    path = f"{ADDRESS}/v1/seats/{number}/settlement"
    settled = await browser.put(path, json={"paid_at": office.clock().isoformat()}, headers=KEY)
    assert settled.status_code == 200, settled.text


async def look(office: Office, path: str, params: dict[str, str | int] | None = None) -> Any:
    """As a viewer who signed in just now: hours pass in these stories."""
    async with office.browser(Role.VIEWER) as viewer:
        return (await viewer.get(path, params=params)).json()


async def form(office: Office, browser: httpx.AsyncClient, *numbers: str, minutes: float) -> str:
    """A team whose members pay at once, the last of them so many minutes after the first."""
    first, second = numbers
    team_id = await lock(browser, first)
    await settle(office, browser, first)
    office.clock.forward(minutes=minutes)
    await lock(browser, second, team_id=team_id)
    await settle(office, browser, second)
    return team_id


async def test_the_whole_story_of_a_team_in_order(office: Office, operator: httpx.AsyncClient) -> None:
    team_id = await lock(operator, "T1")
    office.clock.forward(minutes=1)
    await lock(operator, "T0", team_id=team_id)
    office.clock.forward(minutes=1)
    await operator.put(f"{ADDRESS}/v1/seats/T0/release", json={}, headers=KEY)
    office.clock.forward(minutes=1)
    await settle(office, operator, "T1")
    office.clock.forward(minutes=1)
    await lock(operator, "T2", team_id=team_id)
    office.clock.forward(minutes=1)
    await settle(office, operator, "T2")
    office.clock.forward(minutes=1)
    await office.service.drain()

    story = (await operator.get(f"/teams/{team_id}")).json()
    assert [(moment["what"], moment["out_trade_no"]) for moment in story["timeline"]] == [
        ("team.opened", None),
        ("seat.locked", "T1"),
        ("seat.locked", "T0"),
        ("seat.released", "T0"),
        ("webhook.owed", None),
        ("seat.settled", "T1"),
        ("seat.locked", "T2"),
        ("seat.settled", "T2"),
        ("team.formed", None),
        ("webhook.owed", None),
        ("webhook.sent", None),
    ]
    assert story["timeline"][-1]["status_code"] == 503
    assert story["team"]["status"] == "formed"
    assert [(seat["out_trade_no"], seat["status"]) for seat in story["seats"]] == [
        ("T1", "settled"),
        ("T0", "released"),
        ("T2", "settled"),
    ]
    assert code_of(await operator.get("/teams/none")) == (404, "not_found")


async def test_a_team_that_fails_gives_back_its_seats_after_it_has_failed(
    office: Office, operator: httpx.AsyncClient
) -> None:
    team_id = await lock(operator, "T1")
    await settle(office, operator, "T1")
    office.clock.forward(minutes=185)
    await office.service.drain()

    told = (await look(office, f"/teams/{team_id}"))["timeline"]
    assert [moment["what"] for moment in told][3:6] == ["team.failed", "seat.refunded", "webhook.owed"]


async def test_teams_are_found_by_what_they_are_and_by_how_soon_they_close(
    office: Office, operator: httpx.AsyncClient
) -> None:
    early = await lock(operator, "T1")
    office.clock.forward(minutes=60)
    formed = await form(office, operator, "T2", "T3", minutes=0)
    office.clock.forward(minutes=60)
    late = await lock(operator, "T4")

    async def found(**wanted: str | int) -> list[str]:
        return [team["id"] for team in (await look(office, "/teams", wanted))["items"]]

    assert await found() == [late, formed, early]
    assert await found(status="forming", campaign_id="summer", source="mall", goods_id="tea") == [late, early]
    assert await found(campaign_id="winter") == []
    assert await found(closing_within_minutes=60) == [early]
    assert await found(closing_within_minutes=180) == [early, late]
    pages: list[dict[str, str | int]] = [{"limit": 1}, {"limit": 1, "closing_within_minutes": 180}]
    for wanted in pages:
        page = await look(office, "/teams", wanted)
        assert await found(**wanted, cursor=page["next_cursor"]) == (
            [late] if "closing_within_minutes" in wanted else [formed]
        )


async def test_a_seat_is_found_by_its_order_number(office: Office, operator: httpx.AsyncClient) -> None:
    team_id = await lock(operator, "T1")

    [seat] = (await operator.get("/seats/T1")).json()["items"]
    assert (seat["source"], seat["team_id"], seat["payable_fen"]) == ("mall", team_id, 80_00)
    assert (await operator.get("/seats/T9")).json() == {"items": []}


async def test_a_campaigns_days_begin_at_midnight_in_beijing(
    office: Office, operator: httpx.AsyncClient
) -> None:
    await form(office, operator, "T1", "T2", minutes=10)
    await form(office, operator, "T3", "T4", minutes=30)
    await lock(operator, "T5")  # Opened before midnight, given up after it.
    office.clock.forward(hours=4)
    await office.service.drain()
    await form(office, operator, "T6", "T7", minutes=5)
    await operator.put(f"{ADDRESS}/v1/seats/T7/release", json={}, headers=KEY)  # Refunded after forming.

    asked: dict[str, str | int] = {"first": "2026-11-22", "last": "2026-11-23", "campaign_id": "summer"}
    days = (await look(office, "/statistics/days", asked))["items"]
    summer = {"campaign_id": "summer", "campaign_name": CAMPAIGN.name}
    assert days == [
        summer
        | {
            "day": "2026-11-22",
            "quotes": 0,
            "teams_opened": 3,
            "teams_formed": 2,
            "teams_failed": 0,
            "seats_locked": 5,
            "seats_paid": 4,
            "seats_formed": 4,
            "fill_rate_bp": 10_000,
            "median_seconds_to_form": 20 * 60,
            "revenue_fen": 4 * 80_00,
            "saved_fen": 4 * 20_00,
        },
        summer
        | {
            "day": "2026-11-23",
            "quotes": 0,
            "teams_opened": 1,
            "teams_formed": 1,
            "teams_failed": 1,
            "seats_locked": 2,
            "seats_paid": 2,
            "seats_formed": 2,
            "fill_rate_bp": 5_000,
            "median_seconds_to_form": 5 * 60,
            "revenue_fen": 80_00,
            "saved_fen": 20_00,
        },
    ]
    elsewhere = asked | {"campaign_id": "winter"}
    assert await look(office, "/statistics/days", elsewhere) == {"items": []}


async def test_how_things_stand_at_this_moment(office: Office, operator: httpx.AsyncClient) -> None:
    now: dict[str, object] = {"teams_forming": 0, "teams_closing_soon": 0, "seats_held": 0}
    owed: dict[str, object] = {
        "webhooks_pending": 0,
        "webhooks_waiting_since": None,
        "webhooks_dead": 0,
    }
    assert await look(office, "/statistics/now") == now | owed

    await lock(operator, "T1")
    office.clock.forward(minutes=120)
    await form(office, operator, "T2", "T3", minutes=0)
    formed_at = office.clock().isoformat().replace("+00:00", "Z")
    office.clock.forward(minutes=1)
    await lock(operator, "T4")
    await settle(office, operator, "T4")
    now = {"teams_forming": 2, "teams_closing_soon": 1, "seats_held": 1}
    owed |= {"webhooks_pending": 1, "webhooks_waiting_since": formed_at}
    assert await look(office, "/statistics/now") == now | owed

    with psycopg.connect(office.url) as connection:
        connection.execute("UPDATE delivery SET status = 'dead', died_at = now()")
    owed |= {"webhooks_pending": 0, "webhooks_waiting_since": None, "webhooks_dead": 1}
    assert await look(office, "/statistics/now") == now | owed


@pytest.mark.parametrize(
    "asked",
    [
        {"first": "2026-11-23", "last": "2026-11-22"},
        {"first": "2026-01-01", "last": "2026-04-03"},
        {"first": "0001-01-01", "last": "0001-01-02"},
        {"first": "2026-11-22"},
    ],
)
async def test_statistics_are_of_ninety_two_days_at_most(
    operator: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    assert code_of(await operator.get("/statistics/days", params=asked)) == (422, "invalid_request")
