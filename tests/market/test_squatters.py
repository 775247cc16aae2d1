"""Seats held by people who never pay are held for minutes, and only so many by each."""

import httpx
from console_builders import Hands
from market_builders import API_KEY, NOW, TERMS
from market_processes import query

from tuan.market.app import build
from tuan.market.config import MarketSettings

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
PAID = {"paid_at": NOW.isoformat()}


async def test_a_team_full_of_squatters_is_everybodys_again_when_their_holds_end(selling: str) -> None:
    clock = Hands(NOW)
    service = build(MarketSettings(database_url=selling), clock=clock)
    headers = {"authorization": f"Bearer {API_KEY}"}
    async with (
        service.opened(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app), base_url="http://market/v1/seats", headers=headers
        ) as http,
    ):

        async def lock(buyer: str, team_id: str | None = None, *, order: str = "") -> httpx.Response:
            body = LOCK | ({"buyer_id": buyer} | ({"team_id": team_id} if team_id else {}))
            return await http.put(f"/{order or buyer}", json=body)

        opened = await lock("opener")
        team_id = opened.json()["team_id"]
        await http.put("/opener/settlement", json=PAID)
        for n in range(TERMS.seats_target - 1):
            assert (await lock(f"squatter-{n}", team_id)).status_code == 200
        again = await lock("squatter-0", order="second-order")
        late = await lock("buyer", team_id)
        assert [answer.json()["code"] for answer in (again, late)] == ["take_limit_reached", "team_full"]

        clock.forward(minutes=TERMS.hold_minutes)
        await service.drain()

        assert (await lock("buyer", team_id)).status_code == 200
    statuses = "SELECT status, count(*) FROM seat GROUP BY 1 ORDER BY 1"
    assert query(selling, statuses) == [("locked", 1), ("released", 4), ("settled", 1)]
