"""Buttons that move the clock: only where a demonstration asked for them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sandbox_builders import JSON, Merchant, Shop, Time, controls

from tuan.sandbox.app import build
from tuan.sandbox.config import SandboxSettings


@pytest.fixture
async def demo(
    settings: SandboxSettings, time: Time, shop: Shop, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    with_clock = settings.model_copy(update={"demo_clock": tmp_path / "clock"})
    service = build(with_clock, clock=time, transport=httpx.ASGITransport(shop))
    site = httpx.ASGITransport(service.app)
    async with service.opened(), httpx.AsyncClient(transport=site, base_url="http://sandbox") as http:
        yield http


async def test_a_program_moves_it(demo: httpx.AsyncClient) -> None:
    moved = await demo.post("/admin/clock", json={"seconds": 90})

    assert moved.json() == {"now": "2026-11-22T10:01:30+00:00", "ahead_seconds": 90.0}
    assert (await demo.get("/admin/clock")).json() == moved.json()


async def test_a_person_moves_it_at_the_page(demo: httpx.AsyncClient) -> None:
    before = await demo.get("/")
    pressed = await demo.post("/admin/clock", data={"seconds": "86400"})
    after = await demo.get("/")

    assert list(controls(before.text))[:5] == ["clock", *["move-clock"] * 4]
    assert (pressed.status_code, "2026-11-22 18:00:00" in before.text) == (303, True)
    assert "和真实时间一样" in before.text
    assert "2026-11-23 18:00:00" in after.text
    assert "快 1 天" in after.text


@pytest.mark.parametrize("body", [{"seconds": 0}, {"seconds": -60}, {"seconds": 10**9}, {"seconds": 1.5}, {}])
async def test_it_is_not_moved_back_nor_out_of_sight(demo: httpx.AsyncClient, body: object) -> None:
    refused = await demo.post("/admin/clock", json=body, headers=JSON)

    assert refused.status_code == 422
    assert (await demo.get("/admin/clock")).json()["ahead_seconds"] == 0


async def test_elsewhere_there_is_no_such_route_and_no_button(merchant: Merchant) -> None:
    page = await merchant.http.get("/")

    for answer in (
        await merchant.http.get("/admin/clock"),
        await merchant.http.post("/admin/clock", json={"seconds": 60}),
    ):
        assert answer.status_code == 404
    assert "move-clock" not in list(controls(page.text))
