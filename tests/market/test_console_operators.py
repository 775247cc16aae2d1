"""Operators are appointed and dismissed at the console; what anybody changes is there to read."""

import asyncio

import httpx
import psycopg
import pytest
from console_builders import Office, code_of
from market_processes import query

from tuan.market.operator import Role

BOB = {"name": "bob", "password": "twelve letters", "role": "viewer"}


async def test_who_is_appointed_signs_in_and_does_what_their_role_lets_them(
    office: Office, admin: httpx.AsyncClient
) -> None:
    bob = (await admin.post("/operators", json=BOB)).json()
    listed = (await admin.get("/operators")).json()["items"]
    assert [(operator["name"], operator["role"]) for operator in listed] == [
        ("ada", "admin"),
        ("bob", "viewer"),
    ]

    async with office.browser() as browser:
        signed_in = await browser.post("/sessions", json={"name": "bob", "password": BOB["password"]})
        assert signed_in.json()["permissions"] == ["look"]
        assert code_of(await browser.get("/operators")) == (403, "not_permitted")

        await admin.put(f"/operators/{bob['id']}/role", json={"role": "admin"})
        assert (await browser.get("/operators")).status_code == 200

    assert "twelve letters" not in str(query(office.url, "SELECT * FROM operator, audit_log"))


async def test_a_name_is_given_once(office: Office, admin: httpx.AsyncClient) -> None:
    await admin.post("/operators", json=BOB)
    assert code_of(await admin.post("/operators", json=BOB)) == (409, "name_taken")
    assert code_of(await admin.post("/operators", json=BOB | {"password": "short"})) == (
        422,
        "invalid_request",
    )
    assert query(office.url, "SELECT count(*), (SELECT count(*) FROM audit_log) FROM operator") == [(2, 1)]


async def test_who_is_dismissed_is_out_at_once_and_for_good(office: Office, admin: httpx.AsyncClient) -> None:
    bob = (await admin.post("/operators", json=BOB)).json()
    async with office.browser() as browser:
        door = {"name": "bob", "password": BOB["password"]}
        await browser.post("/sessions", json=door)
        dismissed = await admin.put(f"/operators/{bob['id']}/disabled", json={"reason": "left us"})
        assert dismissed.json()["disabled_at"] is not None

        assert code_of(await browser.get("/me")) == (401, "not_signed_in")
        assert code_of(await browser.post("/sessions", json=door)) == (401, "wrong_name_or_password")


async def test_another_password_ends_every_session_of_the_old_one(
    office: Office, admin: httpx.AsyncClient
) -> None:
    bob = (await admin.post("/operators", json=BOB)).json()
    async with office.browser() as browser:
        await browser.post("/sessions", json={"name": "bob", "password": BOB["password"]})
        await admin.put(f"/operators/{bob['id']}/password", json={"password": "another dozen"})

        assert code_of(await browser.get("/me")) == (401, "not_signed_in")
        anew = await browser.post("/sessions", json={"name": "bob", "password": "another dozen"})
        assert anew.status_code == 201
    assert "another dozen" not in str(query(office.url, "SELECT * FROM operator, audit_log"))


async def test_whatever_is_done_to_an_operator_is_on_record(office: Office, admin: httpx.AsyncClient) -> None:
    bob = f"/operators/{(await admin.post('/operators', json=BOB)).json()['id']}"
    await admin.put(f"{bob}/role", json={"role": "operator", "reason": "learned it"})
    await admin.put(f"{bob}/password", json={"password": "another dozen", "reason": "forgot it"})
    await admin.put(f"{bob}/disabled", json={"reason": "left us"})
    await admin.put(f"{bob}/disabled", json={"reason": "left us again"})

    told = "SELECT action, before ->> 'role', after ->> 'role', reason FROM audit_log ORDER BY id"
    assert query(office.url, told) == [
        ("operator.created", None, "viewer", ""),
        ("operator.role_changed", "viewer", "operator", "learned it"),
        ("operator.password_reset", None, None, "forgot it"),
        ("operator.disabled", "operator", "operator", "left us"),
    ]


async def test_two_admins_cannot_both_dismiss_the_other(office: Office, admin: httpx.AsyncClient) -> None:
    ada = (await admin.get("/me")).json()["id"]
    eve_id, eve_secret = office.appointed(Role.ADMIN, name="eve")
    async with office.browser() as eve:
        eve.cookies.set("tuan_operator", eve_secret)
        answers = await asyncio.gather(
            admin.put(f"/operators/{eve_id}/role", json={"role": "viewer"}),
            eve.put(f"/operators/{ada}/disabled", json={"reason": "no reason"}),
        )
    refused = [code_of(answer) for answer in answers if answer.status_code != 200]
    assert refused in ([(409, "last_admin")], [(403, "not_permitted")], [(401, "not_signed_in")])
    left = "SELECT count(*) FROM operator WHERE role = 'admin' AND disabled_at IS NULL"
    assert query(office.url, left) == [(1,)]


async def test_the_last_admin_stays_one(office: Office, admin: httpx.AsyncClient) -> None:
    ada = (await admin.get("/me")).json()["id"]

    demoted = await admin.put(f"/operators/{ada}/role", json={"role": "operator"})
    dismissed = await admin.put(f"/operators/{ada}/disabled", json={"reason": "tired"})
    assert code_of(demoted) == code_of(dismissed) == (409, "last_admin")
    state = "SELECT role, disabled_at, (SELECT count(*) FROM audit_log) FROM operator"
    assert query(office.url, state) == [("admin", None, 0)]


async def test_the_record_is_read_page_by_page_and_by_who_what_and_when(
    office: Office, admin: httpx.AsyncClient
) -> None:
    for n in range(3):
        office.clock.forward(minutes=1)
        await admin.post("/sources", json={"id": f"s{n}", "name": f"Source {n}", "reason": f"{n}"})
    await admin.post("/operators", json=BOB)

    async def told(**wanted: str) -> list[str]:
        items = (await admin.get("/audit", params=wanted)).json()["items"]
        return [entry["about"] for entry in items]

    first = (await admin.get("/audit", params={"limit": 3})).json()
    rest = (await admin.get("/audit", params={"cursor": first["next_cursor"]})).json()
    assert [entry["about"] for entry in first["items"][1:] + rest["items"]] == [
        "source:s2", "source:s1", "source:s0",
    ]  # fmt: skip
    assert rest["next_cursor"] is None
    assert await told(action="source.created", limit="2") == ["source:s2", "source:s1"]
    assert await told(about="source:s1") == ["source:s1"]
    assert await told(operator_id="nobody") == []
    assert await told(since=office.clock().isoformat(), action="source.created") == ["source:s2"]
    assert await told(until=office.clock().isoformat()) == ["source:s1", "source:s0"]


async def test_the_record_cannot_be_rewritten(office: Office, admin: httpx.AsyncClient) -> None:
    await admin.post("/sources", json={"id": "s1", "name": "Source"})

    for change in ("UPDATE audit_log SET reason = 'other'", "DELETE FROM audit_log"):
        with (
            psycopg.connect(office.url) as connection,
            pytest.raises(psycopg.errors.RaiseException, match="only ever added to"),
        ):
            connection.execute(change)
    assert query(office.url, "SELECT reason FROM audit_log") == [("",)]
