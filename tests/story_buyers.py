"""People who buy in the whole world: each with a browser of their own, through the real cashier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from story_world import URL, Room

from tuan import story
from tuan.kernel.ids import new_id
from tuan.story import Buyer

TEA, CAMPAIGN = "9890002", "100124"  # For two.
ORDERS = f"{URL}/api/mall/v1/orders"


@asynccontextmanager
async def a_buyer(room: Room, name: str) -> AsyncIterator[Buyer]:
    async with httpx.AsyncClient(base_url=URL, timeout=10, transport=room) as browser:
        buyer = Buyer(name, browser, "alipay")
        await story.sign_in(buyer)
        yield buyer


async def order_alone(buyer: Buyer) -> str:
    return str((await _order(buyer, {"product_id": TEA, "kind": "alone"}))["number"])


async def order_together(buyer: Buyer, *, team_id: str | None = None) -> tuple[str, str]:
    """The number of the order, and the team."""
    body = {"product_id": TEA, "kind": "group", "campaign_id": CAMPAIGN, "team_id": team_id}
    order = await _order(buyer, body)
    return str(order["number"]), str(order["team_id"])


async def refused(buyer: Buyer, *, team_id: str) -> str:
    """Why there is no seat for them in this team."""
    body = {"product_id": TEA, "kind": "group", "campaign_id": CAMPAIGN, "team_id": team_id}
    answer = await buyer.browser.post(ORDERS, json=body, headers={"idempotency-key": new_id()})
    assert answer.status_code == 409, answer.text
    return str(answer.json()["code"])


async def pay(buyer: Buyer) -> None:
    """For the order placed last. The gateway has the money; whether we hear of it is another matter."""
    await story.pay(buyer)


async def _order(buyer: Buyer, body: dict[str, Any]) -> dict[str, Any]:
    answer = await buyer.browser.post(ORDERS, json=body, headers={"idempotency-key": new_id()})
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    buyer.number, buyer.pay_url = order["number"], order["pay_url"]
    return order
