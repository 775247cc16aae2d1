"""The guide for those who plug in tells the truth: its codes, its events, its paths and its fields."""

import json
import re
from pathlib import Path

import httpx

from tuan.kernel.errors import Refusal
from tuan.market.delivery import LADDER

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "integrate.md").read_text()


def codes_known() -> set[str]:
    found, kinds = set(), [Refusal]
    while kinds:
        kind = kinds.pop()
        found.add(kind.code)
        kinds += kind.__subclasses__()
    return found


def test_every_code_in_the_table_is_one_the_market_says() -> None:
    table = GUIDE.partition("| `code` | Status |")[2].partition("\n\n")[0]
    rows = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    codes = {code for row in rows for code in re.findall(r"`(\w+)`", row)}

    assert len(rows) == 21
    assert codes - codes_known() == set()


async def test_what_is_shown_of_the_api_is_what_it_serves(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    asked = re.findall(r"ask (POST|PUT|GET) '?(/v1/[^ '?]*)", GUIDE)

    served = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path))
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert {(method, re.sub(r"A1001|9890001", "*", path)) for method, path in asked} <= served
    for start, schema in (
        ('{"goods_id": "9890001", "campaign_id"', "QuoteView"),
        ('{"out_trade_no"', "SeatView"),
    ):
        shown = GUIDE[GUIDE.index(f"```json\n{start}") + 8 :].partition("```")[0].replace(", …]", "]")
        assert json.loads(shown).keys() == schemas[schema]["properties"].keys()


def test_the_retries_are_as_many_and_as_long_as_it_says() -> None:
    assert "thirteen times over three days: after 2 s, 5 s, 30 s, 2 min, 10 min" in GUIDE
    assert (len(LADDER), LADDER[:5], LADDER[-1]) == (13, (2, 5, 30, 120, 600), 86400)
    assert 3 <= sum(LADDER) / 86400 < 3.5
