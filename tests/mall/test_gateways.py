"""Which gateways a mall has: those that are set up in its environment, whole."""

import httpx
import pytest
from mall_builders import Shopper, World, some_settings
from mall_stand_ins import ALIPAY
from pydantic import BaseModel, SecretStr, ValidationError

from mall_wechatpay_stand_in import BARE_KEY, PUBLIC_KEY_ID, WECHATPAY
from tuan.kernel.db import build_pool
from tuan.kernel.jobs import Jobs
from tuan.kernel.rsa import public_pem
from tuan.mall.config import MallSettings
from tuan.mall.gateways.offered import GatewayMissing, GatewayNotOffered, Gateways, build_gateways
from tuan.mall.sweep import Sweep

ITS_OWN = {"alipay": ALIPAY, "wechatpay": WECHATPAY}


def environment() -> dict[str, str]:
    """As an operator writes it, for a mall with both."""
    plain = some_settings("postgresql://nowhere")
    named = {name: value for name, value in plain if not isinstance(value, BaseModel)}
    for gateway, settings in ITS_OWN.items():
        named |= {f"{gateway}_{name}": value for name, value in settings if value is not None}
    return {
        f"TUAN_MALL_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in named.items()
    }


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def gateways_of(settings: MallSettings) -> Gateways:
    async with httpx.AsyncClient() as http:
        return build_gateways(settings, http, public_url="http://h")


@pytest.mark.usefixtures("setenv")
async def test_a_gateway_is_what_the_environment_says() -> None:
    settings = MallSettings()

    assert (settings.alipay, settings.wechatpay) == (ALIPAY, WECHATPAY)
    assert list(await gateways_of(settings)) == ["alipay", "wechatpay"]


@pytest.mark.parametrize(("unset", "left"), [("alipay", "wechatpay"), ("wechatpay", "alipay")])
async def test_a_gateway_that_is_not_set_up_is_not_offered(
    setenv: pytest.MonkeyPatch, unset: str, left: str
) -> None:
    for name, _ in ITS_OWN[unset]:
        setenv.delenv(f"TUAN_MALL_{unset}_{name}".upper(), raising=False)
    gateways = await gateways_of(MallSettings())

    assert list(gateways) == [left]
    assert gateways.chosen(None).name == left
    with pytest.raises(GatewayNotOffered):
        gateways.chosen(unset)
    with pytest.raises(GatewayMissing):
        gateways[unset]


@pytest.mark.parametrize(
    "name",
    ["ALIPAY_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY", "WECHATPAY_PRIVATE_KEY", "WECHATPAY_API_V3_KEY",
     "WECHATPAY_MCH_ID", "WECHATPAY_SERIAL_NO", "WECHATPAY_APP_ID"],
)  # fmt: skip
@pytest.mark.parametrize("empty", [True, False])
def test_a_gateway_set_up_in_part_stops_the_mall_from_starting(
    setenv: pytest.MonkeyPatch, name: str, empty: bool
) -> None:
    if empty:
        setenv.setenv(f"TUAN_MALL_{name}", "")
    else:
        setenv.delenv(f"TUAN_MALL_{name}")
    with pytest.raises(ValidationError, match=name.split("_", 1)[1].lower()):
        MallSettings()


def test_a_mall_without_any_gateway_does_not_start() -> None:
    given = {name: value for name, value in some_settings("postgresql://nowhere") if name not in ITS_OWN}
    with pytest.raises(ValidationError, match="needs a gateway"):
        MallSettings(**given)


@pytest.mark.parametrize("alone", ["public_key", "public_key_id"])
def test_a_public_key_comes_with_its_id(setenv: pytest.MonkeyPatch, alone: str) -> None:
    both = {"public_key": public_pem(BARE_KEY.public_key()), "public_key_id": PUBLIC_KEY_ID}
    setenv.setenv(f"TUAN_MALL_WECHATPAY_{alone.upper()}", both[alone])
    with pytest.raises(ValidationError, match="come together"):
        MallSettings()


async def test_while_a_gateway_is_missing_the_others_payments_are_looked_after(
    world: World, ann: Shopper
) -> None:
    missing = await ann.ordered(gateway="wechatpay")
    there = await ann.ordered(gateway="alipay")
    world.clock.pass_by(minutes=16)
    without = Gateways({"alipay": world.gateway})
    async with build_pool(world.database, size=2) as pool:
        await Sweep(
            pool=pool,
            jobs=Jobs(world.database),
            gateways=without,
            market=world.market_door,
            clock=world.clock,
        ).sweep()

    assert (await ann.see(missing["number"]))["status"] == "awaiting_payment"
    assert (await ann.see(there["number"]))["status"] == "closed"
