"""The whole deployment on one machine: nginx spreads, processes die and come back, buyers notice nothing."""

import asyncio
import http.client
import json
import signal
from collections import Counter
from io import StringIO

import httpx
import psycopg
import pytest
from deployment import BACKENDS, TUAN, Deployment, lives, until
from rich.console import Console

from tuan.kernel.ids import new_id
from tuan.site import HEADERS
from tuan.story import TEAM_FORMS, Buyer, sign_in, tell

LOCK = "/api/v1/gbm/trade/lock_market_pay_order"
CALLERS = [
    ("POST", "/api/market/v1/quotes"),
    ("PUT", "/api/market/v1/seats/T1"),
    ("GET", "/api/market/v1/seats/T1"),
    ("PUT", "/api/market/v1/seats/T1/settlement"),
    ("PUT", "/api/market/v1/seats/T1/release"),
    ("GET", "/api/market/v1/teams"),
    ("GET", "/api/market/v1/teams/T1"),
    ("GET", "/api/market/v1/goods/tea/teams"),
    ("POST", LOCK),
    ("POST", "/api/v1/gbm/trade/settlement_market_pay_order"),
    ("POST", "/api/v1/gbm/trade/refund_market_pay_order"),
    ("POST", "/api/v1/test/group_buy_notify"),
    ("POST", "/api/v1/alipay/group_buy_notify"),
    ("POST", "/api/mall/hooks/market"),
    ("GET", "/api/market/metrics"),
    ("GET", "/api/mall/metrics"),
    ("GET", "/api/market/docs"),
]
DISGUISED = [
    "/api/market//v1/teams",
    "//api/market/v1/teams",
    "/api/market/console/../v1/teams",
    "/api/market/console/%2e%2e/v1/teams",
    "/api/market/console/..%2fv1/teams",
    "/api/market/v1/teams/T1/%2e%2e",
    "/api/market/%76%31/teams",
    "/api/mall/v1/..%2f..%2fmarket/v1/teams",
]


async def test_requests_go_turn_by_turn(deployment: Deployment) -> None:
    before = len(deployment.lines())
    async with httpx.AsyncClient(base_url=deployment.url) as http:
        malls = [(await http.get("/api/mall/v1/settings")).status_code for _ in range(20)]
        markets = [
            (await http.get(f"{deployment.inner_url}/api/market/v1/teams")).status_code for _ in range(20)
        ]

    await until(lambda: len(deployment.lines()) >= before + 40)
    lines = deployment.lines()[before:]
    assert (Counter(malls), Counter(markets)) == ({200: 20}, {401: 20})
    assert deployment.shares("mall", lines) == {"mall-1": 10, "mall-2": 10}
    assert deployment.shares("market", lines) == {"market-1": 10, "market-2": 10}


async def test_what_callers_need_is_behind_the_inner_door(deployment: Deployment) -> None:
    key = {"authorization": f"Bearer {deployment.api_key}"}
    async with httpx.AsyncClient(headers=key) as http:
        for method, path in CALLERS:
            outside = await http.request(method, deployment.url + path)
            inside = await http.request(method, deployment.inner_url + path)
            assert (path, outside.status_code, outside.json()["code"]) == (path, 404, "not_served")
            assert "not_served" not in inside.text, path


def test_no_spelling_opens_the_door(deployment: Deployment) -> None:
    """As it is written: a client would tidy it up."""
    key = {"authorization": f"Bearer {deployment.api_key}"}
    for path in DISGUISED:
        connection = http.client.HTTPConnection("127.0.0.1", deployment.ports.public)
        connection.request("GET", path, headers=key)
        answer = connection.getresponse()
        assert (path, answer.status) == (path, 404)
        connection.close()


async def test_who_asks_is_who_connects(deployment: Deployment) -> None:
    """The header says an address that may trade without a key. It is believed when nginx says it."""
    forged = {"x-forwarded-for": "203.0.113.7"}
    body = {"source": "s01", "channel": "c01", "userId": "b1", "goodsId": "9890001", "activityId": 100123}
    body |= {"outTradeNo": "forged-1", "notifyUrl": f"{deployment.inner_url}/api/mall/hooks/market"}
    backend = deployment.url_of("market-1") + LOCK

    async def code(http: httpx.AsyncClient, url: str) -> str:
        return str((await http.post(url, json=body, headers=forged)).json()["code"])

    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient() as near, httpx.AsyncClient(transport=elsewhere) as far:
        refused = await code(near, deployment.inner_url + LOCK)
        assert await code(far, backend) == refused == "0002"
        assert await code(near, backend) == "0000"


async def test_an_id_follows_the_request(deployment: Deployment) -> None:
    before = len(deployment.lines())
    async with httpx.AsyncClient(headers={"x-request-id": "mine-and-mine"}) as http:
        outside = await http.get(f"{deployment.url}/api/mall/v1/settings")
        inside = await http.get(f"{deployment.inner_url}/api/market/v1/teams")

    await until(lambda: len(deployment.lines()) >= before + 2)
    assert deployment.lines()[before]["request_id"] == outside.headers["x-request-id"] != "mine-and-mine"
    assert inside.headers["x-request-id"] == "mine-and-mine"


async def test_pages_are_served_as_by_one_process(deployment: Deployment) -> None:
    async with httpx.AsyncClient(base_url=deployment.url) as http:
        home, order = await http.get("/"), await http.get("/orders/1")
        script = await http.get(home.text.partition('src="')[2].partition('"')[0])
        missing = await http.get("/assets/missing.js")

    assert home.content == order.content
    assert {name: home.headers[name] for name in HEADERS} == HEADERS
    assert home.headers["cache-control"] == "no-cache"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-encoding"] == "gzip"
    assert missing.status_code == 404


async def test_a_post_that_was_sent_is_sent_once(deployment: Deployment) -> None:
    """Its process dies over it. The buyer hears so, presses again, and there is one order."""
    orders = f"{deployment.url}/api/mall/v1/orders"
    press = {"idempotency-key": new_id()}
    body = {"product_id": "9890002", "kind": "alone"}
    async with httpx.AsyncClient(base_url=deployment.url, timeout=60) as browser:
        await sign_in(Buyer("安安", browser, "alipay"))
        async with await psycopg.AsyncConnection.connect(deployment.database("mall")) as sitting:
            await sitting.execute("LOCK TABLE mall_order IN ACCESS EXCLUSIVE MODE")
            pressed = asyncio.create_task(browser.post(orders, json=body, headers=press))
            await until(lambda: len(_waiting(deployment)) == 1)
            [name] = _waiting(deployment)
            dead = deployment.kill(name)
            answer = await pressed
            assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")
            assert _waiting(deployment) <= {name}
        assert deployment.rows("mall", "SELECT count(*) FROM mall_order") == [(0,)]

        again = await browser.post(orders, json=body, headers=press)
        assert again.status_code == 201
        assert deployment.rows("mall", "SELECT count(*) FROM mall_order") == [(1,)]
    await deployment.back(name, dead)


def _waiting(deployment: Deployment) -> set[str]:
    """Who waits for a lock in the mall's database."""
    return {
        name
        for (name,) in deployment.rows(
            "mall",
            "SELECT application_name FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND application_name LIKE 'mall-_'",
        )
    }


async def test_progress_passes_as_it_happens(deployment: Deployment) -> None:
    """A stream, held back until it is full, would show nothing for minutes."""
    key = {"authorization": f"Bearer {deployment.api_key}"}
    body = {"goods_id": "9890001", "channel": "c01", "campaign_id": "100123"}
    seats = f"{deployment.inner_url}/api/market/v1/seats"
    async with httpx.AsyncClient(timeout=20) as http:
        first = await http.put(f"{seats}/watched-1", json=body | {"buyer_id": "w1"}, headers=key)
        team = first.json()["team_id"]
        async with http.stream("GET", f"{deployment.url}/api/market/v1/teams/{team}/events") as stream:
            taken = (
                json.loads(line[6:])["seats_taken"]
                async for line in stream.aiter_lines()
                if line[:5] == "data:"
            )
            assert await anext(taken) == 1
            await http.put(f"{seats}/watched-2", json=body | {"buyer_id": "w2", "team_id": team}, headers=key)
            assert await anext(taken) == 2


async def test_who_is_told_to_stop_takes_leave_and_nothing_is_lost(deployment: Deployment) -> None:
    """Quotes are POSTs: nginx gives none a second try, so each that is lost would be seen."""
    quotes = f"{deployment.inner_url}/api/market/v1/quotes"
    near = deployment.url_of("market-1")
    asked, gone = Counter[int](), asyncio.Event()
    key = {"authorization": f"Bearer {deployment.api_key}"}

    async def ask(http: httpx.AsyncClient, buyer: str) -> None:
        body = {"goods_id": "9890001", "channel": "c01", "buyer_id": buyer}
        while not gone.is_set():
            asked[(await http.post(quotes, json=body)).status_code] += 1

    async with httpx.AsyncClient(headers=key, timeout=20) as http:
        asking = [asyncio.create_task(ask(http, f"q{n}")) for n in range(8)]
        await until(lambda: asked[200] > 100)
        was = deployment.kill("market-1", signal.SIGTERM)
        await until(lambda: _red(near))
        body = {"goods_id": "9890001", "channel": "c01", "buyer_id": "late"}
        assert (await http.post(f"{near}/v1/quotes", json=body)).status_code == 200
        await deployment.back("market-1", was)
        gone.set()
        await asyncio.gather(*asking)

    assert set(asked) == {200}
    assert "market-1 ended with 0" in deployment.out.read_text()


def _red(url: str) -> bool:
    return "leaving" in httpx.get(f"{url}/readyz").text


@pytest.mark.drill
async def test_the_story_goes_on_while_all_die_and_come_back(deployment: Deployment) -> None:
    """A mall dies between requests: one that it held in its hands would be the buyer's to repeat."""
    began = len(deployment.lines())

    first = await _story_in_which(deployment, ["market-1", "mall-worker"], die_by=signal.SIGKILL)
    was = deployment.kill("mall-1")
    await deployment.gone(was)
    await deployment.back("market-1", first["market-1"])
    await _story_in_which(deployment, ["market-2", "market-worker"], die_by=signal.SIGTERM)
    await deployment.back("mall-1", was)
    await deployment.gone(deployment.kill("mall-2"))
    await _story_in_which(deployment, [], die_by=signal.SIGKILL)

    lines = deployment.lines()[began:]
    for service, names in BACKENDS.items():
        shares = deployment.shares(service, lines)
        assert min(shares[name] for name in names) > sum(shares.values()) / 10
    formed = "SELECT count(*) FROM team WHERE status = 'formed' AND seats_settled = 3"
    assert deployment.rows("market", formed) == [(3,)]
    assert deployment.rows("market", "SELECT count(*) FROM seat WHERE status = 'settled'") == [(9,)]


async def _story_in_which(
    deployment: Deployment, names: list[str], *, die_by: signal.Signals
) -> dict[str, int]:
    """They die once it has locked a seat. Returns the processes that died."""
    before, said = len(deployment.lines()), StringIO()
    story = asyncio.create_task(tell(deployment.url, "9890001", Console(file=said), plot=TEAM_FORMS))
    await until(
        lambda: story.done() or any("/v1/seats" in line["path"] for line in deployment.lines()[before:])
    )
    was = {name: deployment.kill(name, die_by) for name in names}

    assert await story == 0, said.getvalue()
    return was


async def test_the_story_is_seen_by_prometheus_and_the_doctor_finds_all_well(deployment: Deployment) -> None:
    told = StringIO()
    assert await tell(deployment.url, "9890001", Console(file=told), plot=TEAM_FORMS) == 0, told.getvalue()
    async with httpx.AsyncClient() as http:
        names = ("market-1", "market-2", "mall-1", "mall-worker")
        pages = [(await http.get(f"{deployment.url_of(name)}/metrics")).text for name in names]
    doctor = await asyncio.create_subprocess_exec(
        *(TUAN, "doctor", "--url", deployment.url, "--data", str(deployment.home)),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await doctor.communicate()

    assert 'tuan_desk_outcomes_total{desk="lock",outcome="done"}' in pages[0] + pages[1]
    assert 'tuan_teams{of="forming"}' in pages[0]
    assert 'tuan_money_held_fen{of="orders"} 0.0' in pages[2]
    assert 'tuan_calls_total{outcome="200",to="market"}' in pages[3]
    assert doctor.returncode == 0, said.decode()


async def test_who_signs_in_too_often_is_told_to_wait(deployment: Deployment) -> None:
    """At the door: no process hears of what is refused."""
    before = len(deployment.lines())
    async with httpx.AsyncClient(base_url=deployment.url, timeout=60) as http:
        tries = [http.post("/api/mall/v1/sessions", json={"ticket_id": "none"}) for _ in range(200)]
        answers = await asyncio.gather(*tries)

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.json()["code"] for answer in refused} == {"too_many_requests"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    await until(lambda: len(deployment.lines()) >= before + 200)
    unheard = [line for line in deployment.lines()[before:] if line["status"] == 429]
    assert {line["backend"] for line in unheard} == {""}


async def test_it_stops_all_of_it(deployment: Deployment) -> None:
    postmaster = deployment.home / "postgres" / "postmaster.pid"
    files = [*(deployment.home / "run").iterdir(), postmaster]
    pids = [int(file.read_text().split()[0]) for file in files]
    assert (len(pids), [pid for pid in pids if not lives(pid)]) == (10, [])

    deployment.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(deployment.process.wait, 60) == 0
    for pid in pids:
        await deployment.gone(pid)
    assert not postmaster.exists()
    assert "is killed" not in deployment.out.read_text()
