"""Who gets into the console, for how long, and from where."""

import asyncio

import httpx
import psycopg
import pytest
from console_builders import ADDRESS, ROOT, Office, code_of
from market_processes import query

from tuan.kernel.clock import utc_now
from tuan.kernel.db import build_pool
from tuan.market.app import build
from tuan.market.config import MarketSettings
from tuan.market.operator import NameTaken, Role
from tuan.market.sign_in import create_operator

PASSWORD = "correct horse battery"
ADA = {"name": "ada", "password": PASSWORD}


@pytest.fixture
async def ada(office: Office) -> str:
    """The first admin, made as `load_demo` makes one."""
    async with build_pool(office.url, size=1) as pool:
        operator = await create_operator(
            pool, name="ada", password=PASSWORD, role=Role.ADMIN, now=office.clock()
        )
    return operator.id


async def test_who_signs_in_is_known_until_they_sign_out(office: Office, ada: str) -> None:
    async with office.browser() as browser:
        signed_in = await browser.post("/sessions", json=ADA)
        assert signed_in.status_code == 201
        assert signed_in.json() == {
            "id": ada,
            "name": "ada",
            "role": "admin",
            "permissions": ["appoint", "connect", "look", "resend", "sell", "switch"],
        }
        assert (await browser.get("/me")).json() == signed_in.json()

        stolen = dict(browser.cookies)
        assert (await browser.delete("/sessions/current")).status_code == 204
        assert dict(browser.cookies) == {}
        browser.cookies.update(stolen)
        assert code_of(await browser.get("/me")) == (401, "not_signed_in")


async def test_the_first_admin_is_on_record_and_made_once(office: Office, ada: str) -> None:
    async with build_pool(office.url, size=1) as pool:
        with pytest.raises(NameTaken):
            await create_operator(pool, name="ada", password="another one", role=Role.VIEWER, now=utc_now())

    assert query(office.url, "SELECT role, password_hash LIKE '$argon2id$%' FROM operator") == [
        ("admin", True)
    ]
    told = "SELECT operator_id, action, about, before, after ->> 'name' FROM audit_log"
    assert query(office.url, told) == [(ada, "operator.created", f"operator:{ada}", None, "ada")]


async def test_a_wrong_name_and_a_wrong_password_are_refused_alike(office: Office, ada: str) -> None:
    async with office.browser() as browser:
        wrong_password = await browser.post("/sessions", json=ADA | {"password": "guess"})
        wrong_name = await browser.post("/sessions", json=ADA | {"name": "bob"})

    assert code_of(wrong_password) == code_of(wrong_name) == (401, "wrong_name_or_password")
    assert wrong_password.json()["detail"] == wrong_name.json()["detail"]
    assert "set-cookie" not in wrong_password.headers
    assert query(office.url, "SELECT count(*) FROM operator_session") == [(0,)]


@pytest.mark.parametrize("name", ["ada", "bob"])
async def test_ten_wrong_passwords_and_even_the_right_one_must_wait(
    office: Office, ada: str, name: str
) -> None:
    with psycopg.connect(office.url) as connection:
        for _ in range(8):
            connection.execute("INSERT INTO sign_in_try VALUES (%s, %s)", [name, office.clock()])
    async with office.browser() as browser:
        guess = {"name": name, "password": "guess"}
        answers = await asyncio.gather(*(browser.post("/sessions", json=guess) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [401, 401, 429, 429, 429]

        refused = await browser.post("/sessions", json={"name": name, "password": PASSWORD})
        assert code_of(refused) == (429, "too_many_tries")
        assert refused.headers["retry-after"] == "900"

        office.clock.forward(minutes=15)
        answer = await browser.post("/sessions", json={"name": name, "password": PASSWORD})
        assert answer.status_code == (201 if name == "ada" else 401)
    assert query(office.url, "SELECT count(*) FROM sign_in_try") == [(0 if name == "ada" else 1,)]


async def test_the_right_password_forgets_the_wrong_ones(office: Office, ada: str) -> None:
    async with office.browser() as browser:
        await browser.post("/sessions", json=ADA | {"password": "guess"})
        await browser.post("/sessions", json=ADA)

    assert query(office.url, "SELECT count(*) FROM sign_in_try") == [(0,)]


async def test_a_session_ends_two_hours_after_the_last_look_and_after_twelve_in_any_case(
    office: Office,
) -> None:
    async with office.browser(Role.VIEWER) as browser:
        for _ in range(7):
            office.clock.forward(hours=1, minutes=40)
            assert (await browser.get("/me")).status_code == 200

        office.clock.forward(minutes=20)  # Twelve hours after signing in.
        assert code_of(await browser.get("/me")) == (401, "not_signed_in")

    async with office.browser(Role.VIEWER) as browser:
        office.clock.forward(hours=2)
        assert code_of(await browser.get("/me")) == (401, "not_signed_in")


async def test_the_cookie_is_kept_from_scripts_and_other_sites_and_over_https_to_this_host(
    office: Office, ada: str
) -> None:
    async with office.browser() as browser:
        plain = (await browser.post("/sessions", json=ADA)).headers["set-cookie"]
    assert plain.startswith("tuan_operator=")
    assert plain.split("; ")[1:] == ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=lax"]

    settings = MarketSettings(database_url=office.url, public_url="https://shop.example/api/market")
    service = build(settings, clock=office.clock)
    transport = httpx.ASGITransport(service.app)
    async with service.opened(), httpx.AsyncClient(transport=transport, base_url=ADDRESS) as browser:
        secure = (await browser.post(f"{ROOT}/sessions", json=ADA)).headers["set-cookie"]
    assert secure.startswith("__Host-tuan_operator=")
    assert secure.split("; ")[1:] == ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=lax", "Secure"]


@pytest.mark.parametrize(
    "said",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
async def test_no_other_site_changes_anything_through_an_operators_browser(
    office: Office, admin: httpx.AsyncClient, said: dict[str, str]
) -> None:
    answer = await admin.post("/sources", json={"id": "s09", "name": "Evil"}, headers=said)

    assert code_of(answer) == (403, "forbidden")
    assert query(office.url, "SELECT count(*) FROM source") == [(0,)]


async def test_our_own_pages_change_things_and_nothing_of_it_is_cached(
    office: Office, admin: httpx.AsyncClient
) -> None:
    ours = {"origin": ADDRESS, "sec-fetch-site": "same-origin"}
    created = await admin.post("/sources", json={"id": "s09", "name": "Ours"}, headers=ours)

    assert created.status_code == 201
    assert created.headers["cache-control"] == "no-store"
