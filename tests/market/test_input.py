"""What is not what we asked for: refused by shape, or kept to the letter; in the log it stays one line."""

import io
import itertools
import json
import unicodedata
from urllib.parse import quote

import httpx
import pytest
import structlog
from console_builders import Office, a_campaign, code_of
from market_builders import API_KEY, NOW
from market_processes import query

from tuan.kernel import log
from tuan.market.operator import Role

LOCK = {"buyer_id": "b1", "campaign_id": "summer", "goods_id": "tea", "channel": "app"}
SEATS = "SELECT count(*) FROM seat"

NOT_IDS = [
    "",
    "a\0b",
    "a b",
    "a\n",
    "é",
    unicodedata.normalize("NFD", "é"),
    "团",
    "🍵",
    "\u202eabc",
    "１２",
    "a" * 65,
    "a'; DROP TABLE seat; --",
    "<b>",
    "=1+1",
]
NOT_TEXTS = [1, 1.0, True, None, ["b1"], {"b1": 1}]
NOT_MOMENTS = [
    "2026-11-22T10:00:00",  # Of no time zone.
    "2026-11-22T10:00:60Z",  # A leap second: paid at no moment that we could compare.
    "2026-02-30T10:00:00Z",
    "1999-12-31T23:59:59Z",
    "9001-01-01T00:00:00Z",
    "yesterday",
    "NaN",
    True,
    None,
    [],
]
NAMES = [
    "夏日拼团 🍵",
    "\u202eשלום",
    unicodedata.normalize("NFD", "é"),
    "é",
    "'; DROP TABLE seat; --",
    "<script>",
    "=cmd()",
]
NOT_NAMES = ["", " ", "a\0b", "a\nb", "a" * 81]
NOT_COUNTS = [0, -1, 10_001, 10**30, 1.0, 1.5, "3", "３", True, None, [3]]


async def test_what_is_no_id_locks_nothing(http: httpx.AsyncClient, selling: str) -> None:
    for field, value in itertools.product(LOCK, [*NOT_IDS, *NOT_TEXTS]):
        answer = await http.put("/v1/seats/T1", json=LOCK | {field: value})
        assert code_of(answer) == (422, "invalid_request"), (field, value)
    assert query(selling, SEATS) == [(0,)]


async def test_what_is_no_id_is_no_order_number_either(http: httpx.AsyncClient, selling: str) -> None:
    for value in NOT_IDS:
        answer = await http.put(f"/v1/seats/{quote(value, safe='')}", json=LOCK)
        assert answer.status_code in (404, 405, 422), value
    assert query(selling, SEATS) == [(0,)]


async def test_a_field_too_many_or_too_few_locks_nothing(http: httpx.AsyncClient, selling: str) -> None:
    for wrong in ({"payable_fen": 1}, {"source": "rival"}, {"status": "settled"}):
        assert code_of(await http.put("/v1/seats/T1", json=LOCK | wrong)) == (422, "invalid_request")
    for missing in LOCK:
        body = {name: value for name, value in LOCK.items() if name != missing}
        assert code_of(await http.put("/v1/seats/T1", json=body)) == (422, "invalid_request")
    assert query(selling, SEATS) == [(0,)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"[" * 60_000,
        b'{"buyer_id":' * 5_000,
        b'{"buyer_id": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"buyer_id": "\xff"}',
        b'{"buyer_id": 1e400}',
        b'{"buyer_id": ' + b"9" * 5_000 + b"}",
    ],
    ids=range(12),
)
@pytest.mark.parametrize("path", ["PUT /v1/seats/T1", "POST /v1/quotes", "POST /console/v1/campaigns"])
async def test_what_is_no_json_of_ours_is_refused(trading: Office, path: str, content: bytes) -> None:
    method, _, path = path.partition(" ")
    headers = {"authorization": f"Bearer {API_KEY}", "content-type": "application/json"}
    async with trading.browser(Role.ADMIN) as browser:
        answer = await browser.request(method, f"http://market{path}", content=content, headers=headers)

    assert code_of(answer) == (422, "invalid_request")
    assert query(trading.url, "SELECT (SELECT count(*) FROM seat), count(*) FROM campaign") == [(0, 1)]


async def test_a_payment_is_made_at_a_moment_and_no_other_thing(
    http: httpx.AsyncClient, selling: str
) -> None:
    await http.put("/v1/seats/T1", json=LOCK)

    for value in NOT_MOMENTS:
        answer = await http.put("/v1/seats/T1/settlement", json={"paid_at": value})
        assert code_of(answer) == (422, "invalid_request"), value
    assert query(selling, "SELECT status FROM seat") == [("locked",)]


async def test_counts_are_whole_numbers_and_nothing_that_looks_like_one(
    console: httpx.AsyncClient, trading: Office
) -> None:
    for field, value in itertools.product(("seats_target", "take_limit", "hold_minutes"), NOT_COUNTS):
        campaign = a_campaign("d1", now=NOW, **{field: value})
        assert code_of(await console.post("/campaigns", json=campaign)) == (422, "invalid_request"), value
    assert query(trading.url, "SELECT count(*) FROM campaign") == [(1,)]


async def test_a_name_is_kept_to_the_letter_or_refused(console: httpx.AsyncClient, trading: Office) -> None:
    for name in NAMES:
        made = await console.post("/campaigns", json=a_campaign("d1", now=NOW, name=name))
        assert made.json()["name"] == name
        assert (await console.get(f"/campaigns/{made.json()['id']}")).json()["name"] == name
    for name in NOT_NAMES:
        refused = await console.post("/campaigns", json=a_campaign("d1", now=NOW, name=name))
        assert code_of(refused) == (422, "invalid_request"), name
    assert query(trading.url, "SELECT count(*) FROM campaign") == [(1 + len(NAMES),)]


def test_whatever_is_logged_is_one_line_of_json() -> None:
    lines, before = io.StringIO(), structlog.get_config()
    try:
        log.configure(lines)
        structlog.get_logger().info("x", name='a"\n{"event": "forged"}\r\u2028\0', other=object)
    finally:
        structlog.configure(**before)

    [line] = lines.getvalue().split("\n")[:-1]
    assert json.loads(line)["name"] == 'a"\n{"event": "forged"}\r\u2028\0'
