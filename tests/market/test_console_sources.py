"""Sources get keys and endpoints at the console; what is secret is shown once."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from console_builders import ADDRESS, Office, code_of
from market_processes import query

WHY = {"reason": "leaked"}


@pytest.fixture
async def keys(admin: httpx.AsyncClient) -> str:
    await admin.post("/sources", json={"id": "s09", "name": "九号商城"})
    return "/sources/s09/keys"


async def is_known(browser: httpx.AsyncClient, secret: str) -> bool:
    """Whether whoever has this key gets past the door: a seat nobody locked is then simply not there."""
    key = {"authorization": f"Bearer {secret}"}
    return (await browser.get(f"{ADDRESS}/v1/seats/T1", headers=key)).status_code == 404


async def becomes_unknown(browser: httpx.AsyncClient, secret: str) -> None:
    """The process that answers keeps keys in memory until it hears that one has changed."""
    async with asyncio.timeout(5):
        while await is_known(browser, secret):
            await asyncio.sleep(0)


async def test_a_key_is_shown_once_and_good_until_it_is_revoked(
    office: Office, admin: httpx.AsyncClient, keys: str
) -> None:
    issued = (await admin.post(keys, json={})).json()
    key = f"{keys}/{issued['key']['id']}"
    assert await is_known(admin, issued["secret"])
    assert (await admin.get(keys)).json()["items"] == [issued["key"]]

    assert (await admin.put(f"{key}/revocation", json=WHY)).json()["revoked_at"] is not None
    await becomes_unknown(admin, issued["secret"])
    assert code_of(await admin.put(f"{key}/revocation", json=WHY)) == (409, "key_revoked")
    assert issued["secret"] not in str(query(office.url, "SELECT * FROM audit_log"))
    assert query(office.url, "SELECT action FROM audit_log ORDER BY id") == [
        ("source.created",), ("key.issued",), ("key.revoked",),
    ]  # fmt: skip


async def test_a_key_is_replaced_while_the_old_one_is_still_good(
    office: Office, admin: httpx.AsyncClient, keys: str
) -> None:
    old = (await admin.post(keys, json={})).json()
    until = office.clock() + timedelta(hours=1)
    rotation = f"{keys}/{old['key']['id']}/rotation"
    new = (await admin.post(rotation, json={"revoke_at": until.isoformat()})).json()

    assert await is_known(admin, old["secret"])
    office.clock.forward(hours=1)
    await becomes_unknown(admin, old["secret"])
    assert await is_known(admin, new["secret"])


async def test_a_key_is_replaced_at_once(office: Office, admin: httpx.AsyncClient, keys: str) -> None:
    old = (await admin.post(keys, json={})).json()
    rotation = f"{keys}/{old['key']['id']}/rotation"
    new = (await admin.post(rotation, json={})).json()

    await becomes_unknown(admin, old["secret"])
    assert await is_known(admin, new["secret"])
    assert code_of(await admin.post(rotation, json={})) == (409, "key_revoked")
    assert query(office.url, "SELECT count(*) FROM api_key") == [(2,)]


async def test_a_source_there_is_not_has_no_keys_and_one_there_is_is_not_made_again(
    office: Office, admin: httpx.AsyncClient, keys: str
) -> None:
    assert code_of(await admin.get("/sources/none/keys")) == (404, "not_found")
    assert code_of(await admin.post("/sources/none/keys", json={})) == (404, "not_found")
    revocation = await admin.put(f"{keys}/0123456789ab/revocation", json=WHY)
    assert code_of(revocation) == (404, "not_found")
    again = await admin.post("/sources", json={"id": "s09", "name": "Other"})
    assert code_of(again) == (409, "source_exists")
    assert [source["name"] for source in (await admin.get("/sources")).json()["items"]] == ["九号商城"]
    assert query(office.url, "SELECT count(*) FROM audit_log") == [(1,)]


async def test_an_endpoints_secret_is_replaced_and_the_old_one_signs_for_a_while(
    office: Office, admin: httpx.AsyncClient, keys: str
) -> None:
    body = {"source": "s09", "url": "https://shop.example/hooks/market"}
    made = (await admin.post("/endpoints", json=body)).json()
    assert made["secret"].startswith("whsec_")
    endpoint = f"/endpoints/{made['endpoint']['id']}"

    replaced = (await admin.post(f"{endpoint}/secret", json={"previous_minutes": 60})).json()
    assert query(office.url, "SELECT secret, previous_secret, previous_secret_until FROM endpoint") == [
        (replaced["secret"], made["secret"], office.clock() + timedelta(hours=1))
    ]
    final = (await admin.post(f"{endpoint}/secret", json={"previous_minutes": 0})).json()
    assert query(office.url, "SELECT secret, previous_secret, previous_secret_until FROM endpoint") == [
        (final["secret"], None, None)
    ]
    told = str(query(office.url, "SELECT * FROM audit_log"))
    assert not any(secret in told for secret in (made["secret"], replaced["secret"], final["secret"]))
    assert final["secret"] not in (await admin.get("/endpoints")).text
    assert query(office.url, "SELECT action FROM audit_log ORDER BY id OFFSET 1") == [
        ("endpoint.created",), ("endpoint.secret_rotated",), ("endpoint.secret_rotated",),
    ]  # fmt: skip


async def test_a_disabled_endpoint_stays_as_it_is(
    office: Office, admin: httpx.AsyncClient, keys: str
) -> None:
    body = {"source": "s09", "url": "https://shop.example/hooks", "format": "original"}
    made = (await admin.post("/endpoints", json=body)).json()
    endpoint = f"/endpoints/{made['endpoint']['id']}"

    disabled = (await admin.put(f"{endpoint}/disabled", json=WHY)).json()
    assert (disabled["disabled_at"] is not None, disabled["format"]) == (True, "original")
    assert code_of(await admin.put(f"{endpoint}/disabled", json=WHY)) == (409, "endpoint_disabled")
    assert code_of(await admin.post(f"{endpoint}/secret", json={})) == (409, "endpoint_disabled")
    listed = (await admin.get("/endpoints", params={"source": "s09"})).json()["items"]
    assert listed == [disabled]
    assert query(office.url, "SELECT action, reason FROM audit_log ORDER BY id OFFSET 2") == [
        ("endpoint.disabled", "leaked")
    ]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://shop.example/hooks", "address_not_public"),
        ("https://127.0.0.1/hooks", "address_not_public"),
        ("https://169.254.169.254/latest", "address_not_public"),
        ("ftp://shop.example/", "invalid_request"),
        ("https://shop.example/\n", "invalid_request"),
    ],
)
async def test_an_endpoint_is_never_in_our_own_network(
    office: Office, admin: httpx.AsyncClient, keys: str, url: str, code: str
) -> None:
    assert code_of(await admin.post("/endpoints", json={"source": "s09", "url": url})) == (422, code)
    assert query(office.url, "SELECT count(*) FROM endpoint") == [(0,)]
