"""K16: no log line, no error and no page tells a secret, or whose WeChat somebody is."""

import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote

import httpx
import psycopg
import pytest
from house import House
from rich.console import Console

from tuan.kernel.embedded import database_url
from tuan.kernel.ids import new_id
from tuan.story import tell

# What the databases hold that nobody may read anywhere else.
SECRETS = {
    "tuan_mall": [
        "SELECT openid FROM buyer WHERE openid IS NOT NULL",
        "SELECT nickname FROM buyer",
        "SELECT id FROM login_ticket",
        "SELECT code FROM delivery",
        "SELECT openid FROM wechat_event",
    ],
    "tuan_sandbox": [
        "SELECT openid FROM follower",
        "SELECT nickname FROM follower",
        "SELECT token FROM access_token",
        "SELECT ticket FROM qr",
        "SELECT scene FROM qr",
    ],
}


class Overhearing(httpx.AsyncBaseTransport):
    """Hears what every browser is told, keeps the secrets of it, and the answers that are errors."""

    def __init__(self) -> None:
        self._inside = httpx.AsyncHTTPTransport()
        self.secrets: set[str] = set()
        self.errors: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inside.handle_async_request(request)
        body = (await response.aread()).decode()
        cookies = response.headers.get_list("set-cookie")
        self.secrets |= {header.split(";")[0].split("=", 1)[1] for header in cookies} - {""}
        signs = set(re.findall(r"\bsign=([\w%+/=-]{40,})", body + str(response.headers)))
        self.secrets |= signs | {unquote(sign) for sign in signs}
        self.secrets |= set(re.findall(r"/sign-in/L\w+/([0-9a-f]{64})", body))
        if response.is_error:
            self.errors.append(body + str(response.headers))
        return response

    async def close(self) -> None:
        """Once all who were overheard are gone; the first of them to leave closes nothing."""
        await self._inside.aclose()


@pytest.fixture
async def told() -> AsyncIterator[Overhearing]:
    overhearing = Overhearing()
    yield overhearing
    await overhearing.close()


def query(cluster: str, database: str, sql: str) -> list[str]:
    with psycopg.connect(database_url(cluster, database)) as connection:
        return [str(value) for (value,) in connection.execute(sql.encode()).fetchall()]


def change(cluster: str, sql: str) -> None:
    with psycopg.connect(database_url(cluster, "tuan_mall"), autocommit=True) as connection:
        connection.execute(sql.encode())


def secrets_of(whole: House, cluster: str) -> set[str]:
    keys: dict[str, str] = json.loads(whole.keys.read_text())
    known = {line for key in keys.values() for line in key.splitlines() if not line.startswith("-----")}
    for database, queries in SECRETS.items():
        known |= {value for sql in queries for value in query(cluster, database, sql)}
    raws = query(cluster, "tuan_mall", "SELECT encode(raw, 'escape') FROM notify_log")
    return known | {sign for raw in raws for sign in parse_qs(raw).get("sign", [])}


@contextmanager
def nobody_welcome(cluster: str) -> Iterator[None]:
    """Every new buyer breaks a rule, and PostgreSQL says so with the whole row."""
    change(cluster, "ALTER TABLE buyer ADD CONSTRAINT planted CHECK (false) NOT VALID")
    yield
    change(cluster, "ALTER TABLE buyer DROP CONSTRAINT planted")


async def test_a_whole_story_and_all_its_mishaps_tell_no_secret(
    whole: House, cluster: str, told: Overhearing
) -> None:
    silent = Console(file=io.StringIO())
    for product in ("9890001", "9890002"):
        assert await tell(whole.url, product, silent, transport=told) == 0
    await mishaps(whole, told)
    with nobody_welcome(cluster):
        assert await tell(whole.url, "9890003", silent, transport=told) == 1

    secrets = {one for one in told.secrets | secrets_of(whole, cluster) if len(one) >= 5}
    output = whole.log + "".join(told.errors)
    assert len(secrets) > 50
    assert whole.log.count("request_failed") >= 1
    assert [one for one in secrets if one in output] == []
    password = json.loads(whole.keys.read_text())["operator_password"]  # Told once, to who starts it.
    assert [one for one in secrets if one in whole.printed] == [password]


async def mishaps(whole: House, told: Overhearing) -> None:
    """Refused, forged, malformed and unknown; each carries a secret that a careless answer would repeat."""
    async with httpx.AsyncClient(base_url=f"{whole.url}/api/mall", transport=told) as browser:
        await browser.post("/v1/sessions/guest")
        ticket = (await browser.post("/v1/login/tickets")).json()["id"]
        for path in (f"/v1/login/tickets/{ticket}x", f"/sign-in/{ticket}/{'0' * 64}", f"/v1/orders/{ticket}"):
            await browser.get(path)
        await browser.post("/v1/sessions", json={"ticket_id": ticket, "extra": ticket})
        await browser.post("/v1/sessions", json={"ticket_id": ticket + "!"})
        await browser.post("/v1/orders", json={"product_id": ticket}, headers={"idempotency-key": new_id()})
        sign = next(one for one in told.secrets if len(one) > 300)
        await browser.post("/hooks/alipay", data={"sign": sign, "out_trade_no": "X"})
        await browser.post(f"/hooks/wechat?msg_signature={sign}&timestamp=1&nonce=1", content=sign)
        await browser.post("/hooks/market", content=sign, headers={"webhook-signature": f"v1,{sign}"})


async def test_an_error_of_ours_tells_its_number_and_nothing_else(whole: House, cluster: str) -> None:
    async with httpx.AsyncClient(base_url=f"{whole.url}/api/mall") as browser:
        with nobody_welcome(cluster):
            answer = await browser.post("/v1/sessions/guest")

    problem = answer.json()
    assert answer.status_code == 500
    assert problem == {
        "type": "about:blank",
        "title": "Internal error",
        "status": 500,
        "code": "internal_error",
        "detail": "Something broke on our side; the request id finds it in our logs.",
        "request_id": answer.headers["x-request-id"],
    }
    [line] = [
        json.loads(line)
        for line in whole.log.splitlines()
        if problem["request_id"] in line and "request_failed" in line
    ]
    assert "CheckViolation" in line["exception"]
    assert "DETAIL: left out" in line["exception"]
