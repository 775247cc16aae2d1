from collections.abc import AsyncIterator

import httpx
import pytest
from mall_builders import Shopper, Wall, World, a_shopper, a_world
from mall_console_builders import ada, oleg, olga
from mall_original import OldPage, old_page
from mall_stand_ins import ByHost

from mall_wechatpay_stand_in import WECHATPAY, WeChatPayStandIn
from tuan.mall.gateways.wechatpay import WeChatPay

__all__ = ["ada", "oleg", "olga"]


@pytest.fixture
async def world(mall_database: str) -> AsyncIterator[World]:
    """Whatever a test does, its orders and its books must be sound when it ends."""
    async with a_world(mall_database) as world:
        yield world
        assert await world.findings(only_always=True) == []


@pytest.fixture
async def ann(world: World) -> AsyncIterator[Shopper]:
    async with a_shopper(world, "o-ann") as shopper:
        yield shopper


@pytest.fixture
async def bob(world: World) -> AsyncIterator[Shopper]:
    async with a_shopper(world, "o-bob") as shopper:
        yield shopper


@pytest.fixture
async def old_ann(world: World) -> AsyncIterator[OldPage]:
    async with old_page(world) as http:
        page = OldPage(world, http)
        await page.sign_in("o-ann")
        yield page


@pytest.fixture
async def old_bob(world: World) -> AsyncIterator[OldPage]:
    async with old_page(world) as http:
        page = OldPage(world, http)
        await page.sign_in("o-bob")
        yield page


@pytest.fixture
def time() -> Wall:
    return Wall()


@pytest.fixture
def wechatpay(time: Wall) -> WeChatPayStandIn:
    """WeChat Pay alone, at the other end of a `network`; and `gateway`, our door to it."""
    return WeChatPayStandIn(time)


@pytest.fixture
def network(wechatpay: WeChatPayStandIn) -> ByHost:
    return ByHost({"wechatpay.test": wechatpay.app})


@pytest.fixture
async def gateway(network: ByHost) -> AsyncIterator[WeChatPay]:
    async with httpx.AsyncClient(transport=network) as http:
        yield WECHATPAY.gateway(http, public_url="http://h")
