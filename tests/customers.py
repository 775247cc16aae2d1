"""Buyers who note what they were promised, to see whether it is kept."""

from datetime import timedelta

import httpx
from market_builders import API_KEY, NOW
from market_processes import query

from tuan.kernel.audit import audit
from tuan.kernel.clock import utc_now
from tuan.market.store_audit import RULES

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
PAID = {"paid_at": NOW.isoformat()}
HEADERS = {"authorization": f"Bearer {API_KEY}"}


def customer(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=20)


async def buy(http: httpx.AsyncClient, n: int) -> list[str]:
    """Lock and pay; returns what was acknowledged before whatever happened happened."""
    acknowledged = []
    try:
        locked = await http.put(f"/v1/seats/T{n}", json=LOCK | {"buyer_id": f"b{n}"})
        acknowledged += ["locked"] * locked.is_success
        settled = await http.put(f"/v1/seats/T{n}/settlement", json=PAID)
        acknowledged += ["settled"] * settled.is_success
    except httpx.HTTPError:
        pass
    return acknowledged


def check(url: str, acknowledged: list[list[str]]) -> None:
    """Nobody was promised what is not there; and no rule is broken."""
    rows: dict[object, object] = dict(query(url, "SELECT out_trade_no, status FROM seat"))  # type: ignore[arg-type]
    for n, words in enumerate(acknowledged):
        if "settled" in words:
            assert rows[f"T{n}"] == "settled"
        elif "locked" in words:
            assert rows[f"T{n}"] in ("locked", "settled")
    assert audit(url, RULES, overdue=utc_now() - timedelta(hours=1)) == []
